"""
How well the schedule polls: ``python -m benchmarks.schedule``.

All is virtual time and all chance is seeded: the same seeds make the same figures.
"""

import argparse
import copy
import json
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from sora_async.schedule import LearningSchedule, Policy, Schedule
from sora_async.schedule.learning.duration_history import DurationHistory
from sora_async.schedule.learning.observations import CensoredDuration

from . import optimum, overload
from .durations import FAMILIES, TRAJECTORIES, SimulatedTask, draw, make_tasks
from .processes import Figures
from .schedule_table import ratio, write_table
from .simulator import KINDS, Way, run

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "schedule.json"

POLICIES: dict[str, Policy] = {
    "fixed": Schedule(intervals=(5,)),
    "backoff": Schedule(),
    "learning": LearningSchedule(),
}
SKIPPED, COUNT = 30, 200
"""The first tasks are only learned from; of so many in all."""

PRICES = (0.05, 0.08, 0.14, 0.2, 0.3)
SCALES = (0.5, 0.7, 0.85, 1.0, 1.5)
WINDOWS = (120, 200, 270, 360)
ASKED = frozenset({1, 4, 8, 14})
FIRST = (10, 30)


def _sum_up(ways: Sequence[Way]) -> Figures:
    videos = [way for way in ways if not way.task.fails]
    polls = statistics.mean(way.polls for way in videos)
    late = statistics.mean(way.late for way in videos)
    found: Figures = {"polls": polls, "late": late, "product": polls * late}
    failures = [way.late for way in ways if way.task.fails and way.task.length <= 64]
    if failures:
        found["late_failures"] = statistics.mean(failures)
    return found


def run_main(seed: int) -> list[Figures]:
    """Compare the policies on the durations that were seen."""
    runs = []
    for progress in ("none", "mixed", "steady"):
        for failing in (0.0, 0.2):
            tasks = make_tasks(
                draw, count=COUNT, seed=seed, trajectory=TRAJECTORIES[progress], failing=failing
            )
            for name, policy in POLICIES.items():
                for width in (1, 20) if name == "learning" else (1,):
                    ways = run(
                        policy,
                        tasks,
                        seed=seed,
                        duration_history=DurationHistory(),
                        width=width,
                        asks=ASKED,
                    )
                    about = {"policy": name, "progress": progress, "failing": failing}
                    found = about | {"width": width, "seed": seed} | _sum_up(ways[SKIPPED:])
                    if name == "learning" and width == 1 and not failing:
                        found |= _coverage(ways[SKIPPED:])
                    runs.append(found)
    return runs


def _coverage(ways: Sequence[Way]) -> Figures:
    """Return how often each quantile held, by the poll at which it was told."""
    told: dict[str, list[list[bool]]] = {}
    for way in ways:
        for one in way.told:
            held = [one.came <= bound for bound in one.bounds]
            told.setdefault(str(one.poll), []).append(held)
    held = {
        poll: [sum(column) for column in zip(*rows, strict=True)] for poll, rows in told.items()
    }
    counts = {poll: len(rows) for poll, rows in told.items()}
    return {"held": held, "told": counts, "stalled": statistics.mean(way.stalled for way in ways)}


def run_frontier(seed: int) -> list[Figures]:
    """Trace what each policy can be set to."""
    settings: list[tuple[str, float, Policy, str]] = [
        *(("fixed", at, Schedule(intervals=(at,)), "none") for at in (3, 4, 5, 6, 8)),
        *(
            ("backoff", at, Schedule(intervals=[at * one for one in (2, 3, 4.5, 6)]), "none")
            for at in SCALES
        ),
        *(
            (f"learning, {progress}", at, LearningSchedule(price=at, slowest=99), progress)
            for at in PRICES
            for progress in ("none", "mixed")
        ),
    ]
    runs = []
    for name, at, policy, progress in settings:
        tasks = make_tasks(draw, count=COUNT, seed=seed, trajectory=TRAJECTORIES[progress])
        ways = run(policy, tasks, seed=seed, duration_history=DurationHistory())[SKIPPED:]
        runs.append({"policy": name, "at": at, "seed": seed} | _sum_up(ways))
    return runs


