"""What a batch has to tell: each outcome, and of the events of an order the newest."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import attrs

from .._download.events import DownloadEvent
from .._polling.events import ProgressEvent
from ..errors import SoraError
from ..models import VideoFile, VideoTask
from ..models.repr import brief

BatchStage = Literal["creating", "waiting", "downloading"]


@attrs.frozen(kw_only=True)
class BatchEvent:
    """
    One news of an order of a batch that has not ended yet.

    Attributes:
        order: What was ordered, as it was given.
        key: What the journal knows it by.
        path: Where its video will be.
        stage: What is being done: ``"creating"``, ``"waiting"`` or ``"downloading"``.
        task_id: The id of its task; None before there is one.
        event: The newest event of the wait or the download; None when the stage begins.
    """

    __repr__ = brief

    order: object
    key: str
    path: Path
    stage: BatchStage
    task_id: str | None = None
    event: ProgressEvent | DownloadEvent | None = None


@attrs.frozen(kw_only=True)
class BatchOutcome:
    """
    How one order of a batch ended; a failure is a value here, too.

    Attributes:
        order: What was ordered, as it was given.
        key: What the journal knows it by; "" for an order that cannot be sent.
        path: Where its video is, or would be.
        task_id: The id of its task; None when there is none, as far as is known.
        task: The newest snapshot; None when none was seen in this run.
        file: The video on disk; None when it is not there.
        error: Why it is not there; None when it is.
    """

    __repr__ = brief

    order: object
    key: str = ""
    path: Path | None = None
    task_id: str | None = None
    task: VideoTask | None = None
    file: VideoFile | None = None
    error: SoraError | None = None

    def result(self) -> VideoFile:
        """
        Return the file, or raise the error.

        Raises:
            SoraError: There is no file.
        """
        if self.error is not None:
            raise self.error
        assert self.file is not None
        return self.file


class QueueKey(NamedTuple):
    """What stands in the queue for an event."""

    key: str
    stage: BatchStage


End = TypeVar("End")
Found = TypeVar("Found", covariant=True)


class CoalescedEvent(Protocol[Found]):
    """A wait or a download."""

    def result(self) -> Coroutine[Any, Any, Found]:
        """Return what it ends with."""

    def __aiter__(self) -> AsyncIterator[ProgressEvent | DownloadEvent]:
        """Iterate over its events."""


class CoalescingQueue(Generic[End]):
    """
    What was told and not taken yet, in the order in which it came.

    A slow reader finds the newest event of each stage of an order, so that the last one of a
    wait is never left out, and no queue of old ones.

    Args:
        places: How many orders there may be at once, with those whose outcome was not taken.
        include_events: Whether events are told; otherwise only outcomes are.
    """

    def __init__(self, *, places: int, include_events: bool) -> None:
        self._include_events = include_events
        self._events: dict[QueueKey, BatchEvent] = {}
        self._queue: asyncio.Queue[End | QueueKey | None] = asyncio.Queue(4 * places + 1)

    def tell(self, event: BatchEvent) -> None:
        """Tell an event, in the place of one of the same stage that was not taken."""
        if not self._include_events:
            return
        place = QueueKey(event.key, event.stage)
        if place not in self._events:
            self._queue.put_nowait(place)
        self._events[place] = event

    def end(self, outcome: End | None) -> None:
        """Tell an outcome; None is the end of all news."""
        self._queue.put_nowait(outcome)

    async def take(self) -> BatchEvent | End | None:
        """Return the next news, None at the end of all."""
        news = await self._queue.get()
        return self._events.pop(news) if isinstance(news, QueueKey) else news

    async def follow(self, source: CoalescedEvent[Found], event: BatchEvent) -> Found:
        """
        Return what a wait or a download ends with, and tell its events meanwhile.

        Args:
            source: What is followed.
            event: What is told when it begins, and what all its events are told in.
        """
        self.tell(event)
        if not self._include_events:
            return await source.result()
        # Who awaits it lets go last when this is cancelled: only then is a part file waited for.
        ending = asyncio.create_task(source.result())
        try:
            async for one in source:
                self.tell(attrs.evolve(event, event=one))
            return await ending
        finally:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)
