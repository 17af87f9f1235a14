"""Begin with what was learned before, and keep what is learned now."""

import asyncio
import os
import sys

from sora_async import SoraClient, load_memory, save_memory


async def main(task_id: str) -> None:
    path = os.environ["DURATION_HISTORY"]
    async with SoraClient(duration_history=load_memory(path)) as client:
        try:
            task = await client.wait_until_complete(task_id)
            print(task.video_url or task.content_url)
        finally:
            save_memory(client.duration_history, path)


asyncio.run(main(sys.argv[1]))
