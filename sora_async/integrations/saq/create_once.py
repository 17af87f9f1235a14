"""Creates that are sent once, however many workers die meanwhile."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError

from ... import CreateOutcomeUnknownError, SoraClient, SoraError, UnsupportedOperationError
from ..._batch.matching import MatchResult
from .heartbeats import JobRun
from .queue import RETRY_DELAY, VideoQueue
from .reconcile import MAX_CREATE_TIME, OPEN_CREATES, RECORD_TTL, TASK_OWNER, CreateReconciler

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
    overwrite. It belongs to one enqueue: a job of the same key that is
    enqueued again is a new create.

    Attributes:
        run: The run of the job.
        key: The record's key in Redis.
    """

    def __init__(self, queue: VideoQueue, run: JobRun) -> None:
        self._redis: Any = queue.redis
        self.run = run
        self._mark = ""
        self.key = f"sora_async:create:{queue.name}:{run.job.key}:{run.job.queued}"

    async def mark(
        self, arguments: Mapping[str, Any], newest: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """
        Record that the create is about to be sent; return the record that was there, if any.

        Args:
            arguments: The arguments of the create.
            newest: What is known of the account's newest task.
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
    reconciler: CreateReconciler, run: JobRun, arguments: Mapping[str, Any]
) -> str:
    """
    Return the id of the job's task, created now or by an earlier worker.

    Raises:
        CreateOutcomeUnknownError: A worker died while it sent the create, and the service's list
            does not prove which task came of it.
        SoraError: The service refused the create, or could not be reached; it created nothing.
    """
    known = run.state.get("task_id")
    if known is not None:
        return str(known)
    record = CreateRecord(reconciler.queue, run)
    before = await record.mark(arguments, await reconciler.newest_task())
    if before is not None:
        return await _find_task(record, before, reconciler)
    sending = asyncio.ensure_future(_send(record, reconciler.client, arguments))
    try:
        return await asyncio.shield(sending)
    except asyncio.CancelledError:
        # The create may have been sent: this worker must not lose the response.
        await asyncio.wait([sending])
        if (error := sending.exception()) is not None:
            logger.warning("job %s was cancelled during its create: %s", run.job.key, error)
        raise


async def _send(record: CreateRecord, client: SoraClient, arguments: Mapping[str, Any]) -> str:
    try:
        task = await client.create_task(**arguments)
    except CreateOutcomeUnknownError:
        raise  # and the mark stays
    except SoraError:
        await record.discard()
        raise
    await record.save_task_id(task.id)
    return task.id


async def _find_task(
    record: CreateRecord, known: dict[str, Any], reconciler: CreateReconciler
) -> str:
    """Wait for the id while the create may be in flight; then look in the service's list."""
    marked = float(known.get("at", 0.0))
    while "task_id" not in known and time.time() - marked < MAX_CREATE_TIME:
        await asyncio.sleep(RETRY_DELAY)
        known = await record.read()
    if "task_id" in known:
        return str(known["task_id"])
    when = datetime.fromtimestamp(marked, UTC).isoformat(" ", "seconds")
    reason = f"a worker was lost while it sent the create, at {when}"
    cause: SoraError | None = None
    matches = MatchResult(created={}, not_created=frozenset())
    try:
        matches = await reconciler.reconcile(record.key, known)
    except SoraError as error:
        cause = error
    if record.key in matches.created:
        task_id = matches.created[record.key]
        logger.warning("%s: %s; the service lists its task %s", record.key, reason, task_id)
        await record.save_task_id(task_id)
        return task_id
    if matches.not_created:
        reason += ", and the service lists no task like it"
    client = reconciler.client
    is_listed = client.dialect.list_path is not None
    is_listed = is_listed and not isinstance(cause, UnsupportedOperationError)
    raise CreateOutcomeUnknownError(client.base_url, reason, is_listed=is_listed) from cause
