"""The jobs: wait for a video, and create one and wait for it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

from saq.job import Job, Status
from saq.queue import JobError
from saq.types import Context

from ... import (
    InvalidArgumentError,
    SoraClient,
    SoraError,
    Until,
    VideoTask,
    WaitInterruptedError,
    WaitTimeoutError,
)
from .._plain import (
    Data,
    error_from_data,
    error_to_data,
    event_to_data,
    task_from_data,
    task_to_data,
)
from ._keeper import HEARTBEAT, Keeper, Run

LAST_LOOK = 30.0
"""Seconds that a wait gets at least in its next worker: its video may have come meanwhile."""

PAUSE = 30.0
"""Seconds after an outage before the wait goes on, until its timeout."""

MANY = 1_000_000
"""Runs of a job: it is its timeout that ends it."""

KEEP = 86_400
"""Seconds for which results are kept."""


def wait_job(
    task_id: str,
    *,
    timeout: float = 1800.0,
    until: Until = "video",
    heartbeat: int = HEARTBEAT,
    **fields: Any,
) -> Job:
    """
    Return the job of a wait, for ``queue.enqueue``.

    SAQ's defaults would end it after ten seconds, and lose it with its worker.
    Here the timeout is that of the wait as a whole, over all its workers,
    and a worker that dies costs *heartbeat* and some seconds.

    Args:
        task_id: The id, as the service gave it.
        timeout: Seconds for the wait, from when a worker first begins it.
        until: What ends the wait; see :meth:`SoraClient.wait_until_complete`.
        heartbeat: Seconds without a sign of life after which another worker goes on.
        fields: Others of SAQ's job, such as *key*, *ttl* and *meta*.
    """
    SoraClient(api_key="").wait_until_complete(task_id, timeout=timeout, until=until)
    kwargs = {"task_id": task_id, "timeout": timeout, "until": until}
    return _job("wait_for_video", kwargs, heartbeat, fields)


def _job(function: str, kwargs: Data, heartbeat: int, fields: Data) -> Job:
    terms = {"timeout": 0, "retries": MANY, "ttl": KEEP, "heartbeat": heartbeat}
    return Job(function=function, kwargs=kwargs, **{**terms, **fields})


def read_outcome(job: Job) -> VideoTask:
    """
    Return the finished task of a job that has ended, or raise the error that ended it.

    Args:
        job: As ``queue.job(key)`` gives it.

    Raises:
        SoraError: The wait's own error, as the worker had it.
        JobError: SAQ's: the job was aborted, or ended by a bug.
        InvalidArgumentError: The job goes on: ``await job.refresh(until_complete=0)`` waits for it.
    """
    if job.status is Status.COMPLETE:
        return task_from_data(job.result)
    if job.status not in (Status.FAILED, Status.ABORTED):
        raise InvalidArgumentError(f"job: has not ended; it is {job.status.value}")
    data = job.meta.get("sora", {}).get("error")
    error = error_from_data(data) if data and job.status is Status.FAILED else None
    raise error or JobError(job)


async def wait_for_video(
    context: Context, *, task_id: str, timeout: float, until: Until
) -> Data | None:
    """Wait for a video: the job that :func:`wait_job` makes."""
    client, keeper = tools(context)
    async with keeper.hold(context) as run, ending(keeper, run, timeout):
        return task_to_data(await follow(run, client, task_id, timeout=timeout, until=until))
    return None  # another worker has the job


def tools(context: Context) -> tuple[SoraClient, Keeper]:
    """Return what the worker's startup has put into the context."""
    found = cast(dict[str, Any], context)
    return found["sora"], found["sora_keeper"]


@contextlib.asynccontextmanager
async def ending(keeper: Keeper, run: Run, timeout: float) -> AsyncIterator[None]:
    """Tell an end only if the job is still ours, and let SAQ begin again after what may pass."""
    run.job.retry_delay = 0.0
    run.notes["error"] = None
    try:
        yield
    except Exception as error:
        may_pass = isinstance(error, SoraError) and is_passing(error) and run.age < timeout
        run.notes["error"] = error_to_data(error) if isinstance(error, SoraError) else None
        if may_pass:
            run.job.retry_delay = PAUSE
        else:
            run.job.retries = run.job.attempts
        await keeper.confirm(run)
        raise
    await keeper.confirm(run)


def is_passing(error: SoraError) -> bool:
    """Return whether the wait is worth going on with after an error."""
    is_over = isinstance(error, WaitTimeoutError)
    return not is_over and (error.transient or isinstance(error, WaitInterruptedError))


async def follow(
    run: Run, client: SoraClient, task_id: str, *, timeout: float, until: Until
) -> VideoTask:
    """Wait for a task, or go on with it, and write what happens into the job."""
    age = run.age
    run.notes["task_id"] = task_id
    if run.job.attempts > 1:
        timeout = max(timeout, age + LAST_LOOK)
    watch = client.wait_until_complete(task_id, timeout=timeout, until=until, age=age)
    async for event in watch:
        run.job.progress = event.progress or 0.0
        run.notes["event"] = event_to_data(event)
        run.is_news = True
    return await watch
