"""A loop tuned as far as aiohttp's public names allow: what a poll costs with nothing around it.

The URL of each wait is made once, headers are the session's, there is no cookie jar and no timer,
and orjson reads the body.
"""

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from yarl import URL

from . import KEY, Calls


@asynccontextmanager
async def open_calls(url: str, *, interval: float) -> AsyncIterator[Calls]:
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {KEY}", "Accept": "application/json"},
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(),
    ) as session:
        make_url = functools.cache(lambda task_id: URL(f"{url}/v1/videos/{task_id}", encoded=True))

        async def get(address: URL) -> dict[str, Any]:
            async with session.get(address) as response:
                task: dict[str, Any] = orjson.loads(await response.read())
                return task

        async def poll(task_id: str) -> dict[str, Any]:
            return await get(make_url(task_id))

        async def wait(task_id: str) -> dict[str, Any]:
            address = URL(f"{url}/v1/videos/{task_id}", encoded=True)
            while True:
                task = await get(address)
                if task["status"] == "completed":
                    return task
                await asyncio.sleep(interval)

        yield Calls(poll, wait)
