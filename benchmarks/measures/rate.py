"""
CPU of one poll with so many in flight: that many loops of single polls, or that many waits.

Each loop asks for several tasks in turn, so that all of them are more than the caches of URLs in
aiohttp and yarl hold, as in a program that has many tasks and polls a few of them at a time. A wait
has one task, and an interval so short that it is polled again at once.
"""

import asyncio
import itertools
from typing import Literal

from ..contestants import open_calls
from ..processes import Figures
from ..replies import make_id
from .gauges import Span

_SHORTEST = 0.001
_IDS = 16


def measure(
    contestant: str, *, url: str, seconds: float, loops: int, by: Literal["poll", "wait"]
) -> Figures:
    """Poll for some seconds, and return what a poll cost."""
    return asyncio.run(_measure(contestant, url, seconds, loops, by))


async def _measure(contestant: str, url: str, seconds: float, loops: int, by: str) -> Figures:
    async with open_calls(contestant, url, interval=_SHORTEST) as calls:

        async def poll_on(loop: int) -> None:
            task_ids = [make_id(number * loops + loop) for number in range(_IDS)]
            for task_id in itertools.cycle(task_ids):
                await calls.poll(task_id)

        async def wait(loop: int) -> None:
            await calls.wait(make_id(loop))

        begin = poll_on if by == "poll" else wait
        polling = [asyncio.create_task(begin(loop)) for loop in range(loops)]
        await asyncio.sleep(min(1.0, seconds / 2))  # connections are open, caches are warm
        span = Span(url)
        await asyncio.wait(polling, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        figures = span.end()
        for one in polling:
            if one.done():
                figures["failure"] = repr(one.exception())
            one.cancel()
        await asyncio.wait(polling)
        return figures
