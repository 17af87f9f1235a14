"""openai-python: ``videos.retrieve`` and ``videos.poll``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai

from . import KEY, Calls


@asynccontextmanager
async def open_calls(url: str, *, interval: float) -> AsyncIterator[Calls]:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/openai/v1") as client:

        async def wait(task_id: str) -> object:
            return await client.videos.poll(task_id, poll_interval_ms=round(interval * 1000))

        yield Calls(client.videos.retrieve, wait)