def _count_of(family: str) -> int:
    return 60 if family == "two-hour jobs" else COUNT


def run_families(seed: int) -> list[Figures]:
    """Compare learning with the backoff on other lengths."""
    runs = []
    for family, length in FAMILIES.items():
        for progress in ("none", "steady"):
            tasks = make_tasks(
                length, count=_count_of(family), seed=seed, trajectory=TRAJECTORIES[progress]
            )
            for name in ("backoff", "learning") if progress == "none" else ("learning",):
                ways = run(POLICIES[name], tasks, seed=seed, duration_history=DurationHistory())
                about = {"family": family, "progress": progress, "policy": name, "seed": seed}
                runs.append(about | _sum_up(ways[SKIPPED:]))
                runs.append(about | {"first": SKIPPED} | _sum_up(ways[:SKIPPED]))
    return runs


def run_shifts(seed: int) -> list[Figures]:
    """Let the lengths change in mid-run."""
    runs = []
    for factor in (2.0, 0.5):
        before = make_tasks(draw, count=100, seed=seed)
        after = [
            SimulatedTask(one.length * factor) for one in make_tasks(draw, count=100, seed=seed + 1)
        ]
        for name in ("backoff", "learning"):
            ways = run(
                POLICIES[name], before + after, seed=seed, duration_history=DurationHistory()
            )[100:]
            for start, end in ((0, 10), (10, 30), (30, 100)):
                about = {"shift": factor, "policy": name, "start": start, "seed": seed}
                runs.append(about | _sum_up(ways[start:end]))
    return runs


def run_trajectories(seed: int) -> list[Figures]:
    """Try progress of every kind, and progress that was honest and then is not."""
    runs = []
    for name, trajectory in TRAJECTORIES.items():
        tasks = make_tasks(draw, count=COUNT, seed=seed, trajectory=trajectory)
        ways = run(POLICIES["learning"], tasks, seed=seed, duration_history=DurationHistory())
        runs.append({"progress": name, "after": None, "seed": seed} | _sum_up(ways[SKIPPED:]))
    honest = DurationHistory()
    steady = TRAJECTORIES["steady"]
    first = make_tasks(draw, count=100, seed=seed + 500, trajectory=steady)
    run(POLICIES["learning"], first, seed=seed, duration_history=honest)
    for name in ("on a clock of its own", "0, then 90 %", "99 % long before the end", "noise"):
        tasks = make_tasks(draw, count=30, seed=seed, trajectory=TRAJECTORIES[name])
        ways = run(POLICIES["learning"], tasks, seed=seed, duration_history=copy.deepcopy(honest))
        plain = run(POLICIES["backoff"], tasks, seed=seed)
        for count in FIRST:
            about = {"progress": name, "after": "steady", "first": count, "seed": seed}
            found = {"backoff": _sum_up(plain[:count])}
            runs.append(about | found | _sum_up(ways[:count]))
    return runs


def run_wrong(seed: int) -> list[Figures]:
    """Begin with what was learned of other tasks: handed in, or learned by the same client."""
    families = FAMILIES | {"two-hour jobs": lambda chance: FAMILIES["two-hour jobs"](chance) / 2}
    plain, runs = {}, []
    tasks = {
        name: make_tasks(length, count=max(FIRST), seed=seed) for name, length in families.items()
    }
    for truth in families:
        plain[truth] = run(POLICIES["backoff"], tasks[truth], seed=seed)
    for prior, length in families.items():
        duration_history = DurationHistory()
        for task in make_tasks(length, count=100, seed=seed + 999):
            ending = CensoredDuration(
                result="video", after=task.length * 0.98, before=task.length * 1.02
            )
            duration_history.learn(KINDS, ending)
        for how in ("handed in", "same client"):
            for truth in families:
                own = copy.deepcopy(duration_history)
                if how == "handed in":
                    own = DurationHistory.from_json(duration_history.to_json())
                ways = run(POLICIES["learning"], tasks[truth], seed=seed, duration_history=own)
                for count in FIRST:
                    about = {"prior": prior, "truth": truth, "how": how, "first": count}
                    found = {"seed": seed, "backoff": _sum_up(plain[truth][:count])}
                    runs.append(about | found | _sum_up(ways[:count]))
    return runs


