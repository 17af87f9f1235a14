"""This package: ``get_task`` and ``wait_until_complete``, without jitter, 64 requests in flight."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sora_async import RateLimit, Schedule, SoraClient, Watch

from . import KEY, Calls


@asynccontextmanager
async def open_calls(
    url: str, *, interval: float, rate: float | None = None
) -> AsyncIterator[Calls]:
    # No contestant but this one limits its rate: for a comparison of costs it must not, either.
    rate_limit = RateLimit(rate=rate, max_concurrent=64)
    # A float is its own delay: no jitter.
    schedule = Schedule(intervals=(interval,), jitter=float, first_jitter=float)
    async with SoraClient(
        api_key=KEY, base_url=url, rate_limit=rate_limit, schedule=schedule
    ) as client:

        def wait(task_id: str) -> Watch:
            return client.wait_until_complete(task_id, timeout=None)

        yield Calls(client.get_task, wait)
