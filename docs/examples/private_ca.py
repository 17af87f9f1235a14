import asyncio
import os
import ssl
import sys

from sora_async import SoraClient


async def main(task_id: str) -> None:
    context = ssl.create_default_context(cafile=os.environ["RELAY_CA"])
    async with SoraClient(ssl=context) as client:
        task = await client.wait_until_complete(task_id)
    print(task.video_url)


asyncio.run(main(sys.argv[1]))
