"""The jobs: wait for a video, or create one and wait for it."""

import contextlib
import json
import uuid
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
from .heartbeats import HEARTBEAT, HeartbeatWriter, JobRun
from .reconcile import CreateReconciler

MIN_TIMEOUT = 30.0
"""Seconds that a wait gets at least in its next worker: the video may have come meanwhile."""

OUTAGE_PAUSE = 30.0
"""Seconds after an outage before the job runs again, until its timeout."""

MAX_RUNS = 1_000_000
"""Runs of a job: its timeout ends it, not their number."""

RESULT_TTL = 86_400
"""Seconds for which Redis keeps a result."""


def wait_job(
    task_id: str,
    *,
    timeout: float = 1800.0,
    until: Until = "video",
    save_as: str | None = None,
    webhook: bool = False,
    heartbeat: int = HEARTBEAT,
    **fields: Any,
) -> Job:
    """
    Return a job that waits for a task, for ``queue.enqueue``.

    With SAQ's defaults the job would end after ten seconds, and be lost with
    its worker. Here the timeout counts over all workers that run the job,
    and after a worker's death another one goes on within *heartbeat* and
    some seconds.

    Args:
        task_id: The id, as the service gave it.
        timeout: Seconds for the wait, from its first run on.
        until: What ends the wait; see :meth:`~sora_async.SoraClient.wait_until_complete`.
        save_as: Path to which the worker saves the video, on a disk that all workers share; None
            to save nothing.
        webhook: Whether webhooks about the task reach ``queue.notify_task``; the wait then polls
            less often.
        heartbeat: Seconds without a heartbeat after which another worker gets the job.
        fields: Other fields of SAQ's job, such as *key*, *ttl* and *meta*.

    Raises:
        InvalidArgumentError: An argument is wrong; nothing is enqueued.
    """
    _check(task_id, timeout=timeout, until=until, save_as=save_as, webhook=webhook)
    kwargs = {"task_id": task_id, "timeout": timeout, "until": until, "save_as": save_as}
    kwargs |= {"webhook": webhook}
    return _job("wait_for_video", kwargs, heartbeat, fields)


def create_job(
    arguments: Mapping[str, Any],
    *,
    timeout: float = 1800.0,
    until: Until = "video",
    save_as: str | None = None,
    webhook: bool = False,
    heartbeat: int = HEARTBEAT,
    **fields: Any,
) -> Job:
    """
    Return a job that creates a task once and waits for it, for ``queue.enqueue``.

    Redis holds a mark before the create is sent, and the task's id after it.
    So the create is sent once, however often the job changes its worker. A
    worker that finds a mark and no id looks in the service's list, and goes
    on with the task if the list proves which one it is. Otherwise the job
    ends with :exc:`~sora_async.CreateOutcomeUnknownError`.

    The job carries the create's ``Idempotency-Key`` from the start. If the
    dialect has *deduplicates_creates*, the create is sent again with the
    same key instead of all this. A job that is enqueued twice is one create.

    Args:
        arguments: The arguments of :meth:`~sora_async.SoraClient.create_task`, as JSON carries
            them; the path of a file must exist in the workers. An *idempotency_key* is made
            if there is none.
        timeout: Seconds for create and wait together, from the first run on.
        until: What ends the wait; see :meth:`~sora_async.SoraClient.wait_until_complete`.
        save_as: Path to which the worker saves the video, on a disk that all workers share; None
            to save nothing.
        webhook: Whether webhooks about the task reach ``queue.notify_task``; the wait then polls
            less often. A *callback_url* among the arguments sets it.
        heartbeat: Seconds without a heartbeat after which another worker gets the job.
        fields: Other fields of SAQ's job, such as *key*, *ttl* and *meta*.

    Raises:
        InvalidArgumentError: An argument is wrong; nothing is enqueued.
    """
    try:
        plain = json.loads(json.dumps(dict(arguments)))
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"arguments: JSON cannot carry them: {error}") from error
    if not isinstance(plain.get("prompt"), str):
        raise InvalidArgumentError("arguments: expected a prompt among them")
    _check(timeout=timeout, until=until, save_as=save_as, webhook=webhook)
    webhook = webhook or plain.get("callback_url") is not None
    key = plain.pop("idempotency_key", None) or uuid.uuid4().hex
    kwargs = {"arguments": plain, "idempotency_key": key}
    kwargs |= {"timeout": timeout, "until": until, "save_as": save_as, "webhook": webhook}
    return _job("create_video", kwargs, heartbeat, fields)


def _check(
    task_id: str = "any", *, timeout: float, until: Until, save_as: str | None, webhook: bool
) -> None:
    """Raise for wrong arguments now, and not later in a worker."""
    client = SoraClient(api_key="", base_url="http://127.0.0.1")  # sends nothing
    # Handed over, so that nothing warns that they are never awaited.
    wait = client.wait_until_complete(task_id, timeout=timeout, until=until, webhook=webhook)
    wait._hand_over()
    if save_as is not None:
        client.download(task_id, save_as)._hand_over()


