"""Make a video of each prompt, and save it; run it again to go on."""

import asyncio
import os

from sora_async import SoraClient

PROMPTS = ["a paper boat in the rain", "a lighthouse at dawn", "a fox in the snow"]


async def main() -> None:
    async with SoraClient() as client:
        async for outcome in client.batch(PROMPTS, output_dir=os.environ["VIDEOS"], max_waits=2):
            if outcome.file is not None:
                print("saved: ", outcome.file.path.name, outcome.file.size, "bytes")
            else:
                print("failed:", outcome.item, outcome.error)


asyncio.run(main())
