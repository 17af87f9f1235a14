"""
What thousands of waits leave behind: ``python -m benchmarks.cancellation``.

Thousands of short waits on one client, on virtual time and real sockets: a part of them is
cancelled at a random moment, and a part of the responses is hostile. At the end nothing may be
left of them: no asyncio task, no open socket, no memory.
"""

import argparse
import asyncio
import collections
import contextlib
import random
from collections.abc import Sequence
from pathlib import Path

from sora_async import RateLimit, Schedule, SoraClient, SoraError
from sora_async.testing import (
    Answer,
    FakeSora,
    VirtualTimeLoop,
    completed,
    failed,
    garbage_status_line,
    html,
    http_error,
    raw,
    reset,
    running,
    stall,
    truncated,
)

from .measures.gauges import read_memory

HOSTILE: Sequence[Answer] = (
    raw(b"[" * 100_000),
    raw(b'{"id": "x", "status": "' + b"w" * 200_000 + b'"}'),
    raw(b'{"status": "completed", "video_url": "https://[::1"}'),
    raw({"id": "x", "status": "running", "progress": float("inf")}),
    raw(b"\xff\xfe\x00"),
    raw(b"{}"),
    html(),
    http_error(503),
    http_error(429, headers={"Retry-After": "1"}),
    reset(),
    truncated(),
    garbage_status_line(),
    stall(),
)


async def run(waits: int, concurrency: int, seed: int) -> None:
    """Run the waits in rounds; print what is there before, after each tenth, and at the end."""
    chance = random.Random(seed)
    outcomes: collections.Counter[str] = collections.Counter()
    async with FakeSora() as sora:
        client = SoraClient(
            base_url=sora.url,
            schedule=Schedule(intervals=[1.0]),
            rate_limit=RateLimit(rate=None, max_concurrent=64),
            request_timeout=5.0,
        )
        print("waits   tasks  sockets  memory MB")
        _show("before")
        for first in range(0, waits, concurrency):
            count = min(concurrency, waits - first)
            async with asyncio.TaskGroup() as group:
                for number in range(first, first + count):
                    task_id = f"task_{number}"
                    sora.script(task_id, *_answers(chance))
                    group.create_task(_wait(client, task_id, chance, outcomes))
            sora._service.reset()  # the memory of the fake is not measured
            sora.requests.clear()
            done = first + count
            if done % max(concurrency, waits // 10) < concurrency:
                _show(str(done))
        await client.close()
        await asyncio.sleep(100)  # the answers of the fake that stall end
        _show("closed")
    print(dict(outcomes))


def _show(when: str) -> None:
    tasks, memory = len(asyncio.all_tasks()), read_memory() / 1e6
    print(f"{when:6}  {tasks:5}  {_sockets():7}  {memory:9.1f}", flush=True)


async def _wait(
    client: SoraClient, task_id: str, chance: random.Random, outcomes: collections.Counter[str]
) -> None:
    """Wait for a task, or leave at a random moment."""
    limit = chance.uniform(0, 5) if chance.random() < 0.3 else None
    try:
        async with asyncio.timeout(limit):
            await client.wait_until_complete(task_id, timeout=60)
        outcomes["video"] += 1
    except TimeoutError:
        outcomes["cancelled"] += 1
    except SoraError as error:
        outcomes[type(error).__name__] += 1


def _answers(chance: random.Random) -> list[Answer]:
    answers = [
        chance.choice(HOSTILE) if chance.random() < 0.05 else running()
        for _ in range(chance.randint(1, 3))
    ]
    return [*answers, failed() if chance.random() < 0.1 else completed()]


def _sockets() -> int:
    """Return how many sockets this process has open: those of the fake are among them."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the folder itself was open while it was listed
            found += str(entry.readlink()).startswith("socket:")
    return found


def main() -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cancellation", description=__doc__)
    parser.add_argument("--waits", type=int, default=50_000)
    parser.add_argument("--concurrency", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run(options.waits, options.concurrency, options.seed))


if __name__ == "__main__":
    main()
