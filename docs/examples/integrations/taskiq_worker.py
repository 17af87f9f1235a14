import asyncio
import os
import sys
import time
from typing import Annotated

from taskiq import Context, TaskiqDepends, TaskiqEvents, TaskiqScheduler, TaskiqState
from taskiq.schedule_sources import LabelScheduleSource
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from sora_async import SoraClient, SoraError

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
SLICE = 60.0  # seconds; at least 50, because a URL may come 45 s late
MAX_WAIT = 7200.0

broker = RedisStreamBroker(
    REDIS_URL,
    idle_timeout=90_000,  # milliseconds; longer than a slice, else waits run twice
    unacknowledged_lock_timeout=10,  # seconds; else a kill may lock out all others
    maxlen=100_000,  # else the stream keeps every slice for ever
).with_result_backend(RedisAsyncResultBackend(REDIS_URL, result_ex_time=86_400))

scheduler = TaskiqScheduler(broker, [LabelScheduleSource(broker)])


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_client(state: TaskiqState) -> None:
    state.client = SoraClient()  # one for all waits of this worker


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_client(state: TaskiqState) -> None:
    await state.client.close()


@broker.task
async def wait_for_video(
    task_id: str, began: float, context: Annotated[Context, TaskiqDepends()]
) -> str | None:
    already_waited = max(0.0, time.time() - began)
    wait = context.state.client.wait_until_complete(
        task_id, already_waited=already_waited, timeout=None
    )
    try:
        task = await asyncio.wait_for(wait, SLICE)
    except TimeoutError:
        if already_waited < MAX_WAIT:
            await context.requeue()  # the next slice, in whichever worker is free
        raise TimeoutError(f"no video of task {task_id} after {already_waited:.0f} s") from None
    except SoraError as error:
        # taskiq turns the values of an error into strings.
        raise RuntimeError(str(error)) from error
    return task.video_url


@broker.task(schedule=[{"interval": 10}])
async def wake_workers() -> None:
    """Do nothing: any message makes workers look for lost jobs."""


async def main(task_id: str) -> None:
    await broker.startup()
    job = await wait_for_video.kiq(task_id, time.time())
    result = await job.wait_result(timeout=MAX_WAIT)
    result.raise_for_error()
    print(result.return_value)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
