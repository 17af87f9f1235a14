"""Begin with what was learned before, and keep what is learned now."""

import asyncio
import os
import sys

from sora_async import DurationHistory, SoraClient


async def main(task_id: str) -> None:
    path = os.environ["DURATION_HISTORY"]
    async with SoraClient(duration_history=DurationHistory.load(path)) as client:
        try:
            task = await client.wait_until_complete(task_id)
            print(task.video_url or task.content_url)
        finally:
            client.duration_history.save(path)


asyncio.run(main(sys.argv[1]))
