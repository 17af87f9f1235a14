"""
Requests and mean delay of many waits, with the service's list, and without it.

Run ``python -m benchmarks.lists``: on virtual time, against the fake service over real sockets.
What it finds is kept in ``lists.json``, for a picture of the docs.
"""

import argparse
import asyncio
import json
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

import attrs

from sora_async import RateLimit, SoraClient
from sora_async.dialects import ARK, VLLM, Dialect
from sora_async.testing import FakeSora, Scenario, VirtualTimeLoop

from .durations import draw

RESULTS = Path(__file__).parent / "lists.json"


@attrs.frozen
class Load:
    """
    Waits that begin at once.

    Attributes:
        waits: How many.
        rate: Requests a second that are allowed.
    """

    waits: int
    rate: float


LOADS = (Load(10, 50.0), Load(300, 5.0), Load(10_000, 50.0))
DIALECTS = {"vllm": VLLM, "ark": ARK}


async def run(shape: str, dialect: Dialect, load: Load, lengths: Sequence[float]) -> list[float]:
    """Return how late the end of each task was known, and the number of requests as the last."""
    loop = asyncio.get_running_loop()
    rate_limit = RateLimit(rate=load.rate)
    async with (
        FakeSora(shape=shape) as sora,
        SoraClient(base_url=sora.url, dialect=dialect, rate_limit=rate_limit) as client,
    ):

        async def wait(length: float) -> float:
            task_id, ends_at = sora.add(Scenario(queued=0, running=length)), loop.time() + length
            await client.wait_until_complete(task_id, timeout=None)
            return loop.time() - ends_at

        late = await asyncio.gather(*map(wait, lengths))
        return [*late, len(sora.requests)]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the 10,000 waits out")
    options = parser.parse_args()
    found = []
    print(
        f"{'waits':>7} {'a second':>9} {'dialect':>8} {'list':>5} {'mean delay, s':>14} "
        f"{'most, s':>8} {'requests a task':>16}"
    )
    for load in LOADS[:-1] if options.quick else LOADS:
        chance = random.Random(7)
        lengths = [draw(chance) for _ in range(load.waits)]
        for shape, dialect in DIALECTS.items():
            for is_live in (False, True):
                random.seed(1)
                one = attrs.evolve(dialect, list_is_live=is_live)
                with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
                    *late, requests = runner.run(run(shape, one, load, lengths))
                print(
                    f"{load.waits:7} {load.rate:9.0f} {shape:>8} {'yes' if is_live else 'no':>5} "
                    f"{statistics.mean(late):14.2f} {max(late):8.1f} {requests / load.waits:16.1f}",
                    flush=True,
                )
                about = {"waits": load.waits, "rate": load.rate, "dialect": shape, "list": is_live}
                measured = {"requests": requests / load.waits, "late": statistics.mean(late)}
                found.append(about | measured)
    if not options.quick:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
