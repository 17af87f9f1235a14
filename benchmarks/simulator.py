"""
A client's polls in virtual time: the real decisions, and no loop, no network and no waiting.

Each poll is a snapshot that goes through ``decide`` with the policy and the history of the package.
There is jitter, and there are no faults, no latency and no ``Retry-After``.
"""

import heapq
import random
from collections.abc import Sequence

import attrs

from sora_async import Phase, VideoTask
from sora_async._polling.decide import Done, Sleep, decide
from sora_async._polling.fault_policy import FaultPolicy
from sora_async.schedule import History, Policy
from sora_async.schedule.learning.duration_history import DurationHistory, task_kinds
from sora_async.schedule.learning.observations import is_stalled, remaining

from .durations import SimulatedTask

KINDS = task_kinds("sora-2", "1280x720", 10)
PARTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_FAULT_POLICY = FaultPolicy()


@attrs.define
class Told:
    """What was predicted of a task at one poll: the quantiles, and what came."""

    poll: int
    bounds: tuple[float, ...]
    came: float


@attrs.define
class Way:
    """How one task went: the ages of its polls, and how late its end was seen."""

    task: SimulatedTask
    moments: list[float] = attrs.field(factory=list)
    late: float = 0.0
    told: list[Told] = attrs.field(factory=list)
    stalled: bool = False

    @property
    def polls(self) -> int:
        """How many polls it took, with the one that saw the end."""
        return len(self.moments)


@attrs.define
class _Wait:
    """One wait under way."""

    way: Way
    created_at: float
    history: History


def run(
    policy: Policy,
    tasks: Sequence[SimulatedTask],
    *,
    seed: int,
    duration_history: DurationHistory | None = None,
    width: int = 1,
    asks: frozenset[int] = frozenset(),
) -> list[Way]:
    """
    Return how each task went.

    Args:
        policy: When to ask again.
        tasks: The tasks, in the order in which they are begun.
        seed: Of the jitter.
        duration_history: What is known, and learned from each end; None for one that stays empty.
        width: How many tasks are under way at once.
        asks: The polls, by number, at which the end is predicted.
    """
    random.seed(seed)
    queue: list[tuple[float, int, _Wait]] = []
    ways: list[Way] = []
    todo = list(enumerate(tasks))[::-1]

    def begin(now: float) -> None:
        number, task = todo.pop()
        first = now + random.uniform(0, 0.5)
        ways.append(Way(task))
        history = History(task_id=str(number), started=first)
        heapq.heappush(queue, (first, number, _Wait(ways[-1], now, history)))

    for _ in range(min(width, len(tasks))):
        begin(random.uniform(0, 60) if width > 1 else 0.0)
    while queue:
        now, number, wait = heapq.heappop(queue)
        delay = _poll(wait, now, policy, duration_history, asks)
        if delay is not None:
            heapq.heappush(queue, (now + delay, number, wait))
        elif todo:
            begin(now)
    return ways


def _poll(
    wait: _Wait,
    now: float,
    policy: Policy,
    duration_history: DurationHistory | None,
    asks: frozenset[int],
) -> float | None:
    """Ask once; return the seconds to the next poll, or None at the end."""
    way, age = wait.way, now - wait.created_at
    way.moments.append(age)
    forecast = None if duration_history is None else duration_history.forecast(KINDS)
    if forecast is not wait.history.forecast:
        wait.history = attrs.evolve(wait.history, forecast=forecast)
    seen = _snapshot(way.task, age)
    wait.history = wait.history.after_task(seen, now=now)
    decision = decide(wait.history, now=now, schedule=policy, fault_policy=_FAULT_POLICY)
    own_age = now - wait.history.started
    observations = wait.history.observations
    if isinstance(decision, Sleep):
        if way.polls in asks:
            bounds = remaining(observations, forecast, age=own_age, parts=PARTS)
            if bounds is not None:
                way.told.append(Told(way.polls, bounds, way.task.length - age))
        way.stalled = way.stalled or is_stalled(observations, forecast, age=own_age)
        return decision.seconds
    way.late = age - way.task.length
    if duration_history is not None:
        result = "video" if isinstance(decision, Done) else "failure"
        duration_history.learn(KINDS, observations.ending(result, age=own_age))
    return None


def _snapshot(task: SimulatedTask, age: float) -> VideoTask:
    if age < task.length:
        progress = None if task.progress is None else task.progress(age)
        return VideoTask(id="x", status="in_progress", phase=Phase.RUNNING, progress=progress)
    if task.fails:
        return VideoTask(id="x", status="failed", phase=Phase.FAILED)
    url = "http://videos.example/x.mp4"
    return VideoTask(id="x", status="completed", phase=Phase.SUCCEEDED, video_url=url)
