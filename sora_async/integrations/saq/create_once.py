"""Orders that are sent once, however many workers have died over them."""

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
from .queue import PAUSE, VideoQueue
from .reconcile import CLAIM, KEEP, OPEN, UNDER_WAY, CreateFinder

logger = logging.getLogger("sora_async")


FORGET = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
redis.call('ZREM', KEYS[2], KEYS[1])
"""
"""Take a mark back, if it stands there still: another worker may have found a task meanwhile."""


class CreateRecord:
    """
    What is known in Redis of one job's order: nothing, a mark that it is being sent, or its id.

    It does not stand in the job, which SAQ writes as a whole, and may write
    over. It belongs to one enqueuing: a job of the same key that is enqueued
    again is a new order.

    Attributes:
        run: The run of the job.
        key: Where it stands.
    """

    def __init__(self, queue: VideoQueue, run: JobRun) -> None:
        self._redis: Any = queue.redis
        self.run = run
        self._mark = ""
        self.key = f"sora_async:order:{queue.name}:{run.job.key}:{run.job.queued}"

    async def mark(
        self, order: Mapping[str, Any], seen: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """
        Say that the order is about to be sent; return what was said before, if anything was.

        Args:
            order: What is ordered.
            seen: What is known of the account's newest task.
        """
        moment = time.time()
        by = [self.run.job.worker_id, self.run.job.attempts]
        mark = {"at": moment, "by": by, "order": order, **seen}
        self._mark = json.dumps(mark)
        pipe: Any
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zremrangebyscore(OPEN, 0, moment - KEEP)
            pipe.zadd(OPEN, {self.key: moment}, nx=True)
            pipe.set(self.key, self._mark, nx=True, ex=KEEP)
            *_, is_new = await pipe.execute()
        if is_new:
            return None
        known = await self.read()
        # Our own, where Redis' answer was lost and the client has asked again.
        return None if known == mark else known

    async def read(self) -> dict[str, Any]:
        """Return what is known."""
        known: dict[str, Any] = json.loads(await self._redis.get(self.key) or "{}")
        return known

    async def keep(self, task_id: str) -> None:
        """Keep the id of the task that was made, and whose it is, whatever it takes."""
        self.run.notes["task_id"] = task_id
        self.run.is_news = True
        while True:
            try:
                pipe: Any
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.set(self.key, json.dumps({"task_id": task_id}), ex=KEEP)
                    pipe.set(CLAIM + task_id, self.key, nx=True, ex=KEEP)
                    pipe.zrem(OPEN, self.key)
                    await pipe.execute()
                return
            except RedisError as error:
                job = self.run.job.key
                logger.warning("job %s: cannot keep that it made %s: %s", job, task_id, error)
            await asyncio.sleep(PAUSE)

    async def forget(self) -> None:
        """Take the mark back: nothing was made."""
        while True:
            with contextlib.suppress(RedisError):
                await self._redis.eval(FORGET, 2, self.key, OPEN, self._mark)
                return
            await asyncio.sleep(PAUSE)


async def create_once(finder: CreateFinder, run: JobRun, order: Mapping[str, Any]) -> str:
    """
    Return the id of the task that was ordered, now or by a worker before.

    Raises:
        CreateOutcomeUnknownError: A worker was lost while it sent the order, and the service's list
            does not prove which task came of it.
        SoraError: The service has refused the order, or cannot be reached; nothing was made.
    """
    known = run.notes.get("task_id")
    if known is not None:
        return str(known)
    record = CreateRecord(finder.queue, run)
    before = await record.mark(order, await finder.look())
    if before is not None:
        return await _find_out(record, before, finder)
    sending = asyncio.ensure_future(_send(record, finder.client, order))
    try:
        return await asyncio.shield(sending)
    except asyncio.CancelledError:
        # The order may have left. What comes of it must not be lost with this worker.
        await asyncio.wait([sending])
        if (error := sending.exception()) is not None:
            logger.warning("job %s was broken off while it ordered: %s", run.job.key, error)
        raise


async def _send(record: CreateRecord, client: SoraClient, order: Mapping[str, Any]) -> str:
    try:
        task = await client.create_task(**order)
    except CreateOutcomeUnknownError:
        raise  # with the mark, for all time
    except SoraError:
        await record.forget()
        raise
    await record.keep(task.id)
    return task.id


async def _find_out(record: CreateRecord, known: dict[str, Any], finder: CreateFinder) -> str:
    """Wait for the id while the order may be under way; without it, look in the service's list."""
    marked = float(known.get("at", 0.0))
    while "task_id" not in known and time.time() - marked < UNDER_WAY:
        await asyncio.sleep(PAUSE)
        known = await record.read()
    if "task_id" in known:
        return str(known["task_id"])
    when = datetime.fromtimestamp(marked, UTC).isoformat(" ", "seconds")
    reason = f"a worker was lost while it sent the order, at {when}"
    cause: SoraError | None = None
    matches = MatchResult(created={}, not_created=frozenset())
    try:
        matches = await finder.find(record.key, known)
    except SoraError as error:
        cause = error
    if record.key in matches.created:
        task_id = matches.created[record.key]
        logger.warning("%s: %s; the service lists its task %s", record.key, reason, task_id)
        await record.keep(task_id)
        return task_id
    if matches.not_created:
        reason += ", and the service lists no task like it"
    is_listed = finder.client.dialect.list_path is not None
    is_listed = is_listed and not isinstance(cause, UnsupportedOperationError)
    raise CreateOutcomeUnknownError(finder.client.base_url, reason, is_listed=is_listed) from cause
