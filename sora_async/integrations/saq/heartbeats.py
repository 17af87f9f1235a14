"""The jobs that one worker holds: their heartbeats and news are written for all of them at once."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from redis.exceptions import RedisError
from saq.job import ACTIVE_STATUSES, Job
from saq.types import Context, JobTaskContext
from saq.utils import now

from .queue import PAUSE, VideoQueue

logger = logging.getLogger("sora_async")

HEARTBEAT = 20
"""Seconds without a sign of life after which a job is given to another worker."""

LONGEST = 1e8
"""Seconds that a wait may be old: three years."""

TICK = 1.0
"""Seconds between two looks at what has to be written."""

NEWS = 2.0
"""Seconds between two writes of a job's news at least."""


class JobRun:
    """
    One run of a job in this worker.

    Attributes:
        job: SAQ's job; what is changed in it is written with the next beat.
        notes: What we know of it, which outlives the run.
        is_news: Whether there is something new to write.
        is_lost: Whether another worker has the job now.
        written: What was written for it last.
    """

    def __init__(self, job: Job, written: bytes, context: JobTaskContext) -> None:
        self.job = job
        self.notes: dict[str, Any] = job.meta.setdefault("sora", {})
        self.is_news = self.is_lost = False
        self.written = written
        self._written_at = time.monotonic()
        self._is_aborted = False
        self._attempt = job.attempts, job.worker_id
        self._context = context

    @property
    def age(self) -> float:
        """Seconds since the job was begun for the first time, in whichever worker."""
        began: float = self.notes.setdefault("began", time.time())
        return min(max(0.0, time.time() - began), LONGEST)

    def is_due(self, moment: float) -> bool:
        """Return whether the job has to be written: for its heartbeat, or its news."""
        silence = moment - self._written_at
        beat = (self.job.heartbeat or HEARTBEAT) / 3
        return not self._is_aborted and (silence >= beat or (self.is_news and silence >= NEWS))

    def settle(self, stands: bytes | None, job: Job | None) -> None:
        """Take what stands in Redis: what we have written, or what somebody else has."""
        self.written, self._written_at, self.is_news = stands or b"", time.monotonic(), False
        if job is None:
            return  # nothing: Redis has lost it, or a user; the wait goes on all the same
        if (job.attempts, job.worker_id) == self._attempt:
            self._is_aborted = job.status not in ACTIVE_STATUSES  # SAQ is about to cancel us
            self.job.meta = {**job.meta, **self.job.meta}  # a note of a stranger
            return
        self.is_lost = True
        self._context["aborted"] = "another worker has it"  # for SAQ to write nothing more
        self._context["task"].cancel()


class HeartbeatKeeper:
    """
    Keeps the jobs of one worker.

    Attributes:
        queue: Where they come from.
    """

    def __init__(self, queue: VideoQueue) -> None:
        self.queue = queue
        self._runs: dict[JobRun, None] = {}
        self._is_cut_off = False
        self._task = asyncio.get_running_loop().create_task(self._beat(), name="job heartbeats")

    async def close(self) -> None:
        """Write no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def hold(self, context: Context) -> AsyncIterator[JobRun]:
        """Keep the job of this task while the block lasts; leave it in silence when it is lost."""
        job = context["job"]
        mark = context["worker"].job_task_contexts[job]
        run = JobRun(job, await self.queue.redis.get(job.id) or b"", mark)
        self._runs[run] = None
        try:
            yield run
        except asyncio.CancelledError:
            if not run.is_lost:
                raise
        finally:
            del self._runs[run]

    async def write(self, *runs: JobRun) -> None:
        """Write some jobs now; who has lost his is cancelled."""
        for run in runs:
            run.job.touched = now()
        stands = await self.queue.write([(run.job, run.written) for run in runs])
        for run, payload in zip(runs, stands, strict=True):
            run.settle(payload, self.queue.deserialize(payload))

    async def confirm(self, run: JobRun) -> None:
        """Go on only if the job is still ours: its end is not to be told twice, nor to get lost."""
        while True:
            try:
                await self.write(run)
            except RedisError:
                await asyncio.sleep(PAUSE)
            else:
                break
        await asyncio.sleep(0)  # where the cancellation arrives

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            moment = time.monotonic()
            due = [run for run in self._runs if run.is_due(moment)]
            try:
                await self.write(*due)
                self._is_cut_off = False
            except Exception as error:
                if not self._is_cut_off:
                    logger.warning("no heartbeats: %s: %s", type(error).__name__, error)
                self._is_cut_off = True
