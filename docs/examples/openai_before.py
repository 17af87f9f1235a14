import asyncio
import os
import sys

from openai import AsyncOpenAI


async def main(path):
    async with AsyncOpenAI(
        base_url=os.environ["SORA_BASE_URL"] + "/v1",
        api_key=os.environ["SORA_API_KEY"],
    ) as client:
        video = await client.videos.create_and_poll(
            prompt="a paper boat in the rain",
            model="sora-2",
            seconds="8",
        )
        if video.status != "completed":
            raise RuntimeError(video.error)
        file = await client.videos.download_content(
            video.id,
        )
        file.write_to_file(path)
    print(video.status, len(file.content))


asyncio.run(main(sys.argv[1]))
