import asyncio
import os
import sys

import aiohttp

from sora_async import SoraClient


async def main(task_id: str) -> None:
    async with aiohttp.ClientSession(proxy=os.environ["RELAY_PROXY"]) as session:
        client = SoraClient(session=session, allow_plain_http=True)
        task = await client.wait_until_complete(task_id)
    print(task.video_url)


asyncio.run(main(sys.argv[1]))
