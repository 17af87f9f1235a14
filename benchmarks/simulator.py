"""
A client's polls in virtual time: the real decisions, and no loop, no network and no waiting.

Each poll is a snapshot that goes through ``step`` with the policy and the memory of the package.
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
from sora_async.schedule.learning.memory import DurationHistory, task_kinds
from sora_async.schedule.learning.observations import is_stalled, remaining

from .lives import Life

KINDS = task_kinds("sora-2", "1280x720", 10)
PARTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_PATIENCE = FaultPolicy()


@attrs.define
class Told:
    """What was foretold of a task at one poll: the quantiles, and what came."""

    poll: int
    bounds: tuple[float, ...]
    came: float


@attrs.define
class Way:
    """How one task went: the ages of its polls, and how late its end was seen."""

    life: Life
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
    born: float
    history: History


def run(
    policy: Policy,
    lives: Sequence[Life],
    *,
    seed: int,
    memory: DurationHistory | None = None,
    width: int = 1,
    asks: frozenset[int] = frozenset(),
) -> list[Way]:
    """
    Return how each task went.

    Args:
        policy: When to ask again.
        lives: The tasks, in the order in which they are begun.
        seed: Of the jitter.
        memory: What is known, and learned from each end; None for one that stays empty.
        width: How many tasks are under way at once.
        asks: The polls, by number, at which the end is foretold.
    """
    random.seed(seed)
    queue: list[tuple[float, int, _Wait]] = []
    ways: list[Way] = []
    todo = list(enumerate(lives))[::-1]

    def begin(now: float) -> None:
        number, life = todo.pop()
        first = now + random.uniform(0, 0.5)
        ways.append(Way(life))
        history = History(task_id=str(number), started=first)
        heapq.heappush(queue, (first, number, _Wait(ways[-1], now, history)))

    for _ in range(min(width, len(lives))):
        begin(random.uniform(0, 60) if width > 1 else 0.0)
    while queue:
        now, number, wait = heapq.heappop(queue)
        delay = _poll(wait, now, policy, memory, asks)
        if delay is not None:
            heapq.heappush(queue, (now + delay, number, wait))
        elif todo:
            begin(now)
    return ways


def _poll(
    wait: _Wait, now: float, policy: Policy, memory: DurationHistory | None, asks: frozenset[int]
) -> float | None:
    """Ask once; return the seconds to the next poll, or None at the end."""
    way, age = wait.way, now - wait.born
    way.moments.append(age)
    outlook = None if memory is None else memory.outlook(KINDS)
    if outlook is not wait.history.outlook:
        wait.history = attrs.evolve(wait.history, outlook=outlook)
    seen = _snapshot(way.life, age)
    wait.history, decision = decide(
        wait.history, seen, now=now, schedule=policy, patience=_PATIENCE
    )
    own_age = now - wait.history.started
    sight = wait.history.sight
    if isinstance(decision, Sleep):
        if way.polls in asks:
            bounds = remaining(sight, outlook, age=own_age, parts=PARTS)
            if bounds is not None:
                way.told.append(Told(way.polls, bounds, way.life.length - age))
        way.stalled = way.stalled or is_stalled(sight, outlook, age=own_age)
        return decision.seconds
    way.late = age - way.life.length
    if memory is not None:
        result = "video" if isinstance(decision, Done) else "failure"
        memory.learn(KINDS, sight.ending(result, age=own_age))
    return None


def _snapshot(life: Life, age: float) -> VideoTask:
    if age < life.length:
        progress = None if life.progress is None else life.progress(age)
        return VideoTask(id="x", status="in_progress", phase=Phase.RUNNING, progress=progress)
    if life.fails:
        return VideoTask(id="x", status="failed", phase=Phase.FAILED)
    url = "http://videos.example/x.mp4"
    return VideoTask(id="x", status="completed", phase=Phase.SUCCEEDED, video_url=url)
