"""SAQ's Redis queue, for thousands of jobs that wait in one worker and may lose it."""

import asyncio
import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError
from saq.job import Job, Status
from saq.queue.redis import RedisQueue
from saq.utils import now

DOORS = 4
"""Jobs that one worker takes out of the queue at the same time."""

CONNECTIONS = 32
"""Connections of one worker to Redis."""

PAUSE = 1.0
"""Seconds between two attempts to reach a Redis that is away."""

BATCH = 200
"""Jobs that are read or written in one round trip."""

FUNCTIONS = frozenset({"wait_for_video", "create_video"})
"""The jobs that find out by themselves when they have lost their worker's hold."""

WRITE = """
local was = redis.call('GET', KEYS[1])
if was == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2])
    return 1
end
return was
"""
"""Write a job, if nobody else has written it: returns 1, or what stands there instead."""

REDELIVER = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('LREM', KEYS[2], 0, KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[4], 0, KEYS[1])
redis.call('LPUSH', KEYS[3], KEYS[1])
return 1
"""
"""Give a job back to the queue in one step, before those that are new, if nobody has touched it."""


class VideoQueue(RedisQueue):
    """
    SAQ's queue in Redis, made fit for waits: for workers, and for who enqueues.

    Three things differ from SAQ's own, which work well for short jobs:

    - A worker with a place for a thousand jobs holds a thousand connections
      to Redis while it has nothing to do. Here it holds a few.
    - SAQ gives the jobs of a dead worker back one after the other, at five
      seconds each, and loses the one at hand if it dies too. Here all of
      them go back at once, and each in one atomic step.
    - A job that is written while another writes it may be written over. Here
      a worker writes only what is still its own, and so finds out that it has
      lost a job, if it was out for longer than the heartbeat.

    Jobs of other functions may be in it; they are redelivered like SAQ does it.

    Made by :meth:`from_url`. SAQ's own arguments are taken as well, except for
    other kinds of serialisation than JSON.
    """

    def __init__(self, redis: "Redis", name: str = "videos", **options: Any) -> None:
        super().__init__(redis, name=name, **options)
        self._doors = asyncio.Semaphore(DOORS)
        self._suspects: dict[bytes, bytes] = {}

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """
        Return the queue in the Redis at an URL.

        Args:
            url: Such as ``redis://localhost``.
            options: SAQ's own: *name*, ``"videos"`` by default, and *max_concurrent_ops*.
        """
        pool = BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS, timeout=None)
        return cls(Redis.from_pool(pool), **options)

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Job | None:
        """Take a job out of the queue, a few at a time; without Redis, slowly."""
        async with self._doors:
            try:
                return await super().dequeue(timeout, poll_interval)
            except RedisError:
                await asyncio.sleep(PAUSE)  # SAQ asks again at once, from each place
                raise

    async def write(self, jobs: Sequence[tuple[Job, bytes]]) -> list[bytes | None]:
        """
        Write jobs that nobody else has written since; return what stands for each in Redis now.

        Args:
            jobs: The jobs, each with what was written for it before.
        """
        stands: list[bytes | None] = []
        pipe: Any
        for batch in _batches(jobs):
            payloads = [_bytes(self.serialize(job)) for job, _ in batch]
            async with self.redis.pipeline(transaction=False) as pipe:
                for (job, was), payload in zip(batch, payloads, strict=True):
                    pipe.eval(WRITE, 1, job.id, was, payload)
                ends = await pipe.execute()
            pairs = zip(payloads, ends, strict=True)
            stands += [payload if end == 1 else end for payload, end in pairs]
        return stands

    async def sweep(self, lock: int = 60, abort: float = 5.0) -> list[str]:
        """
        Give the jobs of dead workers back to the queue.

        Args:
            lock: Seconds for which no other worker does the same.
            abort: Seconds that a job of another function than ours gets to be broken off.
        """
        if not await self.redis.set(self.namespace("sweep"), 1, ex=lock, nx=True):
            return []
        swept: list[str] = []
        suspects, self._suspects = self._suspects, {}
        redis: Any = self.redis
        for ids in _batches(await redis.lrange(self.namespace("active"), 0, -1)):
            for job_id, payload in zip(ids, await redis.mget(ids), strict=True):
                if await self._sweep_one(job_id, payload, suspects.get(job_id), abort):
                    swept.append(job_id.decode())
        return swept

    async def _sweep_one(
        self, job_id: bytes, payload: bytes | None, before: bytes | None, abort: float
    ) -> bool:
        """Give one job back if its worker is dead; return whether it was."""
        job = self.deserialize(payload)
        if job is None or payload is None:
            active, incomplete = self.namespace("active"), self.namespace("incomplete")
            pipe: Any
            async with self.redis.pipeline(transaction=True) as pipe:
                await pipe.lrem(active, 0, job_id).zrem(incomplete, job_id).execute()
            return True
        is_dead = job.stuck
        if job.status is Status.QUEUED:
            # Taken, and not begun: by one that is about to, or has died just then.
            self._suspects[job_id] = payload
            is_dead = payload == before
        if not is_dead:
            return False
        if job.function in FUNCTIONS:
            return await self._redeliver(job, payload)
        await self._break_off(job, abort)
        return True

    async def _redeliver(self, job: Job, payload: bytes) -> bool:
        job.status, job.error = Status.QUEUED, self.swept_error_message
        job.started = job.completed = 0
        job.touched = now()
        names = [self.namespace(part) for part in ("active", "queued", "incomplete")]
        new = _bytes(self.serialize(job))
        redis: Any = self.redis  # of which the types say that it may be a client without asyncio
        return bool(await redis.eval(REDELIVER, 4, job.id, *names, payload, new))

    async def _break_off(self, job: Job, abort: float) -> None:
        """Do what SAQ does: let the worker break it off, and try again or give up."""
        await self.abort(job, error=self.swept_error_message)
        with contextlib.suppress(TimeoutError):
            await job.refresh(abort)
        if job.retryable:
            await self.retry(job, error=self.swept_error_message)
        else:
            await self.finish(job, Status.ABORTED, error=self.swept_error_message)


def _bytes(payload: bytes | str) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, BATCH)):
        yield batch
