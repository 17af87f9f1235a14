"""
Where the time of a poll goes: the same request through more and more of the packages.

``python -m benchmarks.layers`` prints the CPU time of one poll, with 64 in flight, for each way to
ask. They take turns in one process, against one server; the medians of their turns are shown.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import aiohttp
import orjson
from yarl import URL

from sora_async import RateLimit, SoraClient

from .contestants import KEY
from .processes import CLIENT_CORE, pin, serving
from .replies import make_id

LOOPS = 64
TURNS = 9
WARM_UP, LENGTH = 0.05, 0.6

Ask = Callable[[int], Awaitable[object]]


async def time_poll(ask: Ask) -> float:
    """Return the seconds of CPU that one poll takes."""
    polls, is_over = 0, False

    async def poll_on(number: int) -> None:
        nonlocal polls
        while not is_over:
            await ask(number)
            polls += 1

    polling = [asyncio.create_task(poll_on(number)) for number in range(LOOPS)]
    await asyncio.sleep(WARM_UP)
    before, used = polls, time.process_time()
    await asyncio.sleep(LENGTH)
    found = (time.process_time() - used) / (polls - before)
    is_over = True
    await asyncio.gather(*polling)
    return found


def list_ways(client: SoraClient, session: aiohttp.ClientSession, url: str) -> dict[str, Ask]:
    """Return the ways to ask, from the barest to the whole."""
    ids = [make_id(number) for number in range(LOOPS)]
    urls = [URL(f"{url}/v1/videos/{task_id}", encoded=True) for task_id in ids]
    resources = client._resources()

    async def read(number: int) -> bytes:
        async with session.get(urls[number]) as response:
            return await response.read()

    async def read_and_parse(number: int) -> object:
        return orjson.loads(await read(number))

    return {
        "aiohttp: the request, and the bytes of its answer": read,
        "the same and orjson: the loop tuned by hand": read_and_parse,
        "our transport: no parsing; redirects, limits of time and size": (
            lambda number: resources._transport.get(urls[number])
        ),
        "and decoding: a typed task or a typed error": lambda number: resources._requests.poll(
            ids[number], None
        ),
        "and the rate limit: get_task": lambda number: client.get_task(ids[number]),
    }


async def main(url: str) -> None:
    """Let the ways take turns, and print what they cost."""
    pin(CLIENT_CORE)
    connector = aiohttp.TCPConnector(limit=0)
    rate_limit = RateLimit(rate=None, max_concurrent=LOOPS)
    async with (
        SoraClient(api_key=KEY, base_url=url, rate_limit=rate_limit) as client,
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),
            headers={"Authorization": f"Bearer {KEY}"},
        ) as session,
    ):
        ways = list_ways(client, session, url)
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(TURNS):
            for name, ask in ways.items():
                found[name].append(await time_poll(ask))
    for name, times in found.items():
        print(f"{statistics.median(times) * 1e6:6.1f} µs  {name}")


if __name__ == "__main__":
    with serving(float("inf")) as address:
        asyncio.run(main(address))
