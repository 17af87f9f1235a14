"""The tables of the page, as RST, from what was run."""

import functools
import itertools
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .figures import draw_list_table
from .processes import Figures


def write_table(kept: Figures, path: Path) -> None:
    """Write the table of the targets, and those of what else was tried."""
    lines = [*_targets(kept), "", *_families(kept), "", *_trajectories(kept)]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def select(runs: Sequence[Figures], **wanted: Any) -> list[Figures]:
    """Return the runs that are just so."""
    return [one for one in runs if all(one.get(key) == want for key, want in wanted.items())]


def spread(runs: Sequence[Figures], key: str, digits: int = 0) -> str:
    """Return the mean of a figure over the seeds, and its least and greatest."""
    values = [one[key] for one in runs if key in one]
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{statistics.mean(values):.{digits}f} [{low:.{digits}f}–{high:.{digits}f}]"


def pooled(runs: Sequence[Figures]) -> float:
    """Return mean polls times mean delay over all seeds: of few tasks, one seed's is too rough."""
    polls = statistics.mean(one["polls"] for one in runs)
    return polls * statistics.mean(one["late"] for one in runs)


def ratio(runs: Sequence[Figures]) -> float:
    """Return that of ours as a part of the backoff's on the same tasks."""
    return pooled(runs) / pooled([one["backoff"] for one in runs])


def polls_at(points: Sequence[tuple[float, float]], late: float) -> float | None:
    """Return the polls of a frontier, pairs of delay and polls, at a delay between its points."""
    ordered = sorted(points)
    for (low, more), (high, fewer) in itertools.pairwise(ordered):
        if low <= late <= high:
            return more + (fewer - more) * (late - low) / (high - low)
    return None


def _targets(kept: Figures) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [
        ("", "fixed 5 s", "plain backoff", "known distribution", "learning", "target", "")
    ]
    rows += _products(kept)
    rows += _polls_at_delay(kept)
    rows += _wrong(kept)
    rows += _overload(kept)
    rows += _failures(kept)
    yield from draw_list_table(rows, widths="28 12 14 14 16 10 8")


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def _verdict_of(one: Figures) -> str:
    """Return what can be said of a ratio that is to be 1.2 at most."""
    if one["ratio"] > 1.2:
        return "**missed**"
    return "met" if one["high"] <= 1.2 else "not sure"


def _products(kept: Figures) -> Iterator[tuple[str, ...]]:
    best = min(one["product"] for one in kept["optimum"])
    for progress, title, bound in (
        ("none", "Polls × mean delay, no progress", 85),
        ("mixed", "The same, with mixed progress", 60),
    ):
        cells = {
            name: select(kept["main"], policy=name, progress=progress, failing=0.0, width=1)
            for name in ("fixed", "backoff", "learning")
        }
        found = statistics.mean(one["product"] for one in cells["learning"])
        yield (
            title,
            spread(cells["fixed"], "product"),
            spread(cells["backoff"], "product"),
            f"{best:.0f}" if progress == "none" else "–",
            spread(cells["learning"], "product"),
            f"≤ {bound}",
            _verdict(found <= bound),
        )
    crowd = select(kept["main"], policy="learning", progress="none", failing=0.0, width=20)
    yield ("No progress, 20 tasks at once", "–", "–", "–", spread(crowd, "product"), "–", "")


def frontier(kept: Figures, name: str) -> list[tuple[float, float]]:
    """Return the delays and polls that a policy can be set to, means over the seeds."""
    if name == "known":
        return [(one["late"], one["polls"]) for one in kept["optimum"]]
    runs = select(kept["frontier"], policy=name)
    points = []
    for at in sorted({one["at"] for one in runs}):
        here = select(runs, at=at)
        late = statistics.mean(one["late"] for one in here)
        points.append((late, statistics.mean(one["polls"] for one in here)))
    return points


def _polls_at_delay(kept: Figures) -> Iterator[tuple[str, ...]]:
    names = ("fixed", "backoff", "known", "learning, none")
    found = [polls_at(frontier(kept, name), 2.5) for name in names]
    cells = ["–" if one is None else f"{one:.1f}" for one in found]
    ours = found[-1]
    yield (
        "Polls of a task at a mean delay of 2.5 s",
        *cells,
        "≤ 30",
        _verdict(ours is not None and ours <= 30),
    )


