"""Simulated tasks: how long each takes, how it ends, and what progress it shows on its way."""

import bisect
import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

DURATIONS: tuple[float, ...] = tuple(
    json.loads((Path(__file__).parent / "durations.json").read_text("utf-8"))["seconds"]
)
SMOOTHING = 0.03
"""Each drawn duration is moved by so much, as a part of itself: 26 numbers alone could be learned
by heart."""

Chance = random.Random
Length = Callable[[Chance], float]
Progress = Callable[[float], float]
Trajectory = Callable[[float, Chance], Progress]


@attrs.frozen
class SimulatedTask:
    """
    One task.

    Attributes:
        length: Seconds from its making to its end.
        fails: Whether it ends without a video.
        progress: From an age to the part done, as the service tells it; None: it tells none.
    """

    length: float
    fails: bool = False
    progress: Progress | None = None


def draw(chance: Chance) -> float:
    """Return a duration like those seen on a real service."""
    return chance.choice(DURATIONS) * math.exp(chance.gauss(0, SMOOTHING))


def log_normal(middle: float, width: float) -> Length:
    """Return a family of lengths around a middle."""
    return lambda chance: middle * math.exp(chance.gauss(0, width))


def _two_humps(chance: Chance) -> float:
    return (25 if chance.random() < 0.5 else 270) * math.exp(chance.gauss(0, 0.15))


FAMILIES: dict[str, Length] = {
    "durations": draw,
    "veo, 100 s": log_normal(100, 0.25),
    "short, 20 s": log_normal(20, 0.25),
    "two humps": _two_humps,
    "two-hour jobs": log_normal(5000, 0.3),
    "exponential": lambda chance: 5 + chance.expovariate(1 / 120),
    "uniform": lambda chance: chance.uniform(10, 400),
    "tight, 60 s": log_normal(60, 0.03),
}

early = log_normal(64, 1.5)
"""How long failures take: half are there within 64 s, and one in ten hangs for many minutes."""


def steady(length: float, chance: Chance) -> Progress:
    """Return a curved and noisy line, which goes back at times and never quite to the end."""
    bend, start = math.exp(chance.gauss(-0.15, 0.12)), chance.uniform(0, 0.08)

    def progress(age: float) -> float:
        part = max(0.0, (age / length - start) / (1 - start))
        return max(0.0, min(0.99, round(part**bend + chance.gauss(0, 0.025), 2)))

    return progress


def refreshed(length: float, chance: Chance) -> Progress:
    """Return the progress of a service that looks for itself every 15 s only."""
    inner, phase = steady(length, chance), chance.uniform(0, 15)
    seen: dict[int, float] = {}

    def progress(age: float) -> float:
        turn = int((age + phase) // 15)
        return seen.setdefault(turn, inner(max(0.0, turn * 15 - phase)))

    return progress


def stalling(length: float, chance: Chance) -> Progress:
    """Return progress that stands still three times for 15 to 40 s."""
    inner = steady(length, chance)
    stalls = sorted((chance.uniform(0, length), chance.uniform(15, 40)) for _ in range(3))
    seen: dict[float, float] = {}

    def progress(age: float) -> float:
        for start, width in stalls:
            if start <= age < start + width:
                return seen.setdefault(start, inner(start))
        return inner(age)

    return progress


def constants(_: float, chance: Chance) -> Progress:
    """Return 10, 20 and 30 %: a word for each phase, and nothing more."""
    moments = (chance.uniform(1, 6), chance.uniform(6, 30))
    return lambda age: (0.1, 0.2, 0.3)[bisect.bisect(moments, age)]


def jumps(length: float, chance: Chance) -> Progress:
    """Return nothing, and 90 % near the end."""
    moment = length * chance.uniform(0.55, 0.95)
    return lambda age: 0.0 if age < moment else 0.9


def own_clock(_: float, chance: Chance) -> Progress:
    """Return progress to 95 % in about two minutes, however long the task takes."""
    whole = 120 * math.exp(chance.gauss(0, 0.1))
    return lambda age: min(0.95, age / whole)


def noise(_: float, chance: Chance) -> Progress:
    """Return anything."""
    return lambda _: round(chance.random() * 0.99, 2)


def stuck(length: float, chance: Chance) -> Progress:
    """Return 99 % long before the end."""
    moment = length * chance.uniform(0.3, 0.9)
    return lambda age: min(0.99, age / moment)


def zero(_: float, __: Chance) -> Progress:
    """Return nothing done, to the end."""
    return lambda _: 0.0


def mixed(length: float, chance: Chance) -> Progress:
    """Return the progress of a task of any of the kinds that were seen; a sixth are constants."""
    kinds: Sequence[Trajectory] = (steady, refreshed, stalling, steady, refreshed, constants)
    return chance.choice(kinds)(length, chance)


TRAJECTORIES: dict[str, Trajectory | None] = {
    "none": None,
    "mixed": mixed,
    "steady": steady,
    "refreshed every 15 s": refreshed,
    "stalling": stalling,
    "10, 20, 30 %": constants,
    "always 0": zero,
    "0, then 90 %": jumps,
    "99 % long before the end": stuck,
    "on a clock of its own": own_clock,
    "noise": noise,
}


def make_tasks(
    length: Length,
    *,
    count: int,
    seed: int,
    trajectory: Trajectory | None = None,
    failing: float = 0.0,
) -> list[SimulatedTask]:
    """Return tasks of one family: the same for the same seed, whatever the policy."""
    chance = random.Random(seed)
    tasks = []
    for _ in range(count):
        seconds, fails, own = length(chance), chance.random() < failing, chance.random()
        if fails:
            seconds = min(early(chance), 4320.0)
        progress = None if trajectory is None else trajectory(seconds, random.Random(own))
        tasks.append(SimulatedTask(seconds, fails, progress))
    return tasks
