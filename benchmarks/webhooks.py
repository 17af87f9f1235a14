"""
Polls a task and mean delay, with webhooks that always, mostly or never arrive.

Run ``python -m benchmarks.webhooks``: on virtual time, against the fake service over real sockets.
What it finds is kept in ``webhooks.json``, for a picture of the docs.
"""

import argparse
import asyncio
import json
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

from sora_async import RateLimit, SoraClient
from sora_async.testing import FakeSora, Scenario, VirtualTimeLoop

DURATIONS = Path(__file__).parent / "durations.json"
RESULTS = Path(__file__).parent / "webhooks.json"

LATENCY = (0.2, 1.0)
"""Seconds from the end of a task to its webhook, least and most."""

LEARNING = 12
"""The first tasks of a run, which are left out: nothing is known before they have ended."""

ROWS: dict[str, tuple[bool, float]] = {
    "learned schedule alone": (False, 1.0),
    "webhooks, none lost": (True, 0.0),
    "webhooks, 10 % lost": (True, 0.1),
    "webhooks, all lost": (True, 1.0),
}
"""Whether webhooks are expected, and the part of them that is lost."""


async def run(
    durations: Sequence[float], *, webhook: bool, lost: float, seed: int
) -> tuple[float, float]:
    """Return polls a task and mean delay in seconds."""
    random.seed(seed)
    chance = random.Random(seed)
    lengths = chance.sample(list(durations), k=len(durations))
    loop = asyncio.get_running_loop()
    found: list[tuple[int, float]] = []
    async with (
        FakeSora(shape="relay") as sora,
        SoraClient(base_url=sora.url, rate_limit=RateLimit(rate=None)) as client,
    ):

        async def wait(length: float) -> None:
            task_id, ends_at = sora.add(Scenario(queued=0, running=length)), loop.time() + length
            if webhook and chance.random() >= lost:
                loop.call_at(ends_at + chance.uniform(*LATENCY), client.notify, task_id)
            await client.wait_until_complete(task_id, webhook=webhook)
            found.append((len(sora.polls(task_id)), loop.time() - ends_at))

        for length in lengths:
            await wait(length)
    polls, delays = zip(*found[LEARNING:], strict=True)
    return statistics.mean(polls), statistics.mean(delays)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--durations", type=Path, default=DURATIONS, help="lengths of tasks, JSON")
    parser.add_argument("--seeds", type=int, default=5, help="runs for each row, 5 by default")
    options = parser.parse_args()
    known = json.loads(options.durations.read_text("utf-8"))
    durations = known.get("seconds") or known["success_s"]
    print(f"{len(durations)} tasks a run, {options.seeds} runs; the first {LEARNING} are left out")
    print(f"{'':24} {'polls a task':>12} {'mean delay, s':>14}")
    found = []
    for name, (webhook, lost) in ROWS.items():
        figures = []
        for seed in range(options.seeds):
            with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
                figures.append(runner.run(run(durations, webhook=webhook, lost=lost, seed=seed)))
        polls, delays = zip(*figures, strict=True)
        print(f"{name:24} {statistics.mean(polls):12.1f} {statistics.mean(delays):14.2f}")
        found.append(
            {"name": name, "polls": statistics.mean(polls), "late": statistics.mean(delays)}
        )
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
