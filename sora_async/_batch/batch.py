"""Many prompts in, many files out: created, waited for and downloaded, and never created twice."""

import asyncio
import contextlib
import errno
import stat
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from .._download.request import IfExists
from ..errors import (
    ClientClosedError,
    FileWriteError,
    InvalidArgumentError,
    OutputExistsError,
    SoraError,
    TaskFailedError,
    WaitInterruptedError,
)
from ..errors.base import wrap_unexpected
from ..models import VideoFile, VideoTask
from .client_protocol import BatchClient
from .events import BatchEvent, BatchOutcome, CoalescingQueue
from .items import BatchItem, BatchItems, read_items
from .journal import Journal, JournalEntry, read_failed_task
from .reconcile import reconcile_creates
from .submitter import CreateSubmitter

_DISK_ERRORS: Final = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM),
        *(errno.ENOTDIR, errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ESTALE),
    }
)
"""Errors of writing a file that the next file in the same folder would meet as well."""


PROBE_SIZE: Final = 1 << 20
"""Bytes that are written to the folder before anything is created; a video has more."""


@attrs.frozen(kw_only=True)
class BatchOptions:
    """How a batch is run; see :meth:`SoraClient.batch`."""

    output_dir: Path
    max_creates: int
    max_waits: int
    max_downloads: int
    timeout: float | None
    reconcile_delay: float


class Batch:
    """
    One run of a batch.

    A create is recorded in the journal before it is sent, and again when its id is known. What
    became of the creates of a killed run is looked up on the service before anything new is
    created; a create whose outcome stays unknown is never sent again, unless the service
    deduplicates creates: then it is sent again with the same idempotency key.
    """

    def __init__(
        self, client: BatchClient, options: BatchOptions, journal: Journal, *, include_events: bool
    ) -> None:
        self._client = client
        self._options = options
        self._journal = journal
        self._items = BatchItems(options.output_dir)
        # A file under the path of one of these is its video: moved there whole, not recorded yet.
        self._may_have_file = {
            entry.key
            for entry in journal.entries.values()
            if entry.stage in ("created", "saved") and not entry.details.get("is_foreign")
        }
        self._task_ids: dict[str, str] = {}
        self._submitter = CreateSubmitter(
            client, journal, max_concurrent=options.max_creates, timeout=options.timeout
        )
        self._wait_slots = asyncio.Semaphore(options.max_waits)
        self._download_slots = asyncio.Semaphore(options.max_downloads)
        # An outcome that was not read yet keeps its slot: a slow reader holds the batch up.
        max_items = options.max_waits + options.max_downloads
        self._item_slots = asyncio.Semaphore(max_items)
        self._queue = CoalescingQueue(max_items=max_items, include_events=include_events)
        self._uncertain: Mapping[str, SoraError] = {}
        self._idempotency_keys: Mapping[str, str] = {}

    async def run(
        self, items: Iterable[object] | AsyncIterable[object]
    ) -> AsyncGenerator[BatchEvent | BatchOutcome]:
        """Yield how each item ended, in the order in which they end, and what happens before."""
        found = await reconcile_creates(self._client, self._journal, self._options.reconcile_delay)
        self._uncertain, self._submitter.newest_task = found.uncertain, found.newest_task
        self._idempotency_keys = found.repeatable
        self._may_have_file |= found.created
        running = asyncio.create_task(self._run_all(items))
        self._client._hold(running)
        running.add_done_callback(lambda _: self._queue.close())
        try:
            while (update := await self._queue.get()) is not None:
                if isinstance(update, BatchOutcome):
                    self._item_slots.release()
                yield update
            if running.cancelled():  # by the client, which was closed
                raise ClientClosedError("")
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _run_all(self, items: Iterable[object] | AsyncIterable[object]) -> None:
        """Run all items; an error of their iterable is raised when the others have ended."""
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            try:
                async for given in read_items(items):
                    await self._item_slots.acquire()
                    # Here and now: an iterable may yield the same mapping, filled anew, each time.
                    try:
                        item = self._items.add(given)
                    except InvalidArgumentError as error:
                        self._queue.put_outcome(BatchOutcome(item=given, error=error))
                    else:
                        group.create_task(self._run_item(given, item))
            except Exception as error:
                failure = error
        if failure is not None:
            raise failure

    async def _run_item(self, given: object, item: BatchItem) -> None:
        outcome = BatchOutcome(item=given, key=item.key, path=item.path)
        try:
            outcome = await self._make_video(item, outcome)
        except SoraError as error:
            outcome = self._fail(outcome, error)
        except Exception as bug:  # of one item: it must not end the others
            outcome = self._fail(outcome, wrap_unexpected(bug))
        self._task_ids.pop(item.key, None)
        self._queue.put_outcome(outcome)

    def _fail(self, outcome: BatchOutcome, error: SoraError) -> BatchOutcome:
        task = error.last if isinstance(error, WaitInterruptedError) else None
        if isinstance(error, TaskFailedError):
            task = error.task
        entry = self._journal.entries.get(outcome.key)
        task_id = self._task_ids.get(outcome.key) or (None if entry is None else entry.task_id)
        return attrs.evolve(outcome, error=error, task=task, task_id=task_id)

    async def _make_video(self, item: BatchItem, outcome: BatchOutcome) -> BatchOutcome:
        item.check_name()
        entry = self._journal.entries.get(item.key)
        if item.key in self._uncertain:
            raise self._uncertain[item.key]
        if entry is not None and entry.stage == "failed":
            raise TaskFailedError(read_failed_task(entry))
        if entry is not None and entry.stage == "saved":
            file = _find_saved(entry, item.path)
            if file is not None:
                return attrs.evolve(outcome, task_id=entry.task_id, file=file)
        event = BatchEvent(item=outcome.item, key=item.key, path=item.path, stage="creating")
        async with self._wait_slots:
            if entry is not None and entry.task_id and entry.stage in ("created", "saved"):
                task_id = entry.task_id
            else:
                item.check_path()
                task_id = await self._submitter.submit(
                    item,
                    partial(self._queue.put_event, event),
                    idempotency_key=self._idempotency_keys.get(item.key),
                )
            self._task_ids[item.key] = task_id
            event = attrs.evolve(event, stage="waiting", task_id=task_id)
            webhook = item.arguments.get("callback_url") is not None
            task = await self._wait(task_id, event, webhook=webhook)
        file = await self._save(task, attrs.evolve(event, stage="downloading"))
        await self._submitter.record(item.key, "saved", task_id=task_id, size=file.size)
        return attrs.evolve(outcome, task_id=task_id, task=task, file=file)

    async def _wait(self, task_id: str, event: BatchEvent, *, webhook: bool) -> VideoTask:
        # The download finds out where the file is: a URL may never come, or come late.
        watch = self._client.wait_until_complete(
            task_id, timeout=self._options.timeout, until="completed", webhook=webhook
        )
        try:
            return await self._queue.follow(watch, event)
        except TaskFailedError as error:
            await self._submitter.record(
                event.key,
                "failed",
                task_id=task_id,
                status=error.task.status,
                code=error.failure.code,
                message=error.failure.message,
            )
            raise

    async def _save(self, task: VideoTask, event: BatchEvent) -> VideoFile:
        if_exists: IfExists = "skip" if event.key in self._may_have_file else "error"
        async with self._download_slots:
            try:
                download = self._client.download(task, event.path, if_exists=if_exists)
                return await self._queue.follow(download, event)
            except OutputExistsError:
                await self._submitter.record(
                    event.key, "created", task_id=event.task_id, is_foreign=True
                )
                raise
            except FileWriteError as error:
                if error.code in _DISK_ERRORS:
                    self._submitter.stop_error = error  # or more is paid for that cannot be saved
                raise


