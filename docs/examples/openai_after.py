import asyncio
import sys

from sora_async import SoraClient


async def main(path):
    async with SoraClient() as client:
        watch = client.create_and_wait(
            prompt="a paper boat in the rain",
            model="sora-2",
            seconds="8",
            until="completed",
        )
        file = await client.download(watch, path)
    print(file.task.status, file.size)


asyncio.run(main(sys.argv[1]))
