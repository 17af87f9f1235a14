import asyncio
import os

from sora_async import SoraError
from sora_async.integrations.saq import VideoQueue, create_job, read_outcome


async def main() -> None:
    queue = VideoQueue.from_url(os.environ["REDIS_URL"])
    job = await queue.enqueue(create_job({"prompt": "a paper boat", "seconds": "4"}))
    await job.refresh(until_complete=600)  # or at any time later, in any process
    try:
        task = read_outcome(job)
    except SoraError as error:
        print("no video:", error)
    else:
        print(task.id, "is at", task.video_url)
    await queue.disconnect()


asyncio.run(main())
