import asyncio
import os
import sys
from datetime import UTC, datetime
from typing import Any

from arq import Retry, create_pool
from arq.connections import RedisSettings

from sora_async import SoraClient

REDIS = RedisSettings.from_dsn(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
SLICE = 60.0  # seconds; at least 50, because a URL may come 45 s late
MAX_WAIT = 7200.0


async def open_client(ctx: dict[str, Any]) -> None:
    ctx["client"] = SoraClient()  # one for all waits of this worker


async def close_client(ctx: dict[str, Any]) -> None:
    await ctx["client"].close()


async def wait_for_video(ctx: dict[str, Any], task_id: str) -> str | None:
    already_waited = max(0.0, (datetime.now(UTC) - ctx["enqueue_time"]).total_seconds())
    wait = ctx["client"].wait_until_complete(task_id, already_waited=already_waited, timeout=None)
    try:
        task = await asyncio.wait_for(wait, SLICE)
    except TimeoutError:
        if already_waited > MAX_WAIT:
            raise TimeoutError(f"no video of task {task_id} after {already_waited:.0f} s") from None
        raise Retry from None  # the next slice, in whichever worker is free
    return task.video_url


class WorkerSettings:
    functions = (wait_for_video,)
    redis_settings = REDIS
    on_startup = open_client
    on_shutdown = close_client
    max_jobs = 1000
    job_timeout = SLICE + 5  # the waits of a killed worker go on 10 seconds later
    max_tries = 1000  # each slice is a try
    allow_abort_jobs = True


async def main(task_id: str) -> None:
    async with await create_pool(REDIS) as redis:
        # None if the id is enqueued already.
        job = await redis.enqueue_job("wait_for_video", task_id, _job_id=task_id)
        if job is not None:
            print(await job.result())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
