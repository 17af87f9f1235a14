"""A thousand waits of an hour each, one answer in twenty faulty: ``nox -s soak``."""

import asyncio
import collections
import random
import statistics
from collections.abc import Callable

import attrs
import pytest

from sora_async import Schedule, SoraClient, SoraError
from sora_async.schedule import ramp
from sora_async.testing import (
    Answer,
    FakeSora,
    Scenario,
    close_after,
    drip,
    garbage_status_line,
    html,
    http_error,
    raw,
    reset_midway,
    running,
    stall_body,
    truncated,
    unknown_task,
)

WAITS = 1000
FAULTY = 0.05
SCHEDULE = Schedule(intervals=ramp(first=2.0, factor=1.5, longest=20.0))

FAULTS: list[Callable[[], Answer]] = [
    lambda: http_error(503),
    lambda: http_error(502, b"<html>bad gateway</html>"),
    lambda: http_error(429, headers={"Retry-After": "1"}),
    lambda: http_error(429),
    lambda: http_error(200, {"error": {"type": "server_error", "message": "busy"}}),
    html,
    unknown_task,
    reset_midway,
    truncated,
    garbage_status_line,
    lambda: raw(b'{"id": "x", "sta'),
    lambda: raw([]),
    lambda: stall_body(),
    lambda: drip(10.0),
    lambda: close_after(running(0.5)),
]

ENDS: dict[str, Callable[[float], Scenario]] = {
    "video": lambda seconds: Scenario(queued=30, running=seconds),
    "late video": lambda seconds: Scenario(queued=30, running=seconds, url_delay=23),
    "content": lambda seconds: Scenario(queued=30, running=seconds, url_delay=None),
    "TaskFailedError": lambda seconds: Scenario(queued=30, running=seconds, failure=("a", "b")),
    "WaitTimeoutError": lambda _: Scenario(queued=30, running=10 * 3600),
}


def make_faults(chance: random.Random) -> dict[int, Answer]:
    """Choose which polls of a wait meet a fault; the first one tells us that the task is there."""
    return {poll: chance.choice(FAULTS)() for poll in range(2, 400) if chance.random() < FAULTY}


@pytest.mark.soak
async def test_a_thousand_waits_of_an_hour_end_as_their_script_says(
    sora: FakeSora, client: SoraClient, now: Callable[[], float]
) -> None:
    random.seed(20260114)  # the jitter's
    chance = random.Random(20260114)
    expected: dict[str, tuple[str, float]] = {}
    for number in range(WAITS):
        end = chance.choices(list(ENDS), [85, 3, 5, 5, 2])[0]
        seconds = chance.uniform(0.9, 1.1) * 3600
        scenario = ENDS[end](seconds)
        task_id = sora.add(
            attrs.evolve(scenario, faults=make_faults(chance)), task_id=f"task_{number}"
        )
        expected[task_id] = end.removeprefix("late "), seconds + 30
    late: dict[str, list[float]] = collections.defaultdict(list)

    async def wait(task_id: str) -> None:
        watch = client.wait_until_complete(task_id, timeout=2 * 3600, schedule=SCHEDULE)
        try:
            outcome = "video" if (await watch).is_complete else "content"
        except SoraError as error:
            outcome = type(error).__name__
        assert outcome == expected[task_id][0], task_id
        late[outcome].append(now() - expected[task_id][1])

    await asyncio.gather(*map(wait, expected))

    for outcome, delays in sorted(late.items()):
        median, worst = statistics.median(delays), max(delays)
        print(
            f"\n{outcome}: {len(delays)}, seconds late: median {median:.1f}, worst {worst:.1f}",
            end="",
        )
    print(f"\n{len(sora.requests)} requests, {now() / 3600:.2f} h of virtual time")
    # The 429s among the faults lower the rate a little, and a thousand waits take turns; nobody is
    # passed over for long, whatever was learned. A URL that never comes is waited for; so it is
    # anew, after a poll that was stalled.
    assert max(late["video"]) < 23 + 150
    assert max(late["content"]) < 2 * 45 + 150
