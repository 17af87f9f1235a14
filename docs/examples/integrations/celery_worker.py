import asyncio
import os
import sys
import time

from celery import Celery, Task

from sora_async import SoraClient, SoraError

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
SLICE = 60.0  # seconds; at least 50, because a URL may come 45 s late
MAX_WAIT = 7200.0

app = Celery("celery_worker", broker=REDIS_URL, backend=REDIS_URL)
app.conf.task_acks_late = True  # else the jobs of a killed worker are lost
app.conf.task_reject_on_worker_lost = True
app.conf.worker_prefetch_multiplier = 1
# Seconds; longer than a slice, else running waits are started twice.
app.conf.broker_transport_options = {"visibility_timeout": 90}


@app.task(bind=True, max_retries=None)
def wait_for_video(self: Task, task_id: str, began: float) -> str | None:
    already_waited = max(0.0, time.time() - began)
    try:
        return asyncio.run(wait(task_id, already_waited))
    except TimeoutError:
        if already_waited < MAX_WAIT:
            raise self.retry(countdown=0) from None  # the next slice, in any worker
        raise TimeoutError(f"no video of task {task_id} after {already_waited:.0f} s") from None
    except SoraError as error:
        # Celery turns the values of an error into strings.
        raise RuntimeError(str(error)) from error


async def wait(task_id: str, already_waited: float) -> str | None:
    async with SoraClient() as client:
        wait = client.wait_until_complete(task_id, already_waited=already_waited, timeout=None)
        task = await asyncio.wait_for(wait, SLICE)
    return task.video_url


if __name__ == "__main__":
    print(wait_for_video.delay(sys.argv[1], time.time()).get())
