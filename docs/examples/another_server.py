import asyncio
import os
import sys

from sora_async import SoraClient


async def main(task_id: str) -> None:
    relay = SoraClient(
        base_url=os.environ["RELAY_URL"],
        api_key=os.environ["RELAY_KEY"],
        headers={"X-Forwarded-Host": "videos.example"},
    )
    async with relay:
        task = await relay.wait_until_complete(task_id)
    print(task.model, task.video_url)


asyncio.run(main(sys.argv[1]))
