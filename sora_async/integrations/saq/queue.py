"""SAQ's Redis queue, for thousands of jobs that wait in one worker and may lose that worker."""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError, ResponseError
from saq.job import Job, Status
from saq.queue.redis import RedisQueue
from saq.utils import now

logger = logging.getLogger("sora_async")

MAX_CONCURRENT_DEQUEUES = 4
"""Jobs that one worker takes out of the queue at the same time."""

MAX_CONNECTIONS = 32
"""Connections of one worker to Redis."""

RETRY_DELAY = 1.0
"""Seconds between two attempts to reach a Redis that is away."""

BATCH_SIZE = 200
"""Jobs that are read or written in one round trip."""

VIDEO_FUNCTIONS = frozenset({"wait_for_video", "create_video"})
"""The jobs that notice by themselves that another worker has taken them over."""

WRITE_SCRIPT = """
local current = redis.call('GET', KEYS[1])
if current == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2])
    return 1
end
return current
"""
"""Write a job unless it has changed: returns 1, or what Redis holds instead."""

REDELIVER_SCRIPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('LREM', KEYS[2], 0, KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[4], 0, KEYS[1])
redis.call('LPUSH', KEYS[3], KEYS[1])
return 1
"""
"""Put a job back at the head of the queue unless it has changed, in one atomic step."""


class VideoQueue(RedisQueue):
    """
    SAQ's queue in Redis, adapted to long waits; for workers and for programs that enqueue.

    It differs from SAQ's own queue, which is made for short jobs, in three points:

    - SAQ's worker with a concurrency of a thousand holds a thousand connections
      to Redis while it is idle. This queue holds a few.
    - SAQ redelivers the jobs of a dead worker one after the other, five seconds
      each, and loses the current one if it dies too. This queue redelivers
      them all at once, each in one atomic step.
    - With SAQ, two writers of a job may overwrite each other. With this queue,
      a worker writes a job only if nobody else has, and so notices that
      another worker has taken the job over.

    Jobs of other functions may share the queue; they are redelivered as SAQ does it.

    Made by :meth:`from_url`. It takes SAQ's arguments too, apart from
    serializers other than JSON.
    """

    def __init__(self, redis: "Redis", name: str = "videos", **options: Any) -> None:
        super().__init__(redis, name=name, **options)
        self.register_before_enqueue(self._add_run_id)
        self._dequeues = asyncio.Semaphore(MAX_CONCURRENT_DEQUEUES)
        self._not_started: dict[bytes, bytes] = {}

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """
        Return a queue in the Redis at a URL.

        Args:
            url: Such as ``redis://localhost``.
            options: SAQ's own: *name*, ``"videos"`` by default, and *max_concurrent_ops*.
        """
        pool = BlockingConnectionPool.from_url(url, max_connections=MAX_CONNECTIONS, timeout=None)
        return cls(Redis.from_pool(pool), **options)

    async def _add_run_id(self, job: Job) -> None:
        """Note in a create which run of the Redis server it is enqueued in."""
        if job.function == "create_video" and job.kwargs is not None:
            job.kwargs["redis_run_id"] = (await self.redis.info("server"))["run_id"]

    async def find_restart(self, run_id: str | None) -> float | None:
        """
        Return when Redis started, if that may have cost writes since a job was enqueued.

        Args:
            run_id: The run of the server in which the job was enqueued; None if it is not known.

        Returns:
            Seconds since 1970; None if Redis has not been restarted, or loses nothing by it.
        """
        server = await self.redis.info("server")
        if server["run_id"] == run_id or await self._syncs_always():
            return None
        return time.time() - float(server["uptime_in_seconds"])

    async def _syncs_always(self) -> bool:
        """Return whether Redis has every write on disk before it responds."""
        try:
            settings = await self.redis.config_get("append*")
        except ResponseError:  # providers forbid CONFIG
            return False
        return (settings["appendonly"], settings["appendfsync"]) == ("yes", "always")

    async def warn_of_persistence(self) -> None:
        """Log a warning if Redis keeps its data in snapshots only."""
        try:
            is_logged = bool((await self.redis.info("persistence"))["aof_enabled"])
        except RedisError as error:
            logger.warning("queue %s: cannot read the persistence of Redis: %s", self.name, error)
            return
        if not is_logged:
            logger.warning(
                "queue %s: Redis has appendonly no. After a restart it forgets what was written "
                "since its last snapshot; creates are then looked up in the service's list first. "
                "Set appendonly yes",
                self.name,
            )

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Job | None:
        """Take a job out of the queue; a few calls at a time reach Redis."""
        async with self._dequeues:
            try:
                return await super().dequeue(timeout, poll_interval)
            except RedisError:
                await asyncio.sleep(RETRY_DELAY)  # SAQ calls again at once, a thousand times
                raise

    @property
    def notification_channel(self) -> str:
        """The Redis channel on which the ids of tasks are published."""
        return self.namespace("notify_task")

    async def notify_task(self, task_id: str) -> None:
        """
        Have the worker that waits for a task poll it now, because a webhook about it has come.

        It calls :meth:`SoraClient.notify <sora_async.SoraClient.notify>` in every worker of this
        queue, through Redis pub/sub: a webhook knows the task, and SAQ's own channels want the
        key of the job.

        Args:
            task_id: The id in the webhook.

        Raises:
            redis.exceptions.RedisError: Redis cannot be reached; the wait polls on all the same.
        """
        await self.redis.publish(self.notification_channel, task_id)

    async def write(self, jobs: Sequence[tuple[Job, bytes]]) -> list[bytes | None]:
        """
        Write jobs that nobody else has written since; return what Redis holds for each now.

        Args:
            jobs: The jobs, each with what was written for it before.
        """
        written: list[bytes | None] = []
        pipe: Any
        for batch in batches(jobs):
            payloads = [_bytes(self.serialize(job)) for job, _ in batch]
            async with self.redis.pipeline(transaction=False) as pipe:
                for (job, before), payload in zip(batch, payloads, strict=True):
                    pipe.eval(WRITE_SCRIPT, 1, job.id, before, payload)
                results = await pipe.execute()
            pairs = zip(payloads, results, strict=True)
            written += [payload if result == 1 else result for payload, result in pairs]
        return written

    async def sweep(self, lock: int = 60, abort: float = 5.0) -> list[str]:
        """
        Put the jobs of dead workers back into the queue.

        Args:
            lock: Seconds for which no other worker does the same.
            abort: Seconds that SAQ gives a job of another function to abort.
        """
        if not await self.redis.set(self.namespace("sweep"), 1, ex=lock, nx=True):
            return []
        swept: list[str] = []
        not_started, self._not_started = self._not_started, {}
        redis: Any = self.redis
        for ids in batches(await redis.lrange(self.namespace("active"), 0, -1)):
            for job_id, payload in zip(ids, await redis.mget(ids), strict=True):
                if await self._sweep_job(job_id, payload, not_started.get(job_id), abort):
                    swept.append(job_id.decode())
        return swept

    async def _sweep_job(
        self, job_id: bytes, payload: bytes | None, before: bytes | None, abort: float
    ) -> bool:
        """Put a job back if its worker is dead; return whether it was."""
        job = self.deserialize(payload)
        if job is None or payload is None:
            await self._remove(job_id)
            return True
        is_dead = job.stuck
        if job.status is Status.QUEUED:
            # Taken by a worker that has not started it: dead, if that is so in the next sweep too.
            self._not_started[job_id] = payload
            is_dead = payload == before
        if not is_dead:
            return False
        if job.function in VIDEO_FUNCTIONS:
            return await self._redeliver(job, payload)
        await self._abort_as_saq_does(job, abort)
        return True

    async def _remove(self, job_id: bytes) -> None:
        """Remove a job from SAQ's lists whose content Redis no longer has."""
        pipe: Any
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.lrem(self.namespace("active"), 0, job_id)
            pipe.zrem(self.namespace("incomplete"), job_id)
            await pipe.execute()

    async def _redeliver(self, job: Job, payload: bytes) -> bool:
        job.status, job.error = Status.QUEUED, self.swept_error_message
        job.started = job.completed = 0
        job.touched = now()
        names = [self.namespace(part) for part in ("active", "queued", "incomplete")]
        new = _bytes(self.serialize(job))
        redis: Any = self.redis  # typed as a client that may not be asyncio's
        return bool(await redis.eval(REDELIVER_SCRIPT, 4, job.id, *names, payload, new))

    async def _abort_as_saq_does(self, job: Job, abort: float) -> None:
        """Let the worker abort the job, then retry or finish it."""
        await self.abort(job, error=self.swept_error_message)
        with contextlib.suppress(TimeoutError):
            await job.refresh(abort)
        if job.retryable:
            await self.retry(job, error=self.swept_error_message)
        else:
            await self.finish(job, Status.ABORTED, error=self.swept_error_message)


def _bytes(payload: bytes | str) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload


def batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield lists of the items, each for one round trip."""
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, BATCH_SIZE)):
        yield batch
