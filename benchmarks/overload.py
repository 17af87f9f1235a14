"""Many waits on too few polls: who is asked next, and how late each end is seen."""

import random
import statistics
from collections.abc import Sequence

from sora_async.schedule.learning.duration_history import DurationHistory
from sora_async.schedule.learning.forecast import DurationForecast
from sora_async.schedule.learning.observations import CensoredDuration, TaskObservations, urgency

from .durations import draw
from .simulator import KINDS

WAITS = 300
RATE = 5.0
ORDERS = ("random", "oldest", "urgency", "known")
"""By chance; the one asked longest ago; ours after 60 tasks, which learns
on; ours after 300, which does not."""


def run(order: str, *, window: float, seed: int) -> dict[str, float]:
    """Return how late the ends of waits are seen that were begun within a window of seconds."""
    chance = random.Random(seed)
    lengths = [draw(chance) for _ in range(WAITS)]
    created_at = [chance.uniform(0, window) for _ in range(WAITS)]
    history = _taught(300 if order == "known" else 60, random.Random(seed + 50))
    observed = [TaskObservations() for _ in lengths]
    live, late, now = set(range(WAITS)), [], 0.0
    forecast = history.forecast(KINDS)
    while live:
        now += 1 / RATE
        due = [one for one in sorted(live) if created_at[one] <= now]
        if not due:
            continue
        one = _choose(order, due, observed, created_at, now, forecast, chance)
        age = now - created_at[one]
        if age < lengths[one]:
            observed[one] = observed[one].saw(age=age, elapsed=age, progress=None, moved=False)
            continue
        live.remove(one)
        late.append(age - lengths[one])
        if order == "urgency":
            history.learn(KINDS, observed[one].ending("video", age=age))
            forecast = history.forecast(KINDS)
    return {"late": statistics.mean(late), "latest": max(late)}


def _choose(
    order: str,
    due: Sequence[int],
    observed: Sequence[TaskObservations],
    created_at: Sequence[float],
    now: float,
    forecast: DurationForecast | None,
    chance: random.Random,
) -> int:
    if order == "random":
        return chance.choice(due)
    if order == "oldest":
        return min(due, key=lambda one: observed[one].age + created_at[one])
    return max(due, key=lambda one: urgency(observed[one], forecast, age=now - created_at[one]))


def _taught(count: int, chance: random.Random) -> DurationHistory:
    history = DurationHistory()
    for _ in range(count):
        length = draw(chance)
        history.learn(KINDS, CensoredDuration(result="video", after=length - 3, before=length + 3))
    for record in history.records.values():
        record.trust = 0.9
    return history
