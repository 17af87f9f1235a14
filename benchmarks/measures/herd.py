"""Waits that are begun in one moment: how many of their polls meet in a tenth of a second."""

import asyncio

from sora_async import SoraClient

from ..contestants import KEY
from ..processes import Figures
from ..service import Poll, Service
from . import virtual

BIN = 0.1


def measure(contestant: str, *, count: int, seconds: int) -> Figures:
    """Begin all waits at once, with the default rate limit and schedule, and count their polls."""
    assert contestant == "ours"
    return virtual.run(_measure(count, seconds))


async def _measure(count: int, seconds: int) -> Figures:
    log: list[Poll] = []
    clock = asyncio.get_running_loop().time
    service = Service(clock, log=log)
    async with virtual.serving(service) as url, SoraClient(api_key=KEY, base_url=url) as client:
        start = clock()
        await virtual.wait_for_many(client, count=count, seconds=seconds)
    bins = [0] * round(seconds / BIN)
    for poll in log:
        bins[min(int((poll.at - start) / BIN), len(bins) - 1)] += 1
    seen: dict[bytes, float] = {}
    for poll in log:
        seen.setdefault(poll.path, poll.at)
    first_round = max(seen.values())
    later = [poll.at for poll in log if poll.at > first_round]
    return {
        "bins": bins,
        "first_round": first_round - start,
        "most": _most_within(later, BIN),
        "polls": len(log),
    }


def _most_within(moments: list[float], length: float) -> int:
    """Return how many moments at most lie within any stretch of a length, wherever it begins."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - length:
            first += 1
        most = max(most, last - first + 1)
    return most
