"""Many waits at once: their events in one stream, and each settled as a value."""

import asyncio
from collections import OrderedDict
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Iterator,
)
from typing import ClassVar, NoReturn

import attrs

from ..errors import ClientClosedError, SoraError
from ..errors.base import wrap_unexpected
from ..models import VideoTask
from ..models.repr import brief
from .events import ProgressEvent
from .poller import Poller
from .watch import Watch

STARTS_PER_TURN = 100
"""Waits that are begun before the loop's other work gets its turn."""


@attrs.frozen
class Succeeded:
    """
    A wait that ended with a finished task.

    Attributes:
        task_id: The id that was asked for.
        task: The finished task.
        error: Always None.
    """

    __repr__ = brief

    task_id: str
    task: VideoTask
    error: ClassVar[None] = None

    def result(self) -> VideoTask:
        """Return the task."""
        return self.task


@attrs.frozen
class Failed:
    """
    A wait that ended with an error; the task itself may go on.

    Attributes:
        task_id: The id that was asked for.
        error: Why there is no finished task.
        task: Always None.
    """

    __repr__ = brief

    task_id: str
    error: SoraError
    task: ClassVar[None] = None

    def result(self) -> NoReturn:
        """
        Raise the error.

        Raises:
            SoraError: Always.
        """
        raise self.error


Outcome = Succeeded | Failed
"""How one of many waits ended."""

ManyWaitsEvent = ProgressEvent | Outcome


class ManyWaits:
    """
    Many waits at once, and what they have to tell, in the order in which it came.

    A wait costs no asyncio task here. Of each there is at most one piece of
    news in store, the newest, so a slow reader is never behind by more.

    Args:
        wait: Makes the wait for an id.
        max_concurrent: Places: waits under way, and outcomes not yet taken.
        include_events: Whether events are news; otherwise only outcomes are.
    """

    def __init__(
        self, wait: Callable[[str], Watch], *, max_concurrent: int, include_events: bool
    ) -> None:
        self._wait = wait
        self._include_events = include_events
        self._places = asyncio.Semaphore(max_concurrent)
        self._watches: set[Watch] = set()
        self._news: OrderedDict[int, Watch | Outcome] = OrderedDict()
        self._poller: Poller | None = None
        self._has_news = asyncio.Event()
        self._has_all = False
        self._begun = 0

    async def follow(
        self, task_ids: Iterable[str] | AsyncIterable[str]
    ) -> AsyncGenerator[ManyWaitsEvent, None]:
        """
        Yield the news of all waits, the outcome of each as the last of it.

        Args:
            task_ids: Any number of ids; the next one is taken when there is a place for it.
        """
        reading = asyncio.create_task(self._begin_all(task_ids))
        try:
            while self._watches or self._news or not self._has_all:
                while self._news:
                    for news in self._tell(self._news.popitem(last=False)[1]):
                        yield news
                self._has_news.clear()
                if self._watches or not self._has_all:
                    await self._has_news.wait()
            await reading
        finally:
            reading.cancel()
            for watch in self._watches:
                watch._unfollow()
            await asyncio.gather(reading, return_exceptions=True)

    async def _begin_all(self, task_ids: Iterable[str] | AsyncIterable[str]) -> None:
        try:
            if isinstance(task_ids, AsyncIterable):
                async for task_id in task_ids:
                    await self._begin(task_id)
                return
            for task_id in task_ids:
                await self._begin(task_id)
        finally:
            self._has_all = True
            self._has_news.set()

    async def _begin(self, task_id: str) -> None:
        await self._places.acquire()
        self._begun += 1
        if self._begun % STARTS_PER_TURN == 0:
            await asyncio.sleep(0)
        if self._poller is not None and self._poller.is_closed:
            self._note(Failed(task_id, ClientClosedError(task_id)))
            return
        try:
            watch = self._wait(task_id)
            watch._follow(self._note)
            self._watches.add(watch)
            self._poller = watch._poller
        except SoraError as error:
            self._note(Failed(task_id, error))

    def _note(self, news: Watch | Outcome) -> None:
        """Take note of news; of a wait that has some in store already, only the newest counts."""
        if self._include_events or isinstance(news, Outcome) or news._has_ended:
            self._news[id(news)] = news
            self._has_news.set()

    def _tell(self, source: Watch | Outcome) -> Iterator[ManyWaitsEvent]:
        if isinstance(source, Outcome):
            self._places.release()
            yield source
            return
        event, is_over = source.latest, source._has_ended
        if is_over:
            self._watches.discard(source)
            self._places.release()
        if (
            self._include_events
            and event is not None
            and not isinstance(source._end, BaseException)
        ):
            yield event
        if is_over:
            yield _outcome(source)


def _outcome(watch: Watch) -> Outcome:
    """Return how a wait ended; a bug in it is an error as well, and ends no other wait."""
    try:
        return Succeeded(watch.task_id or "", watch._result_or_raise())
    except SoraError as error:
        return Failed(watch.task_id or "", error)
    except Exception as bug:
        return Failed(watch.task_id or "", wrap_unexpected(bug))
