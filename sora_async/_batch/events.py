"""What a batch reports: each outcome, and the newest event of each stage of an item."""

import asyncio
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import attrs

from .._download.events import DownloadEvent
from .._polling.events import ProgressEvent
from .._polling.shared_operation import SharedOperation
from ..errors import SoraError
from ..models import VideoFile, VideoTask
from ..models.repr import brief

BatchStage = Literal["creating", "waiting", "downloading"]


@attrs.frozen(kw_only=True)
class BatchEvent:
    """
    An update of a batch item that has not ended yet.

    Attributes:
        item: The prompt or mapping, as it was given.
        key: Identifies the item in the journal.
        path: Where its video will be.
        stage: What is being done: ``"creating"``, ``"waiting"`` or ``"downloading"``.
        task_id: The id of its task; None before there is one.
        event: The newest event of the wait or the download; None when the stage begins.
    """

    __repr__ = brief

    item: object
    key: str
    path: Path
    stage: BatchStage
    task_id: str | None = None
    event: ProgressEvent | DownloadEvent | None = None


@attrs.frozen(kw_only=True)
class BatchOutcome:
    """
    How one item of a batch ended; a failure is a value here, too.

    Attributes:
        item: The prompt or mapping, as it was given.
        key: Identifies the item in the journal; "" for one that cannot be created.
        path: Where its video is, or would be.
        task_id: The id of its task; None when there is none, as far as is known.
        task: The newest snapshot; None when none was seen in this run.
        file: The video on disk; None when it is not there.
        error: Why it is not there; None when it is.
    """

    __repr__ = brief

    item: object
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
    """What the queue holds in place of an event, of which only the newest is kept."""

    key: str
    stage: BatchStage


Result = TypeVar("Result")


class CoalescingQueue:
    """
    Events and outcomes that were not read yet, in the order in which they came.

    A slow reader finds the newest event of each stage of an item, so the last event of a wait is
    never left out, and no queue of old ones.

    Args:
        max_items: How many items there may be at once, including those whose outcome was not read.
        include_events: Whether events are queued; otherwise only outcomes are.
    """

    def __init__(self, *, max_items: int, include_events: bool) -> None:
        self._include_events = include_events
        self._newest: dict[QueueKey, BatchEvent] = {}
        # Of each item at most an event of each of the three stages, and the outcome.
        self._queue: asyncio.Queue[BatchOutcome | QueueKey | None] = asyncio.Queue(
            4 * max_items + 1
        )

    def put_event(self, event: BatchEvent) -> None:
        """Queue an event, in place of an unread one of the same stage of the same item."""
        if not self._include_events:
            return
        key = QueueKey(event.key, event.stage)
        if key not in self._newest:
            self._queue.put_nowait(key)
        self._newest[key] = event

    def put_outcome(self, outcome: BatchOutcome) -> None:
        """Queue an outcome."""
        self._queue.put_nowait(outcome)

    def close(self) -> None:
        """Queue the end: nothing follows."""
        self._queue.put_nowait(None)

    async def get(self) -> BatchEvent | BatchOutcome | None:
        """Return what comes next; None at the end."""
        found = await self._queue.get()
        return self._newest.pop(found) if isinstance(found, QueueKey) else found

    async def follow(self, source: SharedOperation[Result, Any], event: BatchEvent) -> Result:
        """
        Return the result of a wait or a download, and queue its events meanwhile.

        *event* is queued when it begins, and copied for each of its events.
        """
        self.put_event(event)
        if not self._include_events:
            return await source
        # Awaiting leaves last when this is cancelled: it waits until a part file is closed.
        ending = asyncio.ensure_future(source)
        try:
            async for one in source:
                self.put_event(attrs.evolve(event, event=one))
            return await ending
        finally:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)
