"""Many waits at once: their events in one stream, and how each ended as a value."""

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
"""Waits that are started before the loop's other work gets its turn."""


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
    Many waits at once, and their events in the order in which they came.

    A wait needs no asyncio task here. Of each at most one event is kept, the newest, so a slow
    reader is never behind by more.

    Args:
        wait: Makes the wait for an id.
        max_concurrent: Waits under way at the same time, outcomes not yet taken included.
        include_events: Whether events are yielded, too, and not only outcomes.
    """

    def __init__(
        self, wait: Callable[[str], Watch], *, max_concurrent: int, include_events: bool
    ) -> None:
        self._wait = wait
        self._include_events = include_events
        self._permits = asyncio.Semaphore(max_concurrent)
        self._watches: set[Watch] = set()
        self._updated: OrderedDict[int, Watch | Outcome] = OrderedDict()  # not yet yielded, by id()
        self._has_update = asyncio.Event()
        self._poller: Poller | None = None
        self._has_all_ids = False
        self._started = 0

    async def follow(
        self, task_ids: Iterable[str] | AsyncIterable[str]
    ) -> AsyncGenerator[ManyWaitsEvent, None]:
        """
        Yield the events of all waits; the last of each wait is its outcome.

        Args:
            task_ids: Any number of ids; the next one is read when fewer than *max_concurrent*
                waits are under way.
        """
        starting = asyncio.create_task(self._start_all(task_ids))
        try:
            while self._watches or self._updated or not self._has_all_ids:
                while self._updated:
                    _, source = self._updated.popitem(last=False)
                    for event in self._take_events(source):
                        yield event
                self._has_update.clear()
                if self._watches or not self._has_all_ids:
                    await self._has_update.wait()
            await starting
        finally:
            starting.cancel()
            for watch in self._watches:
                watch._unfollow()
            await asyncio.gather(starting, return_exceptions=True)

    async def _start_all(self, task_ids: Iterable[str] | AsyncIterable[str]) -> None:
        try:
            if isinstance(task_ids, AsyncIterable):
                async for task_id in task_ids:
                    await self._start(task_id)
            else:
                for task_id in task_ids:
                    await self._start(task_id)
        finally:
            self._has_all_ids = True
            self._has_update.set()

    async def _start(self, task_id: str) -> None:
        await self._permits.acquire()
        self._started += 1
        if self._started % STARTS_PER_TURN == 0:
            await asyncio.sleep(0)
        if self._poller is not None and self._poller.is_closed:
            self._on_update(Failed(task_id, ClientClosedError(task_id)))
            return
        try:
            watch = self._wait(task_id)
            watch._follow(self._on_update)
            self._watches.add(watch)
            self._poller = watch._poller
        except SoraError as error:
            self._on_update(Failed(task_id, error))

    def _on_update(self, source: Watch | Outcome) -> None:
        """Queue a wait or an outcome; a wait that is queued already is not queued again."""
        if self._include_events or isinstance(source, Outcome) or source._has_ended:
            self._updated[id(source)] = source
            self._has_update.set()

    def _take_events(self, source: Watch | Outcome) -> Iterator[ManyWaitsEvent]:
        if isinstance(source, Outcome):
            self._permits.release()
            yield source
            return
        event, has_ended = source.latest, source._has_ended
        if has_ended:
            self._watches.discard(source)
            self._permits.release()
        has_failed = isinstance(source._end, BaseException)
        if self._include_events and event is not None and not has_failed:
            yield event
        if has_ended:
            yield _outcome(source)


def _outcome(watch: Watch) -> Outcome:
    """Return how a wait ended; a bug in it is an error as well, and ends no other wait."""
    try:
        return Succeeded(watch.task_id or "", watch._result_or_raise())
    except SoraError as error:
        return Failed(watch.task_id or "", error)
    except Exception as bug:
        return Failed(watch.task_id or "", wrap_unexpected(bug))
