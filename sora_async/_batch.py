"""Many prompts in, many files out: made, waited for and downloaded, and never ordered twice."""

import asyncio
import contextlib
import copy
import itertools
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import attrs
import backoff

from ._download import Download
from ._jobs import Job, Jobs, read_orders
from ._journal import Entry, Journal, failed_before, to_its_end
from ._news import BatchEvent, News
from ._watch import Watch
from .errors import (
    ConnectionFailedError,
    CreateUncertainError,
    InsufficientQuotaError,
    InvalidArgumentError,
    JournalError,
    NotOfferedError,
    RateLimitedError,
    SoraError,
    TaskFailedError,
    UnauthorizedError,
    WaitInterruptedError,
)
from .models import VideoFile, VideoTask
from .schedule import ramp
from .verdict import Until

SETTLING: Final = 5.0
"""Seconds after which a service lists a task for an order that was sent before."""

OUTAGE: Final = 120.0
"""Seconds without a connection after which nothing more is ordered."""

PAUSES: Final = ramp(first=2.0, factor=2.0, longest=60.0)
"""Upper ends of the full-jittered pauses after a create was refused with 429."""


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

    order: object
    key: str = ""
    path: Path | None = None
    task_id: str | None = None
    task: VideoTask | None = None
    file: VideoFile | None = None
    error: SoraError | None = None


class Door(Protocol):
    """What a batch needs of its client."""

    @property
    def base_url(self) -> str:
        """The service's address."""

    async def create_task(self, *, prompt: str, **order: Any) -> VideoTask:
        """Make a task."""

    def list_tasks(self, *, limit: int | None = None) -> AsyncGenerator[VideoTask]:
        """List the tasks of the account, the newest first."""

    def wait_until_complete(self, task_id: str, *, timeout: float | None, until: Until) -> Watch:
        """Wait for a task."""

    def download(self, source: VideoTask, path: Path, *, if_exists: Any) -> Download:
        """Save a video."""


