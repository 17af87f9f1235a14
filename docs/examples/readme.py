import asyncio
import sys

from sora_async import SoraClient


async def main(task_id: str) -> None:
    async with SoraClient() as client:  # reads SORA_BASE_URL and SORA_API_KEY
        watch = client.wait_until_complete(task_id)
        async for event in watch:
            print(event)
        task = await watch  # finished: this sends nothing
    print("The video is at", task.video_url or task.content_url)


asyncio.run(main(sys.argv[1]))
