"""
Waits in SAQ's workers: extra ``saq``.

In the module that a worker is started with, ``saq worker.settings``::

    queue = VideoQueue.from_url("redis://localhost")
    settings = worker_settings(queue)

And where a video is wanted::

    job = await queue.enqueue(create_job({"prompt": "a boat", "seconds": "4"}))
    await job.refresh(until_complete=0)
    task = read_outcome(job)
"""

from collections.abc import Callable
from typing import Any

from ... import SoraClient
from .heartbeats import HeartbeatKeeper
from .jobs import create_job, create_video, read_outcome, wait_for_video, wait_job
from .queue import VideoQueue
from .reconcile import CreateFinder

__all__ = ["VideoQueue", "create_job", "read_outcome", "wait_job", "worker_settings"]


def worker_settings(
    queue: VideoQueue,
    *,
    client: Callable[[], SoraClient] = SoraClient,
    concurrency: int = 1000,
) -> dict[str, Any]:
    """
    Return SAQ's settings for a worker that waits; change what you like in them.

    Args:
        queue: Where the jobs come from.
        client: Makes the one client of the worker, when it starts; a
            :class:`~sora_async.integrations.redis.SharedRateLimit` makes one rate of those of many.
        concurrency: Waits under way at the same time.
    """

    async def startup(context: dict[str, Any]) -> None:
        context["sora"], context["sora_keeper"] = client(), HeartbeatKeeper(queue)
        context["sora_finder"] = CreateFinder(queue, context["sora"])

    async def shutdown(context: dict[str, Any]) -> None:
        await context["sora_keeper"].close()
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
