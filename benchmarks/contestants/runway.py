"""runwayml: ``tasks.retrieve`` and ``wait_for_task_output`` of what it returns.

Its interval is a constant of a module, 6 s with 1.5 s of jitter, and is changed there.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import runwayml
from runwayml.lib import polling

from . import KEY, Calls


@asynccontextmanager
async def open_calls(url: str, *, interval: float) -> AsyncIterator[Calls]:
    polling.POLL_TIME, polling.POLL_JITTER = interval, 0  # type: ignore[assignment]
    async with runwayml.AsyncRunwayML(api_key=KEY, base_url=url) as client:

        async def wait(task_id: str) -> object:
            # A user gets the same from a create; here it costs one poll more, like any first one.
            task = await client.tasks.retrieve(task_id)
            return await task.wait_for_task_output(timeout=None)

        yield Calls(client.tasks.retrieve, wait)
