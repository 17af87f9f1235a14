import asyncio
import sys

from sora_async import SoraClient


async def main(task_id: str) -> None:
    async with SoraClient(trust_env=True, allow_plain_http=True) as client:
        task = await client.wait_until_complete(task_id)
    print(task.video_url)


asyncio.run(main(sys.argv[1]))
