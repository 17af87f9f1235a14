"""How many of thousands of waits end, each with its video some seconds after its first poll."""

import asyncio
import time

from ..contestants import open_calls
from ..processes import Figures
from .crowd import Crowd
from .gauges import tell_by


def measure(contestant: str, *, url: str, count: int, interval: float, limit: float) -> Figures:
    """Begin all waits, and return how many have ended within the limit, counted from the first."""
    return asyncio.run(_measure(contestant, url, count, interval, limit))


async def _measure(contestant: str, url: str, count: int, interval: float, limit: float) -> Figures:
    async with open_calls(contestant, url, interval=interval) as calls:
        start = time.monotonic()
        crowd = Crowd(calls.wait, count)

        def report() -> Figures:
            ends = [known - start for known in crowd.known if known]
            return {**crowd.report(), "finished": len(ends), "last": max(ends, default=None)}

        tell_by(limit, report)
        await crowd.begin(interval)
        await crowd.end(limit)
        return report()
