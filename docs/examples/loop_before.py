import asyncio
import os
import sys

from aiohttp import ClientSession

BASE_URL = os.environ["SORA_BASE_URL"]
API_KEY = os.environ["SORA_API_KEY"]


async def wait(session, task_id):
    url = f"{BASE_URL}/v1/videos/{task_id}"
    while True:
        async with session.get(url) as response:
            response.raise_for_status()
            task = await response.json()
        if task["status"] == "completed":
            return task["video_url"]
        if task["status"] == "failed":
            raise RuntimeError(task["error"])
        await asyncio.sleep(2)


async def main(ids):
    auth = {"Authorization": f"Bearer {API_KEY}"}
    async with ClientSession(headers=auth) as session:
        waits = (wait(session, one) for one in ids)
        for url in await asyncio.gather(*waits):
            print(url)


asyncio.run(main(sys.argv[1:]))