def worst(kept: Figures, how: str, first: int) -> Figures:
    """Return the worst pair of prior and truth."""
    return max(select(kept["wrong"], how=how, first=first), key=lambda one: one["ratio"])


def _wrong(kept: Figures) -> Iterator[tuple[str, ...]]:
    for how, title in (
        ("handed in", "Worst of 64 wrong priors, handed in"),
        ("same client", "Worst change of the world under a client"),
    ):
        for first in (10, 30):
            one = worst(kept, how, first)
            yield (
                f"{title}: first {first} tasks, × backoff",
                "–",
                "1",
                "–",
                f"{one['ratio']:.2f}, 95 % in {one['low']:.2f}–{one['high']:.2f} "
                f"({one['prior']} → {one['truth']})",
                "≤ 1.2",
                _verdict_of(one),
            )


def _overload(kept: Figures) -> Iterator[tuple[str, ...]]:
    for window in sorted({one["window"] for one in kept["overload"]}):
        cells = {
            order: select(kept["overload"], order=order, window=window)
            for order in ("random", "oldest", "known", "urgency")
        }
        ours = statistics.mean(one["late"] for one in cells["urgency"])
        latest = max(one["latest"] for one in cells["urgency"])
        yield (
            f"300 waits begun within {window} s on 5 polls/s: mean delay, s",
            f"random {spread(cells['random'], 'late', 1)}",
            f"oldest first {spread(cells['oldest'], 'late', 1)}",
            spread(cells["known"], "late", 1),
            f"{spread(cells['urgency'], 'late', 1)}, latest {latest:.0f}",
            "≤ 11.5",
            _verdict(ours <= 11.5),
        )


def _failures(kept: Figures) -> Iterator[tuple[str, ...]]:
    for progress, title in (("none", "no progress"), ("mixed", "mixed progress")):
        cells = {
            name: select(kept["main"], policy=name, progress=progress, failing=0.2, width=1)
            for name in ("fixed", "backoff", "learning")
        }
        found = statistics.mean(one["late_failures"] for one in cells["learning"])
        yield (
            f"Failures within 64 s, {title}: mean delay, s",
            spread(cells["fixed"], "late_failures", 1),
            spread(cells["backoff"], "late_failures", 1),
            "–",
            spread(cells["learning"], "late_failures", 1),
            "≤ 8",
            _verdict(found <= 8),
        )


def _families(kept: Figures) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [
        ("Lengths", "backoff", "learning", "with steady progress", "first 30, × backoff")
    ]
    runs = kept["families"]
    for family in dict.fromkeys(one["family"] for one in runs if "family" in one):
        here = functools.partial(select, select(runs, family=family))
        early = [here(policy=name, progress="none", first=30) for name in ("learning", "backoff")]
        rows.append(
            (
                family,
                spread(here(policy="backoff", progress="none", first=None), "product"),
                spread(here(policy="learning", progress="none", first=None), "product"),
                spread(here(policy="learning", progress="steady", first=None), "product"),
                f"{pooled(early[0]) / pooled(early[1]):.2f}",
            )
        )
    yield from draw_list_table(rows, widths="24 20 20 20 16")
    yield ""
    rows = [("The durations change in mid-run", "tasks 1–10", "tasks 11–30", "tasks 31–100")]
    for factor in (2.0, 0.5):
        cells = []
        for start in (0, 10, 30):
            both = [
                select(kept["shifts"], shift=factor, policy=name, start=start)
                for name in ("learning", "backoff")
            ]
            cells.append(f"{pooled(both[0]) / pooled(both[1]):.2f} × backoff")
        rows.append((f"to {factor:g} times", *cells))
    yield from draw_list_table(rows, widths="40 20 20 20")


def _trajectories(kept: Figures) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [
        ("Progress", "polls", "mean delay, s", "product", "first 10 after honest progress")
    ]
    runs = kept["trajectories"]
    for name in dict.fromkeys(one["progress"] for one in runs):
        here = select(runs, progress=name, after=None)
        lied = select(runs, progress=name, after="steady", first=10)
        rows.append(
            (
                name,
                spread(here, "polls", 1),
                spread(here, "late", 2),
                spread(here, "product"),
                f"{ratio(lied):.2f} × backoff" if lied else "",
            )
        )
    yield from draw_list_table(rows, widths="24 18 18 18 22")
