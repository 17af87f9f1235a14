"""replicate: ``predictions.async_get`` and ``async_wait`` of what it returns."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from replicate.client import Client

from . import KEY, Calls


@asynccontextmanager
async def open_calls(url: str, *, interval: float) -> AsyncIterator[Calls]:
    client = Client(api_token=KEY, base_url=url)
    client.poll_interval = interval

    async def wait(task_id: str) -> object:
        prediction = await client.predictions.async_get(task_id)
        await prediction.async_wait()
        return prediction

    # It has no way to be closed.
    yield Calls(client.predictions.async_get, wait)
