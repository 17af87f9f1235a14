import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

from sora_async import SoraClient, VideoTask

CLIENT = SoraClient()


async def wait(task_id: str) -> VideoTask:
    return await CLIENT.wait_until_complete(task_id)


def work(task_id: str) -> str:
    task = asyncio.run(wait(task_id))
    return f"{task.id} is at {task.video_url}"


with ThreadPoolExecutor() as pool:
    for line in pool.map(work, sys.argv[1:]):
        print(line)
