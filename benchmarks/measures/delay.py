"""Many waits on few polls: how long after its video is there each of them knows.

Ours share a rate limit. Those by hand keep independent timers, each with the interval at which all
of them together make as many polls; of those that are begun together, each has a phase of its own.
"""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence

from sora_async import DurationHistory, RateLimit, SoraClient
from sora_async.schedule.learning.duration_history import task_kinds
from sora_async.schedule.learning.observations import CensoredDuration

from ..contestants import KEY, hand
from ..durations import DURATIONS
from ..processes import Figures
from ..replies import make_id, read_reply
from ..service import Service
from . import virtual

Lives = Sequence[tuple[float, float]]
"""When each task is begun, and how long it then takes until its video is there."""


def measure(contestant: str, *, count: int, rate: float, within: float) -> Figures:
    """
    Wait for tasks whose durations were seen on a real service.

    Args:
        contestant: "ours"; "taught", which has seen 60 such tasks before; or "hand".
        count: The number of waits.
        rate: The polls a second of all of them.
        within: The seconds in which tasks and waits are begun; 0 for all at once.
    """
    random.seed(7)
    history = _teach(random.Random(8)) if contestant == "taught" else DurationHistory()
    durations = list(itertools.islice(itertools.cycle(DURATIONS), count))
    random.shuffle(durations)
    lives = [(random.uniform(0, within), duration) for duration in durations]
    if contestant == "hand":
        return virtual.run(_measure_hand(lives, rate))
    return virtual.run(_measure_ours(lives, rate, history))


def _teach(chance: random.Random) -> DurationHistory:
    """Return what a client knows that has waited for tasks of these durations, though not these."""
    history = DurationHistory()
    asked = read_reply("001_page_pending_verbatim.json")["detail"]["input"]
    kinds = task_kinds(asked["model"], asked["size"])
    for duration in chance.choices(DURATIONS, k=60):
        length = duration * chance.gauss(1.0, 0.03)
        history.learn(
            kinds, CensoredDuration(result="video", after=length - 3.0, before=length + 3.0)
        )
    return history


async def _measure_ours(lives: Lives, rate: float, history: DurationHistory) -> Figures:
    rate_limit = RateLimit(rate=rate, burst=round(rate))
    service = Service(asyncio.get_running_loop().time)
    async with (
        virtual.serving(service) as url,
        SoraClient(
            api_key=KEY, base_url=url, rate_limit=rate_limit, duration_history=history
        ) as client,
    ):

        async def wait(number: int) -> None:
            await client.wait_until_complete(make_id(number), timeout=None)

        return await _time_all(wait, service, lives)


async def _measure_hand(lives: Lives, rate: float) -> Figures:
    interval = len(lives) / rate
    service = Service(asyncio.get_running_loop().time)
    async with virtual.serving(service) as url, hand.open_calls(url, interval=interval) as calls:

        async def wait(number: int) -> None:
            await asyncio.sleep(interval * number / len(lives))
            await calls.wait(make_id(number))

        return await _time_all(wait, service, lives)


async def _time_all(
    wait: Callable[[int], Awaitable[None]], service: Service, lives: Lives
) -> Figures:
    clock = asyncio.get_running_loop().time
    start = clock()

    async def time(number: int) -> float:
        begun, duration = lives[number]
        there = start + begun + duration
        service.add(make_id(number), there=there)
        await asyncio.sleep(begun)
        await wait(number)
        return clock() - there

    delays = await asyncio.gather(*map(time, range(len(lives))))
    return {"delay": sum(delays) / len(delays), "worst": max(delays), "polls": service.polls}