async def run_batch(
    client: BatchClient,
    options: BatchOptions,
    journal_path: Path,
    items: Iterable[object] | AsyncIterable[object],
    *,
    include_events: bool,
) -> AsyncGenerator[BatchEvent | BatchOutcome]:
    """Open the journal, and run a batch."""
    await asyncio.to_thread(_make_folder, options.output_dir)
    async with Journal(journal_path) as journal:
        batch = Batch(client, options, journal, include_events=include_events)
        async with contextlib.aclosing(batch.run(items)) as updates:
            async for update in updates:
                yield update


def _make_folder(path: Path) -> None:
    """Make the folder of the files, before anything is created that could not be saved there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(bytes(PROBE_SIZE))
            file.flush()
    except OSError as error:
        raise InvalidArgumentError(f"output_dir: no file can be written there: {error}") from error


def _find_saved(entry: JournalEntry, path: Path) -> VideoFile | None:
    """
    Return the file that an earlier run has saved; None if it is gone, or empty.

    Raises:
        OutputExistsError: Another file is under its path.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode) or found.st_size == 0:
        return None
    saved = entry.details.get("size", found.st_size)
    if found.st_size != saved:
        reason = f"the file has {found.st_size} bytes, and {saved} were saved"
        raise OutputExistsError(entry.task_id or "", str(path), reason)
    return VideoFile(path=path, size=found.st_size, content_type=None)
