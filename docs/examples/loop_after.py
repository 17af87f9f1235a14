import asyncio
import sys

from sora_async import SoraClient


async def main(ids):
    async with SoraClient() as client:
        waits = map(client.wait_until_complete, ids)
        for task in await asyncio.gather(*waits):
            print(task.video_url)


asyncio.run(main(sys.argv[1:]))
