"""The polls that so many waits for one task make until its video is there."""

import asyncio

from ..contestants import open_calls
from ..processes import Figures, ask
from ..replies import make_id


def measure(contestant: str, *, url: str, count: int, interval: float) -> Figures:
    """Wait so many times at once for the same task, and return the polls the server saw."""
    return asyncio.run(_measure(contestant, url, count, interval))


async def _measure(contestant: str, url: str, count: int, interval: float) -> Figures:
    async with open_calls(contestant, url, interval=interval) as calls:
        await asyncio.gather(*(calls.wait(make_id(0)) for _ in range(count)))
    return {"waits": count, "polls": ask(url, "report")["polls"]}
