import asyncio
import sys

from sora_async import SoraClient, TaskFailedError


async def main(task_id: str) -> None:
    async with SoraClient() as client:  # SORA_BASE_URL and SORA_API_KEY say where and who
        watch = client.wait_until_complete(task_id, timeout=1800)
        try:
            async for event in watch:
                print(event)
            task = await watch  # it is there already: this sends nothing
            print("The video is at", task.video_url or task.content_url)
        except TaskFailedError as error:
            print("There will be no video:", error.failure)


asyncio.run(main(sys.argv[1]))