def pool_pairs(runs: Sequence[Figures]) -> list[Figures]:
    """Return each pair of prior and truth once, with 95 % of the ratio by bootstrap over seeds."""
    pairs: dict[tuple[Any, ...], list[Figures]] = {}
    for one in runs:
        pairs.setdefault(tuple(one[key] for key in _PAIR), []).append(one)
    chance, pooled = random.Random(1), []
    for about, here in pairs.items():
        again = sorted(ratio(chance.choices(here, k=len(here))) for _ in range(400))
        found = {"seeds": len(here), "ratio": ratio(here), "low": again[10], "high": again[-11]}
        pooled.append(dict(zip(_PAIR, about, strict=True)) | found)
    return pooled


_PAIR = ("prior", "truth", "how", "first")


def run_overload(seed: int) -> list[Figures]:
    """Let many waits share few polls."""
    return [
        {"order": order, "window": window, "seed": seed}
        | overload.run(order, window=window, seed=seed)
        for window in WINDOWS
        for order in overload.ORDERS
    ]


def run_optimum() -> list[Figures]:
    """Find what could be had at most."""
    masses = optimum.known_density()
    found = [(price, *optimum.best(price, masses)) for price in (0.08, 0.1, 0.12, 0.14, 0.2, 0.3)]
    return [
        {"price": price, "polls": polls, "late": late, "product": polls * late}
        for price, polls, late in found
    ]


ROWS: dict[str, tuple[Callable[[int], list[Figures]], float]] = {
    "main": (run_main, 1),
    "frontier": (run_frontier, 0.5),
    "families": (run_families, 0.5),
    "shifts": (run_shifts, 3),
    "trajectories": (run_trajectories, 0.5),
    "wrong": (run_wrong, 3),
    "overload": (run_overload, 0.25),
}
"""Each row, and by how much more or fewer seeds it is run with: few tasks are noisy."""


def main() -> None:
    """Do what the command line asks."""
    options = read_options(sys.argv[1:])
    kept: Figures = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    if not options.draw:
        kept["optimum"] = run_optimum()
        with ProcessPoolExecutor() as pool:
            for row in options.rows:
                work, part = ROWS[row]
                seeds = range(options.first, options.first + max(2, round(options.seeds * part)))
                kept[row] = [one for runs in pool.map(work, seeds) for one in runs]
                if row == "wrong":
                    kept[row] = pool_pairs(kept[row])
                RESULTS.write_text(_dump(kept), "utf-8")
                print(row, len(kept[row]), flush=True)
    write_table(kept, ROOT / "docs" / "explanation" / "schedule-table.txt")
    from .schedule_plots import draw_all  # matplotlib is for the pictures only

    draw_all(kept, ROOT / "docs" / "_static")


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.schedule", description=__doc__)
    parser.add_argument("--seeds", type=int, default=12, help="how many, 12 by default")
    parser.add_argument("--first", type=int, default=31_000, help="the first seed")
    parser.add_argument("--draw", action="store_true", help="run nothing: table and plots only")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    return parser.parse_args(arguments)


def _dump(kept: Figures) -> str:
    """Return the results with one line for each run."""
    rows = []
    for name, runs in kept.items():
        lines = ",\n".join(f"  {json.dumps(_round(one))}" for one in runs)
        rows.append(f" {json.dumps(name)}: [\n{lines}\n ]")
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _round(one) for key, one in value.items()}
    return value


if __name__ == "__main__":
    main()
