"""Many prompts in, many files out: made, waited for and downloaded, and never ordered twice."""

import asyncio
import contextlib
import copy
import itertools
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import attrs
import backoff

from ._download import Download
from ._fates import Doubt, Fates, is_newest_first, judge
from ._jobs import Job, Jobs, read_orders
from ._journal import Entry, Journal, failed_before
from ._making import Making
from ._news import BatchEvent, News
from ._watch import Watch
from .errors import (
    ClientClosedError,
    ConnectionFailedError,
    CreateUncertainError,
    InsufficientQuotaError,
    InvalidArgumentError,
    JournalError,
    NotOfferedError,
    RateLimitedError,
    SoraError,
    TargetExistsError,
    TaskFailedError,
    UnauthorizedError,
    WaitInterruptedError,
)
from .models import VideoFile, VideoTask
from .schedule import ramp
from .verdict import Until

OUTAGE: Final = 120.0
"""Seconds without a connection after which nothing more is ordered."""

NO_FATES: Final = Fates(made={}, unmade=frozenset())

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

    def _begin(self, given: Mapping[str, Any]) -> Making[VideoTask]:
        """Begin to create a task."""

    def _hold(self, task: "asyncio.Task[None]") -> None:
        """Let a task come to its end before the client is closed."""

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
        settling: Seconds after which the service lists a task for an order that was sent before.
    """

    out: Path
    creating: int
    waiting: int
    downloading: int
    timeout: float | None
    settling: float


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
        # What an earlier run has put under their paths is whole, though it may not have said so.
        self._begun = {
            entry.key
            for entry in journal.entries.values()
            if entry.stage in ("created", "saved") and not entry.facts.get("is_foreign")
        }
        self._ids: dict[str, str] = {}
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
                async for order in read_orders(orders):
                    await self._places.acquire()
                    # Here and now: a source may give the same mapping, filled anew, each time.
                    try:
                        job = self._jobs.take(order)
                    except InvalidArgumentError as error:
                        self._news.end(BatchOutcome(order=order, error=error))
                    else:
                        group.create_task(self._carry_out(order, job))
            except Exception as error:
                failure = error
        if failure is not None:
            raise failure

    async def _carry_out(self, order: object, job: Job) -> None:
        outcome = BatchOutcome(order=order, key=job.key, path=job.path)
        try:
            outcome = await self._do(job, outcome)
        except SoraError as error:
            outcome = self._fails(outcome, error)
        self._ids.pop(job.key, None)
        self._news.end(outcome)

    def _fails(self, outcome: BatchOutcome, error: SoraError) -> BatchOutcome:
        task = error.last if isinstance(error, WaitInterruptedError) else None
        if isinstance(error, TaskFailedError):
            task = error.task
        entry = self._journal.entries.get(outcome.key)
        known = self._ids.get(outcome.key) or (None if entry is None else entry.task_id)
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
            self._ids[job.key] = task_id
            event = attrs.evolve(event, stage="waiting", task_id=task_id)
            task = await self._wait(event)
        file = await self._save(task, attrs.evolve(event, stage="downloading"))
        await self._note_if_possible(job.key, "saved", task_id=task_id, size=file.size)
        return attrs.evolve(outcome, task_id=task_id, task=task, file=file)

    async def _save(self, task: VideoTask, event: BatchEvent) -> VideoFile:
        if_exists = "skip" if event.key in self._begun else "error"
        async with self._downloading:
            try:
                download = self._door.download(task, event.path, if_exists=if_exists)
                return await self._news.follow(download, event)
            except TargetExistsError:
                facts = {"task_id": event.task_id, "is_foreign": True}
                await self._note_if_possible(event.key, "created", **facts)
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
            await self._note_if_possible(
                event.key,
                "failed",
                task_id=event.task_id,
                status=error.task.status,
                code=failure.code,
                message=failure.message,
            )
            raise

    async def _create(self, job: Job, event: BatchEvent) -> str:
        """Order once; again only after a 429 or without a connection: nothing was taken."""
        job.check_path()
        limited = outage = 0.0
        for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
            try:
                async with self._creating:
                    if self._stop is not None:
                        raise copy.copy(self._stop)
                    self._news.tell(event)
                    return await self._order(job)
            except RateLimitedError as error:
                delay, outage = (error.retry_after or 0.0) + backoff.full_jitter(pause), 0.0
                limited += delay
                limit = self._plan.timeout
                if self._stop is not None or (limit is not None and limited > limit):
                    raise
            except ConnectionFailedError as error:
                delay = backoff.full_jitter(pause)
                outage += delay
                if self._stop is not None:
                    raise
                if outage > OUTAGE:
                    self._stop = error  # or each of a thousand orders would find it out once more
                    raise
            await asyncio.sleep(delay)
        raise AssertionError("the pauses have no end")  # pragma: no cover

    async def _order(self, job: Job) -> str:
        """
        Send an order and note what came of it.

        Who is cancelled here does not send it any more, unless it may have left:
        then its answer is waited for.
        """
        makings: list[Making[VideoTask]] = []
        sending = asyncio.create_task(self._send(job, makings))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            if not makings or not makings[0].has_left:
                self._stop = ClientClosedError("")
                for making in makings:
                    making.leave()
            while not sending.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([sending])
            raise

    async def _send(self, job: Job, makings: list[Making[VideoTask]]) -> str:
        await self._journal.note(job.key, "creating", order=job.order, **self._newest)
        try:
            if self._stop is not None:
                raise copy.copy(self._stop)
            makings.append(self._door._begin(job.order))
            task = await makings[0].result()
        except CreateUncertainError:
            raise  # the journal says so already
        except SoraError as error:
            if isinstance(error, InsufficientQuotaError | UnauthorizedError | ClientClosedError):
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
        doubts = [_doubt(entry) for entry in entries]
        if doubts:
            await asyncio.sleep(self._plan.settling)
        cause: SoraError | None = None
        listed: list[VideoTask] = []
        try:
            listed = [task async for task in self._list_since(doubts)]
        except SoraError as error:
            cause = error
        else:
            newest = listed[0].id if listed else None
            self._newest = {"newest": newest} if is_newest_first(listed[:2]) else {}
        claimed = frozenset(one.task_id for one in self._journal.entries.values() if one.task_id)
        fates = judge(doubts, listed, claimed) if cause is None else NO_FATES
        for doubt in doubts:
            if doubt.key in fates.made:
                await self._journal.note(doubt.key, "created", task_id=fates.made[doubt.key])
            elif doubt.key in fates.unmade:
                await self._journal.note(doubt.key, "refused")
            else:
                self._doubts[doubt.key] = _uncertain(self._door.base_url, cause)
        # What is made now may have been put under its path by the run that was killed.
        self._begun |= fates.made.keys()

    async def _list_since(self, doubts: list[Doubt]) -> AsyncIterator[VideoTask]:
        """Yield the newest two tasks, and all that are newer than the oldest of some orders."""
        unseen = {doubt.newest for doubt in doubts}
        async for task in self._door.list_tasks(limit=None if doubts else 2):
            yield task
            unseen.discard(task.id)
            if doubts and not unseen:
                return


def _doubt(entry: Entry) -> Doubt:
    facts = entry.facts
    return Doubt(
        key=entry.key,
        order=facts.get("order", {}),
        newest=facts.get("newest"),
        is_dated="newest" in facts,
    )


def _uncertain(base_url: str, cause: SoraError | None) -> CreateUncertainError:
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
