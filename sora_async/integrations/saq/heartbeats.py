"""Heartbeats and state of the jobs that one worker runs, written for all of them at once."""

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

from .queue import RETRY_DELAY, VideoQueue

logger = logging.getLogger("sora_async")

HEARTBEAT = 20
"""Seconds without a heartbeat after which another worker gets a job."""

MAX_AGE = 1e8
"""Seconds that a wait may be old: three years."""

MAX_CLOCK_CORRECTION = 5.0
"""Seconds by which the clock may be set without a correction of the age of a job."""

WRITE_INTERVAL = 1.0
"""Seconds between two checks which jobs have to be written."""

STATE_INTERVAL = 2.0
"""Seconds between two writes of a job's state at least."""


class JobRun:
    """
    One run of a job in this worker.

    Attributes:
        job: SAQ's job; changes to it are written with the next heartbeat.
        state: Our part of ``job.meta``, which the next run of the job gets too.
        has_changes: Whether *state* has changed since it was written.
        is_lost: Whether another worker has taken the job over.
        written: What was written for the job last.
    """

    def __init__(self, job: Job, written: bytes, context: JobTaskContext) -> None:
        self.job = job
        self.state: dict[str, Any] = job.meta.setdefault("sora", {})
        self.has_changes = self.is_lost = False
        self.written = written
        self._written_at = time.monotonic()
        age = time.time() - self.state.setdefault("began", time.time())
        self._began = time.monotonic() - min(max(0.0, age), MAX_AGE)
        self._is_aborted = False
        self._owner = job.attempts, job.worker_id
        self._context = context

    @property
    def age(self) -> float:
        """Seconds since the first run of the job began, in whichever worker."""
        age: float = time.monotonic() - self._began
        return age

    def follow_clock(self) -> None:
        """Correct the moment of the first run for the next one, if our clock was set meanwhile."""
        began = time.time() - self.age
        if abs(began - self.state["began"]) > MAX_CLOCK_CORRECTION:
            self.state["began"] = began

    def is_due(self, moment: float) -> bool:
        """Return whether the job has to be written, for its heartbeat or for its state."""
        since = moment - self._written_at
        heartbeat = (self.job.heartbeat or HEARTBEAT) / 3
        has_state = self.has_changes and since >= STATE_INTERVAL
        return not self._is_aborted and (since >= heartbeat or has_state)

    def on_written(self, payload: bytes | None, job: Job | None) -> None:
        """
        Record what Redis holds after a write: what we have written, or what somebody else has.

        Args:
            payload: What it holds.
            job: The same as a job; None when Redis has none, and then the wait goes on.
        """
        self.written, self._written_at, self.has_changes = payload or b"", time.monotonic(), False
        if job is None:
            return
        if (job.attempts, job.worker_id) == self._owner:
            self._is_aborted = job.status not in ACTIVE_STATUSES  # SAQ is about to cancel us
            self.job.meta = {**job.meta, **self.job.meta}  # keep what other programs wrote
            return
        self.is_lost = True
        self._context["aborted"] = "another worker has the job"  # SAQ writes nothing more
        self._context["task"].cancel()


class HeartbeatWriter:
    """Writes the heartbeats of all jobs that one worker runs."""

    def __init__(self, queue: VideoQueue) -> None:
        self.queue = queue
        self._runs: dict[JobRun, None] = {}
        self._is_failing = False
        self._task = asyncio.get_running_loop().create_task(self._write_due(), name="heartbeats")

    async def close(self) -> None:
        """Stop writing."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def run(self, context: Context) -> AsyncIterator[JobRun]:
        """Write heartbeats of a job during the block; exit quietly when another worker has it."""
        job = context["job"]
        saq_context = context["worker"].job_task_contexts[job]
        run = JobRun(job, await self.queue.redis.get(job.id) or b"", saq_context)
        self._runs[run] = None
        try:
            yield run
        except asyncio.CancelledError:
            if not run.is_lost:
                raise
        finally:
            del self._runs[run]

    async def write(self, *runs: JobRun) -> None:
        """Write some jobs now; cancel those that another worker has taken over."""
        for run in runs:
            run.job.touched = now()
            run.follow_clock()
        written = await self.queue.write([(run.job, run.written) for run in runs])
        for run, payload in zip(runs, written, strict=True):
            run.on_written(payload, self.queue.deserialize(payload))

    async def confirm(self, run: JobRun) -> None:
        """Return only if the job is still ours: a result must be neither doubled nor lost."""
        while True:
            try:
                await self.write(run)
            except RedisError:
                await asyncio.sleep(RETRY_DELAY)
            else:
                break
        await asyncio.sleep(0)  # where the cancellation arrives

    async def _write_due(self) -> None:
        while True:
            await asyncio.sleep(WRITE_INTERVAL)
            moment = time.monotonic()
            due = [run for run in self._runs if run.is_due(moment)]
            try:
                await self.write(*due)
                self._is_failing = False
            except Exception as error:
                if not self._is_failing:
                    logger.warning("no heartbeats: %s: %s", type(error).__name__, error)
                self._is_failing = True
