"""The jobs: wait for a video, and create one and wait for it."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from redis.exceptions import RedisError
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
from ..error_data import Data, error_from_data, error_to_data, event_to_data
from .create_once import create_once
from .heartbeats import HEARTBEAT, HeartbeatKeeper, JobRun
from .reconcile import CreateFinder

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
    save_as: str | None = None,
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
        until: What ends the wait; see :meth:`~sora_async.SoraClient.wait_until_complete`.
        save_as: Where the workers save the video, on a disk that they share; None for nowhere.
        heartbeat: Seconds without a sign of life after which another worker goes on.
        fields: Others of SAQ's job, such as *key*, *ttl* and *meta*.
    """
    _check(task_id, timeout=timeout, until=until, save_as=save_as)
    kwargs = {"task_id": task_id, "timeout": timeout, "until": until, "save_as": save_as}
    return _job("wait_for_video", kwargs, heartbeat, fields)


def create_job(
    order: Mapping[str, Any],
    *,
    timeout: float = 1800.0,
    until: Until = "video",
    save_as: str | None = None,
    heartbeat: int = HEARTBEAT,
    **fields: Any,
) -> Job:
    """
    Return the job that creates a task once and waits for it, for ``queue.enqueue``.

    Before the order is sent, Redis holds a mark, and then the id. So however
    often the job changes its worker, nothing is ordered twice. A worker that
    finds the mark and no id looks in the service's list, and goes on with the
    task that is surely the order's. Without one, the job ends with
    :exc:`~sora_async.CreateOutcomeUnknownError`.

    Args:
        order: The arguments of :meth:`~sora_async.SoraClient.create_task`, as JSON carries them; a
            file's path must be good in the workers.
        timeout: Seconds for the order and the wait, from when a worker first begins it.
        until: What ends the wait; see :meth:`~sora_async.SoraClient.wait_until_complete`.
        save_as: Where the workers save the video, on a disk that they share; None for nowhere.
        heartbeat: Seconds without a sign of life after which another worker goes on.
        fields: Others of SAQ's job, such as *key*, *ttl* and *meta*.
    """
    try:
        plain = json.loads(json.dumps(dict(order)))
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"order: JSON cannot carry it: {error}") from error
    if not isinstance(plain.get("prompt"), str):
        raise InvalidArgumentError("order: expected a prompt in it")
    _check(timeout=timeout, until=until, save_as=save_as)
    kwargs = {"order": plain, "timeout": timeout, "until": until, "save_as": save_as}
    return _job("create_video", kwargs, heartbeat, fields)


def _check(task_id: str = "any", *, timeout: float, until: Until, save_as: str | None) -> None:
    """Find out here what no wait can be, and not in a worker."""
    client = SoraClient(api_key="")
    client.wait_until_complete(task_id, timeout=timeout, until=until)
    if save_as is not None:
        client.download(task_id, save_as)


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
        saq.queue.JobError: The job was aborted, or ended by a bug.
        InvalidArgumentError: The job goes on: ``await job.refresh(until_complete=0)`` waits for
            it. Or its result is damaged.
    """
    if job.status is Status.COMPLETE:
        try:
            return VideoTask.from_dict(job.result)
        except ValueError as damage:
            raise InvalidArgumentError(f"job: {damage}") from damage
    if job.status not in (Status.FAILED, Status.ABORTED):
        raise InvalidArgumentError(f"job: has not ended; it is {job.status.value}")
    data = job.meta.get("sora", {}).get("error")
    error = error_from_data(data) if data and job.status is Status.FAILED else None
    raise error or JobError(job)


async def wait_for_video(
    context: Context, *, task_id: str, timeout: float, until: Until, save_as: str | None
) -> Data | None:
    """Wait for a video: the job that :func:`wait_job` makes."""
    client, keeper = tools(context)
    async with keeper.hold(context) as run, ending(keeper, run, timeout):
        task = await follow(run, client, task_id, timeout=timeout, until=until)
        return task.to_dict() | await save(keeper, run, client, task, save_as)
    return None  # another worker has the job


async def create_video(
    context: Context, *, order: Data, timeout: float, until: Until, save_as: str | None
) -> Data | None:
    """Create a task, once, and wait for its video: the job that :func:`create_job` makes."""
    client, keeper = tools(context)
    async with keeper.hold(context) as run, ending(keeper, run, timeout):
        finder: CreateFinder = cast(dict[str, Any], context)["sora_finder"]
        task_id = await create_once(finder, run, order)
        task = await follow(run, client, task_id, timeout=timeout, until=until)
        return task.to_dict() | await save(keeper, run, client, task, save_as)
    return None  # another worker has the job


def tools(context: Context) -> tuple[SoraClient, HeartbeatKeeper]:
    """Return what the worker's startup has put into the context."""
    found = cast(dict[str, Any], context)
    return found["sora"], found["sora_keeper"]


@contextlib.asynccontextmanager
async def ending(keeper: HeartbeatKeeper, run: JobRun, timeout: float) -> AsyncIterator[None]:
    """Tell an end only if the job is still ours, and let SAQ begin again after what may pass."""
    run.job.retry_delay = 0.0
    run.notes["error"] = None
    try:
        yield
    except Exception as error:
        run.notes["error"] = error_to_data(error) if isinstance(error, SoraError) else None
        if is_passing(error) and run.age < timeout:
            run.job.retry_delay = max(PAUSE, getattr(error, "retry_after", None) or 0.0)
        else:
            run.job.retries = run.job.attempts
        await keeper.confirm(run)
        raise
    await keeper.confirm(run)


def is_passing(error: Exception) -> bool:
    """Return whether the job is worth going on with after an error."""
    if isinstance(error, WaitInterruptedError):
        return not isinstance(error, WaitTimeoutError)
    return isinstance(error, RedisError) or (isinstance(error, SoraError) and error.transient)


async def follow(
    run: JobRun, client: SoraClient, task_id: str, *, timeout: float, until: Until
) -> VideoTask:
    """Wait for a task, or go on with it, and write what happens into the job."""
    age = run.age
    run.notes["task_id"] = task_id
    if run.job.attempts > 1:
        timeout = max(timeout, age + LAST_LOOK)
    watch = client.wait_until_complete(task_id, timeout=timeout, until=until, already_waited=age)
    async for event in watch:
        run.job.progress = event.progress or 0.0
        run.notes["event"] = event_to_data(event)
        run.is_news = True
    return await watch


async def save(
    keeper: HeartbeatKeeper, run: JobRun, client: SoraClient, task: VideoTask, save_as: str | None
) -> Data:
    """Save the video, or go on with what a worker before has saved of it; return what it is."""
    if save_as is None:
        return {}
    is_begun = "saving" in run.notes
    run.notes["saving"] = {}
    await keeper.confirm(run)
    # A file that was there before the first worker began is not ours to take for the video.
    download = client.download(task, save_as, if_exists="skip" if is_begun else "error")
    async for event in download:
        run.notes["saving"] = {"received": event.received, "total": event.total}
        run.is_news = True
    file = await download
    found = {"path": str(file.path), "size": file.size, "content_type": file.content_type}
    return {"file": found}