def _job(function: str, kwargs: Data, heartbeat: int, fields: Data) -> Job:
    defaults = {"timeout": 0, "retries": MAX_RUNS, "ttl": RESULT_TTL, "heartbeat": heartbeat}
    return Job(function=function, kwargs=kwargs, **{**defaults, **fields})


def read_outcome(job: Job) -> VideoTask:
    """
    Return the finished task of a job that has ended, or raise the error that ended it.

    Args:
        job: As ``queue.job(key)`` returns it.

    Raises:
        SoraError: The error of the create or the wait, as the worker caught it.
        saq.queue.JobError: The job was aborted, or ended by a bug.
        InvalidArgumentError: The job has not ended: ``await job.refresh(until_complete=0)``
            waits for its end. Or its result is damaged.
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
    context: Context,
    *,
    task_id: str,
    timeout: float,
    until: Until,
    save_as: str | None,
    webhook: bool,
) -> Data | None:
    """Wait for a video: the job that :func:`wait_job` makes."""
    client, heartbeats = _resources(context)
    async with heartbeats.run(context) as run, _report_end(heartbeats, run, timeout):
        task = await _wait(run, client, task_id, timeout=timeout, until=until, webhook=webhook)
        return task.to_dict() | await _save(heartbeats, run, client, task, save_as)
    return None  # another worker has the job


async def create_video(
    context: Context,
    *,
    arguments: Data,
    idempotency_key: str,
    timeout: float,
    until: Until,
    save_as: str | None,
    webhook: bool,
    redis_run_id: str | None = None,
) -> Data | None:
    """
    Create a task, once, and wait for its video: the job that :func:`create_job` makes.

    The queue adds *redis_run_id*: which run of the Redis server the job was enqueued in.
    """
    client, heartbeats = _resources(context)
    async with heartbeats.run(context) as run, _report_end(heartbeats, run, timeout):
        reconciler: CreateReconciler = cast(dict[str, Any], context)["sora_reconciler"]
        task_id = await create_once(
            reconciler, run, arguments, idempotency_key=idempotency_key, redis_run_id=redis_run_id
        )
        task = await _wait(run, client, task_id, timeout=timeout, until=until, webhook=webhook)
        return task.to_dict() | await _save(heartbeats, run, client, task, save_as)
    return None  # another worker has the job


def _resources(context: Context) -> tuple[SoraClient, HeartbeatWriter]:
    """Return what the worker's startup has put into the context."""
    found = cast(dict[str, Any], context)
    return found["sora"], found["sora_heartbeats"]


@contextlib.asynccontextmanager
async def _report_end(
    heartbeats: HeartbeatWriter, run: JobRun, timeout: float
) -> AsyncIterator[None]:
    """End the job only if it is still ours; have SAQ run it again after a transient error."""
    run.job.retry_delay = 0.0
    run.state["error"] = None
    try:
        yield
    except Exception as error:
        run.state["error"] = error_to_data(error) if isinstance(error, SoraError) else None
        if _is_transient(error) and run.age < timeout:
            run.job.retry_delay = max(OUTAGE_PAUSE, getattr(error, "retry_after", None) or 0.0)
        else:
            run.job.retries = run.job.attempts
        await heartbeats.confirm(run)
        raise
    await heartbeats.confirm(run)


def _is_transient(error: Exception) -> bool:
    """Return whether the job should run again after an error."""
    if isinstance(error, WaitInterruptedError):
        return not isinstance(error, WaitTimeoutError)
    return isinstance(error, RedisError) or (isinstance(error, SoraError) and error.transient)


async def _wait(
    run: JobRun, client: SoraClient, task_id: str, *, timeout: float, until: Until, webhook: bool
) -> VideoTask:
    """Wait for a task, or go on waiting, and write each event into the job."""
    age = run.age
    run.state["task_id"] = task_id
    if run.job.attempts > 1:
        timeout = max(timeout, age + MIN_TIMEOUT)
    watch = client.wait_until_complete(
        task_id, timeout=timeout, until=until, already_waited=age, webhook=webhook
    )
    async for event in watch:
        run.job.progress = event.progress or 0.0
        run.state["event"] = event_to_data(event)
        run.has_changes = True
    return await watch


async def _save(
    heartbeats: HeartbeatWriter,
    run: JobRun,
    client: SoraClient,
    task: VideoTask,
    save_as: str | None,
) -> Data:
    """Save the video, or resume the download of an earlier worker; return the file as data."""
    if save_as is None:
        return {}
    is_resumed = "saving" in run.state
    run.state["saving"] = {}
    await heartbeats.confirm(run)
    # A file that existed before the first run is not this video.
    download = client.download(task, save_as, if_exists="skip" if is_resumed else "error")
    async for event in download:
        run.state["saving"] = {"received": event.received, "total": event.total}
        run.has_changes = True
    file = await download
    data = {"path": str(file.path), "size": file.size, "content_type": file.content_type}
    return {"file": data}
