import asyncio
import logging
import sys

from sora_async import SoraClient


async def main(task_id: str) -> None:
    async with SoraClient() as client:
        await client.wait_until_complete(task_id)


logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
logging.getLogger("sora_async").setLevel(logging.DEBUG)
asyncio.run(main(sys.argv[1]))
