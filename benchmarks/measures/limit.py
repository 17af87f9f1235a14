"""Waits against a service with a hard limit: what is sent and refused in each second."""

import asyncio

from sora_async import SoraClient

from ..contestants import KEY
from ..processes import Figures
from ..replies import make_refusal
from ..service import Bucket, Poll, Service
from . import virtual

_SETTLED = 60
"""Seconds after which a client should have found the limit."""


def measure(
    contestant: str, *, count: int, limit: float, seconds: int, hint: int | None
) -> Figures:
    """
    Wait with the default rate limit and schedule for tasks that never end.

    Args:
        contestant: None other than ours adapts.
        count: The number of waits.
        limit: Answers a second; as many may come at once.
        seconds: How long, in virtual time.
        hint: What every refusal says in ``Retry-After``; None: there is no such header.
    """
    assert contestant == "ours"
    return virtual.run(_measure(count, limit, seconds, hint))


async def _measure(count: int, limit: float, seconds: int, hint: int | None) -> Figures:
    log: list[Poll] = []
    clock = asyncio.get_running_loop().time
    service = Service(clock, limit=Bucket(limit, limit), log=log)
    service.refusal = make_refusal(hint)
    async with virtual.serving(service) as url, SoraClient(api_key=KEY, base_url=url) as client:
        start = clock()
        ended = await virtual.wait_for_many(client, count=count, seconds=seconds)
    answered, refused = [0] * seconds, [0] * seconds
    for poll in log:
        second = int(poll.at - start)
        if second < seconds:
            (refused if poll.is_refused else answered)[second] += 1
    return _judge(answered, refused, limit=limit) | {"ended": ended}


def _judge(answered: list[int], refused: list[int], *, limit: float) -> Figures:
    settled, too_many = sum(answered[_SETTLED:]), sum(refused[_SETTLED:])
    sent = settled + too_many
    return {
        "answered": answered,
        "refused": refused,
        "refused_share": too_many / sent if sent else None,
        "used_share": settled / (limit * (len(answered) - _SETTLED)),
    }
