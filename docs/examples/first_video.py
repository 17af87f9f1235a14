import asyncio
import sys

from sora_async import SoraClient


async def main(path: str) -> None:
    async with SoraClient() as client:
        watch = client.create_and_wait(
            prompt="a paper boat in the rain", model="sora-2", seconds=10
        )
        file = await client.download(watch, path)
    print(file.path.name, file.size, file.content_type)


asyncio.run(main(sys.argv[1]))
