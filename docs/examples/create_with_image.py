import asyncio
import sys

from sora_async import SoraClient


async def main(image: str) -> None:
    async with SoraClient() as client:
        task = await client.create_task(
            prompt="the boat sails away",
            model="sora-2",
            input_reference=image,
            watermark=False,
            style="anime",
        )
    print(task.id, task.phase)


asyncio.run(main(sys.argv[1]))