@attrs.frozen(kw_only=True)
class Plan:
    """
    How a batch is carried out.

    Attributes:
        out: The folder for the files.
        creating: How many orders are sent at the same time.
        waiting: How many tasks there may be on the service that have not ended.
        downloading: How many videos are downloaded at the same time.
        timeout: Seconds for each wait, and for a create that is refused with 429 again and
            again; None for no limit.
    """

    out: Path
    creating: int
    waiting: int
    downloading: int
    timeout: float | None


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
        is_chatty: Whether events are told, too, and not only outcomes.
    """

    def __init__(self, door: Door, plan: Plan, journal: Journal, *, is_chatty: bool) -> None:
        self._door = door
        self._plan = plan
        self._journal = journal
        self._jobs = Jobs(plan.out)
        self._earlier = set(journal.entries)
        self._creating = asyncio.Semaphore(plan.creating)
        self._waiting = asyncio.Semaphore(plan.waiting)
        self._downloading = asyncio.Semaphore(plan.downloading)
        # Outcomes that were not taken yet have a place, too: a slow reader holds up the batch.
        places = plan.waiting + plan.downloading
        self._places = asyncio.Semaphore(places)
        self._news: News[BatchOutcome] = News(places=places, is_chatty=is_chatty)
        self._doubts: dict[str, SoraError] = {}
        self._newest: dict[str, str | None] = {}
        self._stop: SoraError | None = None

    async def follow(
        self, orders: Iterable[object] | AsyncIterable[object]
    ) -> AsyncGenerator[BatchEvent | BatchOutcome]:
        """Yield how each order ended, in the order in which they end, and what happens before."""
        await self._settle_doubts()
        running = asyncio.create_task(self._carry_out_all(orders))
        running.add_done_callback(lambda _: self._news.end(None))
        try:
            while (news := await self._news.take()) is not None:
                if isinstance(news, BatchOutcome):
                    self._places.release()
                yield news
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _carry_out_all(self, orders: Iterable[object] | AsyncIterable[object]) -> None:
        """Carry out all orders; an error of their source is raised when the others have ended."""
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            try:
                async for order in read_orders(orders):
                    await self._places.acquire()
                    group.create_task(self._carry_out(order))
            except Exception as error:
                failure = error
        if failure is not None:
            raise failure

    async def _carry_out(self, order: object) -> None:
        outcome = BatchOutcome(order=order)
        try:
            job = self._jobs.take(order)
            outcome = attrs.evolve(outcome, key=job.key, path=job.path)
            outcome = await self._do(job, outcome)
        except SoraError as error:
            outcome = self._fails(outcome, error)
        self._news.end(outcome)

    def _fails(self, outcome: BatchOutcome, error: SoraError) -> BatchOutcome:
        task = error.last if isinstance(error, WaitInterruptedError) else None
        if isinstance(error, TaskFailedError):
            task = error.task
        entry = self._journal.entries.get(outcome.key)
        known = None if entry is None else entry.task_id
        return attrs.evolve(outcome, error=error, task=task, task_id=known)

    async def _do(self, job: Job, outcome: BatchOutcome) -> BatchOutcome:
        entry = self._journal.entries.get(job.key)
        if job.key in self._doubts:
            raise self._doubts[job.key]
        if entry is not None and entry.stage == "failed":
            raise TaskFailedError(failed_before(entry))
        if entry is not None and entry.stage == "saved" and job.path.exists():
            file = VideoFile(path=job.path, size=job.path.stat().st_size, content_type=None)
            return attrs.evolve(outcome, task_id=entry.task_id, file=file)
        event = BatchEvent(order=outcome.order, key=job.key, path=job.path, stage="creating")
        async with self._waiting:
            is_made = entry is not None and entry.stage in ("created", "saved")
            task_id = entry.task_id if is_made and entry is not None else None
            if task_id is None:
                task_id = await self._create(job, event)
            event = attrs.evolve(event, stage="waiting", task_id=task_id)
            task = await self._wait(event)
        async with self._downloading:
            # What an earlier run has put there is whole, though it may not have noted it.
            if_exists = "skip" if job.key in self._earlier else "error"
            download = self._door.download(task, job.path, if_exists=if_exists)
            file = await self._news.follow(download, attrs.evolve(event, stage="downloading"))
        await self._note_if_possible(job.key, "saved", size=file.size)
        return attrs.evolve(outcome, task_id=task_id, task=task, file=file)

    async def _wait(self, event: BatchEvent) -> VideoTask:
        assert event.task_id is not None
        limit = self._plan.timeout
        # The download finds out where the file is: a URL may never come, or come late.
        watch = self._door.wait_until_complete(event.task_id, timeout=limit, until="completed")
        try:
            return await self._news.follow(watch, event)
        except TaskFailedError as error:
            failure = error.failure
            await self._note_if_possible(
                event.key,
                "failed",
                status=error.task.status,
                code=failure.code,
                message=failure.message,
            )
            raise

    async def _create(self, job: Job, event: BatchEvent) -> str:
        """Order once; again only after a 429 or without a connection: nothing was taken."""
        job.check_path()
        spent = 0.0
        for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
            try:
                async with self._creating:
                    if self._stop is not None:
                        raise copy.copy(self._stop)
                    self._news.tell(event)
                    return await to_its_end(self._order(job))
            except (RateLimitedError, ConnectionFailedError) as error:
                spent += await self._pause(error, pause, spent)
        raise AssertionError("the pauses have no end")  # pragma: no cover

    async def _pause(self, error: SoraError, longest: float, spent: float) -> float:
        """Pause after an order that was not taken; return how long, or raise that it is over."""
        if self._stop is not None:
            raise error
        asked = error.retry_after if isinstance(error, RateLimitedError) else None
        delay = (asked or 0.0) + backoff.full_jitter(longest)
        is_outage = isinstance(error, ConnectionFailedError)
        limit = OUTAGE if is_outage else self._plan.timeout
        if limit is not None and spent + delay > limit:
            if is_outage:
                self._stop = error  # or each of a thousand orders would find it out once more
            raise error
        await asyncio.sleep(delay)
        return delay

    async def _order(self, job: Job) -> str:
        await self._journal.note(job.key, "creating", order=job.order, **self._newest)
        try:
            task = await self._door.create_task(**job.order)
        except CreateUncertainError:
            raise  # the journal says so already
        except SoraError as error:
            if isinstance(error, InsufficientQuotaError | UnauthorizedError):
                self._stop = error
            await self._journal.note(job.key, "refused")
            raise
        await self._note_if_possible(job.key, "created", task_id=task.id)
        return task.id

    async def _note_if_possible(self, key: str, stage: Any, **facts: Any) -> None:
        """Note what cannot be undone; where that fails, nothing new is ordered any more."""
        try:
            await self._journal.note(key, stage, **facts)
        except JournalError as error:
            self._stop = error

    async def _settle_doubts(self) -> None:
        """Find out what became of orders that a killed run may have sent, before any new one."""
        entries = [one for one in self._journal.entries.values() if one.stage == "creating"]
        if entries:
            passed = time.time() - max(entry.marked for entry in entries)
            await asyncio.sleep(min(SETTLING, max(0.0, SETTLING - passed)))
        try:
            listed = [task async for task in self._list_since(entries)]
        except SoraError as error:
            for entry in entries:
                self._doubts[entry.key] = _uncertain(entry, self._door.base_url, error)
            return
        self._newest = {"newest": listed[0].id if listed else None}
        claimed = {entry.task_id for entry in self._journal.entries.values()}
        for entry in entries:
            await self._settle(entry, listed, claimed)

    async def _list_since(self, entries: list[Entry]) -> AsyncIterator[VideoTask]:
        """Yield the newest task, and all that are newer than the oldest of some orders."""
        unseen = {entry.facts.get("newest") for entry in entries}
        async for task in self._door.list_tasks(limit=None if entries else 1):
            yield task
            unseen.discard(task.id)
            if not unseen:
                return

    async def _settle(
        self, entry: Entry, listed: list[VideoTask], claimed: set[str | None]
    ) -> None:
        """Note what became of an order, going by the tasks that were made since it was sent."""
        order, newest = entry.facts.get("order", {}), entry.facts.get("newest")
        newer = list(itertools.takewhile(lambda task: task.id != newest, listed))
        left = [task for task in newer if task.id not in claimed]
        found = next((task for task in left if _is_of(task, order)), None)
        if found is not None:
            claimed.add(found.id)
            await self._journal.note(entry.key, "created", task_id=found.id)
        elif "newest" in entry.facts and all(task.prompt is not None for task in left):
            await self._journal.note(entry.key, "refused")
        else:
            self._doubts[entry.key] = _uncertain(entry, self._door.base_url, None)


def _is_of(task: VideoTask, order: Mapping[str, Any]) -> bool:
    """Return whether a task may be the one that an order was for, by all that both of them tell."""
    pairs = (
        (task.prompt, order.get("prompt")),
        (task.model, order.get("model")),
        (task.size, order.get("size")),
    )
    is_alike = all(one == other for one, other in pairs if one is not None and other is not None)
    return task.prompt is not None and is_alike


def _uncertain(entry: Entry, base_url: str, cause: SoraError | None) -> CreateUncertainError:
    reason = "the run that sent it has ended before the answer came"
    error = CreateUncertainError(base_url, reason, is_listed=not isinstance(cause, NotOfferedError))
    error.__cause__ = cause
    return error


async def run_batch(
    door: Door,
    plan: Plan,
    path: Path,
    orders: Iterable[object] | AsyncIterable[object],
    *,
    is_chatty: bool,
) -> AsyncGenerator[BatchEvent | BatchOutcome]:
    """Open the journal at *path* and carry out a batch."""
    await asyncio.to_thread(_make_folder, plan.out)
    async with (
        Journal(path) as journal,
        contextlib.aclosing(
            Batch(door, plan, journal, is_chatty=is_chatty).follow(orders)
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
        raise InvalidArgumentError(f"out: no file can be written there: {error}") from error
