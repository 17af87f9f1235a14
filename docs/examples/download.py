import asyncio
import os
import sys
from pathlib import Path

from sora_async import SoraClient

FOLDER = Path(os.environ["VIDEOS"])


async def main(task_id: str) -> None:
    async with SoraClient() as client:
        watch = client.wait_until_complete(task_id)
        download = client.download(watch, FOLDER / "boat.mp4")
        async for event in download:
            print(event)
        file = await download  # it is there already: this sends nothing
        print(file.path.name, file.size, file.content_type)


asyncio.run(main(sys.argv[1]))
