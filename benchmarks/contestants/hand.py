"""The loop that most people write: ``session.get``, ``json.loads``, ``asyncio.sleep``."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from . import KEY, Calls


@asynccontextmanager
async def open_calls(url: str, *, interval: float) -> AsyncIterator[Calls]:
    headers = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
    async with aiohttp.ClientSession() as session:

        async def poll(task_id: str) -> dict[str, Any]:
            async with session.get(f"{url}/v1/videos/{task_id}", headers=headers) as response:
                response.raise_for_status()
                task: dict[str, Any] = json.loads(await response.read())
                return task

        async def wait(task_id: str) -> dict[str, Any]:
            while True:
                task = await poll(task_id)
                if task["status"] == "completed":
                    return task
                await asyncio.sleep(interval)

        yield Calls(poll, wait)
