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

from ... import CreateUncertainError, SoraClient, SoraError
from ._keeper import Run
from ._queue import PAUSE, VideoQueue

logger = logging.getLogger("sora_async")

UNDER_WAY = 60.0
"""Seconds after the mark for which the order may be under way in a worker that has lost the job."""

KEEP = 7 * 86_400
"""Seconds for which it is kept what came of an order: longer than any job is redelivered."""


class Record:
    """
    What is known in Redis of one job's order: nothing, a mark that it is being sent, or its id.

    It does not stand in the job, which SAQ writes as a whole, and may write
    over. It belongs to one enqueuing: a job of the same key that is enqueued
    again is a new order.
    """

    def __init__(self, queue: VideoQueue, run: Run) -> None:
        self._redis: Any = queue.redis
        self._run = run
        self._key = f"sora_async:order:{queue.name}:{run.job.key}:{run.job.queued}"

    async def mark(self) -> dict[str, Any] | None:
        """Say that the order is about to be sent; return what was said before, if anything was."""
        mark = {"at": time.time(), "by": [self._run.job.worker_id, self._run.job.attempts]}
        if await self._redis.set(self._key, json.dumps(mark), nx=True, ex=KEEP):
            return None
        known = await self.read()
        # Our own, where Redis' answer was lost and the client has asked again.
        return None if known == mark else known

    async def read(self) -> dict[str, Any]:
        """Return what is known."""
        known: dict[str, Any] = json.loads(await self._redis.get(self._key) or "{}")
        return known

    async def keep(self, task_id: str) -> None:
        """Keep the id of the task that was made, whatever it takes."""
        self._run.notes["task_id"] = task_id
        self._run.is_news = True
        while True:
            try:
                await self._redis.set(self._key, json.dumps({"task_id": task_id}), ex=KEEP)
                return
            except RedisError as error:
                job = self._run.job.key
                logger.warning("job %s: cannot keep that it made %s: %s", job, task_id, error)
            await asyncio.sleep(PAUSE)

    async def forget(self) -> None:
        """Take the mark back: nothing was made."""
        while True:
            with contextlib.suppress(RedisError):
                await self._redis.delete(self._key)
                return
            await asyncio.sleep(PAUSE)


async def order_once(
    queue: VideoQueue, run: Run, client: SoraClient, order: Mapping[str, Any]
) -> str:
    """
    Return the id of the task that was ordered, now or by a worker before.

    Raises:
        CreateUncertainError: A worker was lost while it sent the order.
        SoraError: The service has refused the order, or cannot be reached; nothing was made.
    """
    known = run.notes.get("task_id")
    if known is not None:
        return str(known)
    record = Record(queue, run)
    before = await record.mark()
    if before is not None:
        return await _find_out(record, before, client)
    sending = asyncio.ensure_future(_send(record, client, order))
    try:
        return await asyncio.shield(sending)
    except asyncio.CancelledError:
        # The order may have left. What comes of it must not be lost with this worker.
        await asyncio.wait([sending])
        if (error := sending.exception()) is not None:
            logger.warning("job %s was broken off while it ordered: %s", run.job.key, error)
        raise


async def _send(record: Record, client: SoraClient, order: Mapping[str, Any]) -> str:
    try:
        task = await client.create_task(**order)
    except CreateUncertainError:
        raise  # with the mark, for all time
    except SoraError:
        await record.forget()
        raise
    await record.keep(task.id)
    return task.id


async def _find_out(record: Record, known: dict[str, Any], client: SoraClient) -> str:
    """Wait for the id while the order may be under way; without it, nobody knows what was made."""
    marked = float(known.get("at", 0.0))
    while "task_id" not in known and time.time() - marked < UNDER_WAY:
        await asyncio.sleep(PAUSE)
        known = await record.read()
    if "task_id" in known:
        return str(known["task_id"])
    when = datetime.fromtimestamp(marked, UTC).isoformat(" ", "seconds")
    raise CreateUncertainError(
        client.base_url,
        f"a worker was lost while it sent the order, at {when}",
        is_listed=client.dialect.list_path is not None,
    )
