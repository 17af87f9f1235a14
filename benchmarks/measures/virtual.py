"""Runs on virtual time: minutes cost seconds, and the same seed gives the same run."""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from sora_async import SoraClient
from sora_async.testing import VirtualTimeLoop

from ..processes import Figures
from ..replies import make_id
from ..server import listen
from ..service import Service


def run(main: Coroutine[None, None, Figures]) -> Figures:
    """Run a measurement on a clock that jumps."""
    random.seed(7)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[str]:
    """Serve on the running loop, for the clock to be the same; gives the address."""
    server, url = await listen(service.answer)
    async with server:
        yield url
        server.close()


async def wait_for_many(client: SoraClient, *, count: int, seconds: int) -> int:
    """Wait for so many tasks at once, for so long; return how many waits have ended by then."""
    waits = [
        asyncio.create_task(client.wait_until_complete(make_id(number), timeout=None).result())
        for number in range(count)
    ]
    ended, _ = await asyncio.wait(waits, timeout=seconds)
    for wait in waits:
        wait.cancel()
    await asyncio.wait(waits)
    return len(ended)
