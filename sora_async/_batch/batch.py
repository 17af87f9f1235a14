"""Many prompts in, many files out: made, waited for and downloaded, and never ordered twice."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import attrs

from .._download.download import Download
from .._polling.fault_policy import Until
from .._polling.watch import Watch
from ..errors import (
    ClientClosedError,
    InvalidArgumentError,
    OutputExistsError,
    SoraError,
    TaskFailedError,
    WaitInterruptedError,
)
from ..models import VideoFile, VideoTask
from .events import BatchEvent, BatchOutcome, CoalescingQueue
from .items import BatchItem, BatchItems, read_items
from .journal import Journal, failed_before
from .reconcile import TaskLister, reconcile_creates
from .submitter import CreateStarter, CreateSubmitter


class BatchClient(CreateStarter, TaskLister, Protocol):
    """What a batch needs of its client."""

    def _hold(self, task: "asyncio.Task[None]") -> None:
        """Let a task come to its end before the client is closed."""

    def wait_until_complete(self, task_id: str, *, timeout: float | None, until: Until) -> Watch:
        """Wait for a task."""

    def download(self, source: VideoTask, path: Path, *, if_exists: Any) -> Download:
        """Save a video."""


@attrs.frozen(kw_only=True)
class BatchOptions:
    """
    How a batch is carried out.

    Attributes:
        output_dir: The folder for the files.
        max_creates: How many orders are sent at the same time.
        max_waits: How many tasks there may be on the service that have not ended.
        max_downloads: How many videos are downloaded at the same time.
        timeout: Seconds for each wait, and for a create that is refused with 429 again and
            again; None for no limit.
        reconcile_delay: Seconds after which the service lists a task for an order that was sent before.
    """

    output_dir: Path
    max_creates: int
    max_waits: int
    max_downloads: int
    timeout: float | None
    reconcile_delay: float


class Batch:
    """
    One run of a batch.

    An order is noted in the journal before it is sent, and again when its id is
    known. What a killed run left in between is looked for on the service before
    anything new is ordered; an order whose fate cannot be told is never sent again.

    Args:
        door: The client.
        plan: How it is carried out.
        journal: What earlier runs have done; already open.
        include_events: Whether events are told, too, and not only outcomes.
    """

    def __init__(
        self, door: BatchClient, plan: BatchOptions, journal: Journal, *, include_events: bool
    ) -> None:
        self._door = door
        self._plan = plan
        self._journal = journal
        self._items = BatchItems(plan.output_dir)
        # What an earlier run has put under their paths is whole, though it may not have said so.
        self._begun = {
            entry.key
            for entry in journal.entries.values()
            if entry.stage in ("created", "saved") and not entry.facts.get("is_foreign")
        }
        self._ids: dict[str, str] = {}
        self._submitter = CreateSubmitter(
            door, journal, max_concurrent=plan.max_creates, timeout=plan.timeout
        )
        self._waiting = asyncio.Semaphore(plan.max_waits)
        self._downloading = asyncio.Semaphore(plan.max_downloads)
        # Outcomes that were not taken yet have a place, too: a slow reader holds up the batch.
        places = plan.max_waits + plan.max_downloads
        self._places = asyncio.Semaphore(places)
        self._news: CoalescingQueue[BatchOutcome] = CoalescingQueue(
            places=places, include_events=include_events
        )
        self._doubts: Mapping[str, SoraError] = {}

    async def follow(
        self, orders: Iterable[object] | AsyncIterable[object]
    ) -> AsyncGenerator[BatchEvent | BatchOutcome]:
        """Yield how each order ended, in the order in which they end, and what happens before."""
        found = await reconcile_creates(self._door, self._journal, self._plan.reconcile_delay)
        self._doubts, self._submitter.newest = found.left, found.newest
        # What is made now may have been put under its path by the run that was killed.
        self._begun |= found.made
        running = asyncio.create_task(self._carry_out_all(orders))
        self._door._hold(running)
        running.add_done_callback(lambda _: self._news.end(None))
        try:
            while (news := await self._news.take()) is not None:
                if isinstance(news, BatchOutcome):
                    self._places.release()
                yield news
            if running.cancelled():  # by the client, which was closed
                raise ClientClosedError("")
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _carry_out_all(self, orders: Iterable[object] | AsyncIterable[object]) -> None:
        """Carry out all orders; an error of their source is raised when the others have ended."""
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            try:
                async for order in read_items(orders):
                    await self._places.acquire()
                    # Here and now: a source may give the same mapping, filled anew, each time.
                    try:
                        item = self._items.take(order)
                    except InvalidArgumentError as error:
                        self._news.end(BatchOutcome(order=order, error=error))
                    else:
                        group.create_task(self._carry_out(order, item))
            except Exception as error:
                failure = error
        if failure is not None:
            raise failure

    async def _carry_out(self, order: object, item: BatchItem) -> None:
        outcome = BatchOutcome(order=order, key=item.key, path=item.path)
        try:
            outcome = await self._do(item, outcome)
        except SoraError as error:
            outcome = self._fails(outcome, error)
        self._ids.pop(item.key, None)
        self._news.end(outcome)

    def _fails(self, outcome: BatchOutcome, error: SoraError) -> BatchOutcome:
        task = error.last if isinstance(error, WaitInterruptedError) else None
        if isinstance(error, TaskFailedError):
            task = error.task
        entry = self._journal.entries.get(outcome.key)
        known = self._ids.get(outcome.key) or (None if entry is None else entry.task_id)
        return attrs.evolve(outcome, error=error, task=task, task_id=known)

    async def _do(self, item: BatchItem, outcome: BatchOutcome) -> BatchOutcome:
        entry = self._journal.entries.get(item.key)
        if item.key in self._doubts:
            raise self._doubts[item.key]
        if entry is not None and entry.stage == "failed":
            raise TaskFailedError(failed_before(entry))
        if entry is not None and entry.stage == "saved" and item.path.exists():
            file = VideoFile(path=item.path, size=item.path.stat().st_size, content_type=None)
            return attrs.evolve(outcome, task_id=entry.task_id, file=file)
        event = BatchEvent(order=outcome.order, key=item.key, path=item.path, stage="creating")
        async with self._waiting:
            is_made = entry is not None and entry.stage in ("created", "saved")
            task_id = entry.task_id if is_made and entry is not None else None
            if task_id is None:
                item.check_path()
                task_id = await self._submitter.buy(item, partial(self._news.tell, event))
            self._ids[item.key] = task_id
            event = attrs.evolve(event, stage="waiting", task_id=task_id)
            task = await self._wait(event)
        file = await self._save(task, attrs.evolve(event, stage="downloading"))
        await self._submitter.note(item.key, "saved", task_id=task_id, size=file.size)
        return attrs.evolve(outcome, task_id=task_id, task=task, file=file)

    async def _save(self, task: VideoTask, event: BatchEvent) -> VideoFile:
        if_exists = "skip" if event.key in self._begun else "error"
        async with self._downloading:
            try:
                download = self._door.download(task, event.path, if_exists=if_exists)
                return await self._news.follow(download, event)
            except OutputExistsError:
                facts = {"task_id": event.task_id, "is_foreign": True}
                await self._submitter.note(event.key, "created", **facts)
                raise

    async def _wait(self, event: BatchEvent) -> VideoTask:
        assert event.task_id is not None
        limit = self._plan.timeout
        # The download finds out where the file is: a URL may never come, or come late.
        watch = self._door.wait_until_complete(event.task_id, timeout=limit, until="completed")
        try:
            return await self._news.follow(watch, event)
        except TaskFailedError as error:
            failure = error.failure
            await self._submitter.note(
                event.key,
                "failed",
                task_id=event.task_id,
                status=error.task.status,
                code=failure.code,
                message=failure.message,
            )
            raise


async def run_batch(
    door: BatchClient,
    plan: BatchOptions,
    path: Path,
    orders: Iterable[object] | AsyncIterable[object],
    *,
    include_events: bool,
) -> AsyncGenerator[BatchEvent | BatchOutcome]:
    """Open the journal at *path* and carry out a batch."""
    await asyncio.to_thread(_make_folder, plan.output_dir)
    async with (
        Journal(path) as journal,
        contextlib.aclosing(
            Batch(door, plan, journal, include_events=include_events).follow(orders)
        ) as stream,
    ):
        async for news in stream:
            yield news


def _make_folder(path: Path) -> None:
    """Make the folder of the files, before anything is ordered that could not be put there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise InvalidArgumentError(f"output_dir: no file can be written there: {error}") from error
