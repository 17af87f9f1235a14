"""fal-client: ``status`` and ``get`` of a request's handle.

Its address can only be set to another host over https, so the constant behind it is changed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import fal_client
from fal_client import client as settings

from . import KEY, Calls

APPLICATION = "owner/app"


@asynccontextmanager
async def open_calls(url: str, *, interval: float) -> AsyncIterator[Calls]:
    settings.QUEUE_URL_FORMAT = f"{url}/"
    client = fal_client.AsyncClient(key=KEY)

    async def poll(task_id: str) -> object:
        return await client.status(APPLICATION, task_id)

    async def wait(task_id: str) -> object:
        handle = await client.get_handle(APPLICATION, task_id)
        return await handle.get(interval=interval)

    # It has no way to be closed.
    yield Calls(poll, wait)
