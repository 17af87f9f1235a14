import asyncio
import sys

from sora_async import SoraClient, TaskFailedError


async def main(path: str) -> None:
    async with SoraClient() as client:
        watch = client.create_and_wait(
            prompt="a paper boat in the rain", model="sora-2", seconds=10
        )
        try:
            async for event in watch:
                print(event)
            file = await client.download(watch, path)
            print(file.path.name, file.size, file.content_type)
        except TaskFailedError as error:
            print("There will be no video:", error.failure)


asyncio.run(main(sys.argv[1]))
