import asyncio
import os
import sys
from pathlib import Path

from sora_async import Outcome, SoraClient
from sora_async.progress import track


async def main(task_ids: list[str], folder: Path) -> None:
    async with SoraClient() as client:
        async for event in track(client.events(task_ids), total=len(task_ids)):
            if isinstance(event, Outcome) and event.task is not None:
                await client.download(event.task, folder / f"{event.task_id}.mp4")


asyncio.run(main(sys.argv[1:], Path(os.environ["VIDEOS"])))
