"""
What the default rate limit costs: CPU and memory of many waits at 50 requests a second.

Run ``python -m benchmarks.defaults``. The loop by hand polls as often, by one timer for all.
"""

import asyncio
import gc
import itertools
import subprocess
import sys
import time

import aiohttp

from sora_async import RateLimit, SoraClient

from .contestants import KEY
from .measures.gauges import read_memory
from .processes import CLIENT_CORE, ROOT, ask, pin, serving
from .replies import make_id

COUNTS = (50, 1_000, 10_000)
LENGTH = 40.0


async def _measure(url: str, warm_up: float) -> tuple[float, float]:
    """Return the part of a core that is used, and polls a second."""
    await asyncio.sleep(warm_up)
    before, used, start = ask(url, "report")["polls"], time.process_time(), time.monotonic()
    await asyncio.sleep(LENGTH)
    used, passed = time.process_time() - used, time.monotonic() - start
    return used / passed, (ask(url, "report")["polls"] - before) / passed


async def run_ours(url: str, count: int) -> None:
    """Wait for many tasks with the defaults, and print what that takes."""
    rate = RateLimit()
    async with SoraClient(api_key=KEY, base_url=url, rate_limit=rate) as client:
        gc.collect()
        memory = read_memory()
        # As often as the rate limit allows, however few they are.
        waits = [
            asyncio.ensure_future(
                client.wait_until_complete(make_id(number), poll_interval=1.0, timeout=None)
            )
            for number in range(count)
        ]
        share, polls = await _measure(url, max(5.0, count / 50 * 1.1))
        gc.collect()
        memory = (read_memory() - memory) / count / 1000
        print(
            f"{count:6} waits: {share:.1%} of a core, {polls:.0f} polls a second, {memory:.1f} kB"
        )
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def run_hand(url: str) -> None:
    """Poll 50 times a second by hand, and print what that takes."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def poll(number: int) -> None:
            async with session.get(f"{url}/v1/videos/{make_id(number)}") as response:
                await response.json()

        async def poll_on() -> None:
            async with asyncio.TaskGroup() as group:
                for number in itertools.count():
                    group.create_task(poll(number % 50))
                    await asyncio.sleep(0.02)

        polling = asyncio.create_task(poll_on())
        share, polls = await _measure(url, 5.0)
        print(f"by hand: {share:.1%} of a core, {polls:.0f} polls a second")
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


def main() -> None:
    """Run each in a process of its own."""
    if len(sys.argv) > 1:
        pin(CLIENT_CORE)
        with serving(float("inf")) as url:
            asyncio.run(run_hand(url) if sys.argv[1] == "hand" else run_ours(url, int(sys.argv[1])))
        return
    for what in ("hand", *map(str, COUNTS)):
        subprocess.run([sys.executable, "-m", "benchmarks.defaults", what], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
