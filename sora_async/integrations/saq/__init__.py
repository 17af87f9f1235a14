"""
Create videos and wait for them in SAQ's workers: extra ``saq``.

In the module that a worker is started with, ``saq worker.settings``::

    queue = VideoQueue.from_url("redis://localhost")
    settings = worker_settings(queue)

In the program that wants a video::

    job = await queue.enqueue(create_job({"prompt": "a boat", "seconds": "4"}))
    await job.refresh(until_complete=0)
    task = read_outcome(job)
"""

from collections.abc import Callable
from typing import Any

from ... import SoraClient
from .heartbeats import HeartbeatWriter
from .jobs import create_job, create_video, read_outcome, wait_for_video, wait_job
from .notifications import NotificationListener
from .queue import VideoQueue
from .reconcile import CreateReconciler

__all__ = ["VideoQueue", "create_job", "read_outcome", "wait_job", "worker_settings"]


def worker_settings(
    queue: VideoQueue,
    *,
    client: Callable[[], SoraClient] = SoraClient,
    concurrency: int = 1000,
) -> dict[str, Any]:
    """
    Return SAQ's settings for a worker that creates videos and waits for them.

    It is a plain dict: change and add what you like.

    Args:
        queue: Where the jobs come from.
        client: Makes the one client of the worker when it starts; with a
            :class:`~sora_async.integrations.redis.SharedRateLimit`, all workers share one rate.
        concurrency: Jobs that the worker runs at the same time.
    """

    async def startup(context: dict[str, Any]) -> None:
        context["sora"], context["sora_heartbeats"] = client(), HeartbeatWriter(queue)
        context["sora_notifications"] = NotificationListener(queue, context["sora"])
        await queue.warn_of_persistence()
        context["sora_reconciler"] = CreateReconciler(queue, context["sora"])

    async def shutdown(context: dict[str, Any]) -> None:
        await context["sora_notifications"].close()
        await context["sora_heartbeats"].close()
        await context["sora"].close()

    return {
        "queue": queue,
        "functions": [wait_for_video, create_video],
        "concurrency": concurrency,
        "startup": startup,
        "shutdown": shutdown,
        "timers": {"schedule": 1, "worker_info": 10, "sweep": 5, "abort": 5},
        "cancellation_hard_deadline_s": 30.0,
    }
