import sys

import uvloop

from sora_async import SoraClient


async def main(task_id: str) -> None:
    async with SoraClient() as client:
        task = await client.wait_until_complete(task_id)
    print(task.video_url)


uvloop.run(main(sys.argv[1]))
