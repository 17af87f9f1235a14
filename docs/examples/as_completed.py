import asyncio
import sys

from sora_async import SoraClient


async def main(task_ids: list[str]) -> None:
    async with SoraClient() as client:
        async for outcome in client.as_completed(task_ids):
            if outcome.task is not None:
                print(f"{outcome.task_id}: {outcome.task.video_url}")
            else:
                print(f"{outcome.task_id}: {outcome.error}")


asyncio.run(main(sys.argv[1:]))
