import asyncio
import sys

from sora_async import SoraClient, WaitTimeoutError


async def main(task_id: str) -> None:
    async with SoraClient() as client:
        try:
            task = await client.wait_until_complete(task_id, timeout=5)
        except WaitTimeoutError as error:
            print(error)
            task = await client.wait_until_complete(error.task_id, timeout=1800)
    print(task.video_url)


asyncio.run(main(sys.argv[1]))
