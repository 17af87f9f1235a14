"""Creates that are sent once, however many workers die meanwhile."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError

from ... import CreateOutcomeUnknownError, SoraClient, SoraError, UnsupportedOperationError
from ..._batch.matching import MatchResult
from .heartbeats import JobRun
from .queue import RETRY_DELAY, VideoQueue
from .reconcile import (
    OPEN_CREATES,
    RECORD,
    RECORD_TTL,
    TASK_OWNER,
    UNKNOWN,
    CreateReconciler,
)

logger = logging.getLogger("sora_async")


DISCARD_SCRIPT = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
redis.call('ZREM', KEYS[2], KEYS[1])
"""
"""Delete a mark unless it has changed: another worker may have found the task meanwhile."""


class CreateRecord:
    """
    What Redis knows of the create of one job: nothing, a mark that it is being sent, or its id.

    It is not a part of the job, which SAQ writes as a whole and may
    overwrite. It belongs to the create's idempotency key, which the job
    carries from the moment it is enqueued.
    """

    def __init__(self, queue: VideoQueue, run: JobRun, idempotency_key: str) -> None:
        self._redis: Any = queue.redis
        self.run = run
        self.idempotency_key = idempotency_key
        self._mark = ""
        self.key = RECORD + idempotency_key

    async def mark(
        self, arguments: Mapping[str, Any], newest: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """
        Record that the create is about to be sent; return the record that was there, if any.

        *newest* is what is known of the account's newest task.
        """
        moment = time.time()
        by = [self.run.job.worker_id, self.run.job.attempts]
        mark = {"at": moment, "by": by, "arguments": arguments, **newest}
        self._mark = json.dumps(mark)
        pipe: Any
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zremrangebyscore(OPEN_CREATES, 0, moment - RECORD_TTL)
            pipe.zadd(OPEN_CREATES, {self.key: moment}, nx=True)
            pipe.set(self.key, self._mark, nx=True, ex=RECORD_TTL)
            *_, is_new = await pipe.execute()
        if is_new:
            return None
        known = await self.read()
        self._mark = json.dumps(known)
        # Our own, where the response of Redis was lost and its client has asked again.
        return None if known == mark else known

    async def read(self) -> dict[str, Any]:
        """Return what is recorded."""
        known: dict[str, Any] = json.loads(await self._redis.get(self.key) or "{}")
        return known

    async def save_task_id(self, task_id: str) -> None:
        """Record the task's id and that the task is taken; repeat that until Redis has it."""
        self.run.state["task_id"] = task_id
        self.run.has_changes = True
        while True:
            try:
                pipe: Any
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.set(self.key, json.dumps({"task_id": task_id}), ex=RECORD_TTL)
                    pipe.set(TASK_OWNER + task_id, self.key, nx=True, ex=RECORD_TTL)
                    pipe.zrem(OPEN_CREATES, self.key)
                    await pipe.execute()
                return
            except RedisError as error:
                job = self.run.job.key
                logger.warning("job %s: cannot save its task id %s: %s", job, task_id, error)
            await asyncio.sleep(RETRY_DELAY)

    async def discard(self) -> None:
        """Remove the mark: the service has created nothing."""
        while True:
            with contextlib.suppress(RedisError):
                await self._redis.eval(DISCARD_SCRIPT, 2, self.key, OPEN_CREATES, self._mark)
                return
            await asyncio.sleep(RETRY_DELAY)


async def create_once(
    reconciler: CreateReconciler,
    run: JobRun,
    arguments: Mapping[str, Any],
    *,
    idempotency_key: str,
    redis_run_id: str | None,
) -> str:
    """
    Return the id of the job's task, created now or by an earlier worker.

    *redis_run_id* is the run of the Redis server in which the job was enqueued.

    Raises:
        CreateOutcomeUnknownError: A worker died while it sent the create, or Redis has lost the
            mark, and the service's list does not prove which task came of it.
        SoraError: The service refused the create, or could not be reached; it created nothing.
    """
    known = run.state.get("task_id")
    if known is not None:
        return str(known)
    record = CreateRecord(reconciler.queue, run, idempotency_key)
    before = await record.mark(arguments, await reconciler.newest_task())
    if before is not None and "task_id" in before:
        return str(before["task_id"])
    if not reconciler.client.dialect.deduplicates_creates:
        restarted_at = await reconciler.queue.find_restart(redis_run_id)
        if before is not None:
            return await _find_task_of_mark(record, before, reconciler)
        if restarted_at is not None:
            found = await _find_task_of_lost_mark(record, arguments, restarted_at, reconciler)
            if found is not None:
                return found
    return await _send_shielded(record, reconciler.client, arguments)


async def _send_shielded(
    record: CreateRecord, client: SoraClient, arguments: Mapping[str, Any]
) -> str:
    """Send the create; when cancelled meanwhile, record the response first."""
    sending = asyncio.ensure_future(_send(record, client, arguments))
    try:
        return await asyncio.shield(sending)
    except asyncio.CancelledError:
        # The create may have been sent: this worker must not lose the response. A second
        # cancellation is not held up: SAQ cancels again at its hard deadline.
        await asyncio.wait([sending])
        if (error := sending.exception()) is not None:
            job = record.run.job.key
            logger.warning("job %s was cancelled during its create: %s", job, error)
        raise


async def _send(record: CreateRecord, client: SoraClient, arguments: Mapping[str, Any]) -> str:
    try:
        task = await client.create_task(**arguments, idempotency_key=record.idempotency_key)
    except CreateOutcomeUnknownError:
        raise  # and the mark stays
    except SoraError:
        await record.discard()
        raise
    await record.save_task_id(task.id)
    return task.id


async def _find_task_of_mark(
    record: CreateRecord, mark: Mapping[str, Any], reconciler: CreateReconciler
) -> str:
    """Return the task of a create that an earlier worker has marked; raise if it is unknown."""
    marked_at = float(mark.get("at", 0.0))
    task_id = await _wait_for_task_id(record, marked_at, reconciler.max_wait)
    if task_id is not None:
        return task_id
    when = datetime.fromtimestamp(marked_at, UTC).isoformat(" ", "seconds")
    reason = f"a worker was lost while it sent the create, at {when}"
    matches, cause = await _try(reconciler.reconcile(record.key, mark))
    if record.key in matches.created:
        return await _take(record, matches.created[record.key], reason)
    if matches.not_created:
        reason += ", and the service lists no task like it"
    raise _unknown(record, reconciler.client, reason, cause) from cause


async def _find_task_of_lost_mark(
    record: CreateRecord,
    arguments: Mapping[str, Any],
    restarted_at: float,
    reconciler: CreateReconciler,
) -> str | None:
    """Return the task of a create whose mark Redis may have lost; None if there is surely none."""
    task_id = await _wait_for_task_id(record, restarted_at, reconciler.max_wait)
    if task_id is not None:
        return task_id
    reason = "Redis was restarted after the job was enqueued, and may have lost that it was sent"
    matches, cause = await _try(
        reconciler.reconcile_lost_mark(
            record.key, arguments, enqueued_at=record.run.job.queued / 1000
        )
    )
    if record.key in matches.created:
        return await _take(record, matches.created[record.key], reason)
    if matches.not_created:
        return None
    raise _unknown(record, reconciler.client, reason, cause) from cause


async def _wait_for_task_id(record: CreateRecord, since: float, max_wait: float) -> str | None:
    """Wait for the response to a create that another worker may have sent at *since* or later."""
    left = min(since + max_wait - time.time(), max_wait)  # the clock may have been set back
    deadline = time.monotonic() + left
    while True:
        known = await record.read()
        if "task_id" in known:
            return str(known["task_id"])
        if time.monotonic() >= deadline:
            return None
        await asyncio.sleep(RETRY_DELAY)


async def _try(reconciling: Awaitable[MatchResult]) -> tuple[MatchResult, SoraError | None]:
    """Return what the list proves, or nothing and the error of the list."""
    try:
        return await reconciling, None
    except SoraError as error:
        return UNKNOWN, error


async def _take(record: CreateRecord, task_id: str, reason: str) -> str:
    logger.warning("%s: %s; the service lists its task %s", record.key, reason, task_id)
    await record.save_task_id(task_id)
    return task_id


def _unknown(
    record: CreateRecord, client: SoraClient, reason: str, cause: SoraError | None
) -> CreateOutcomeUnknownError:
    is_listed = client.dialect.list_path is not None
    is_listed = is_listed and not isinstance(cause, UnsupportedOperationError)
    return CreateOutcomeUnknownError(
        client.base_url,
        reason,
        is_listed=is_listed,
        idempotency_key=record.idempotency_key,
    )
