import asyncio
import sys

from sora_async import SoraClient


async def main(task_id: str) -> None:
    async with SoraClient() as client:
        watch = client.wait_until_complete(task_id)
        async for event in watch:
            print(event)
        task = await watch
    print(task.video_url)


asyncio.run(main(sys.argv[1]))
