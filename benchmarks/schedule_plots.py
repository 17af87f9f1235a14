"""The pictures of the page on the schedule. The same results make the same files."""

import json
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sora_async.schedule import LearningSchedule, Schedule
from sora_async.schedule.learning.duration_history import DurationHistory
from sora_async.schedule.learning.histogram import EDGES, WIDTHS
from sora_async.schedule.learning.observations import CensoredDuration

from .durations import DURATIONS, SMOOTHING, draw, make_tasks, steady
from .lists import RESULTS as LISTS
from .plots import _COLOURS, _INK, _POINT, _STYLE, _WIDTH, _save
from .processes import Figures
from .schedule_table import frontier, select
from .simulator import KINDS, PARTS, run
from .webhooks import RESULTS as WEBHOOKS

_LEARNED = "#7a5bd0"
_HINTS = "#b8473a"


def draw_all(kept: Figures, folder: Path) -> None:
    """Draw each picture."""
    pictures: dict[str, Callable[[Figures], Figure]] = {
        "schedule-frontier.svg": _draw_frontier,
        "schedule-life.svg": _draw_life,
        "schedule-hazard.svg": _draw_hazard,
        "schedule-calibration.svg": _draw_calibration,
    }
    with mpl.rc_context(cast(Any, _STYLE)):
        for name, make in pictures.items():
            _save(make(kept), folder / name)


def _draw_frontier(kept: Figures) -> Figure:
    figure = Figure(figsize=(_WIDTH, 300 * _POINT), layout="constrained")
    panel: Axes = figure.subplots()
    lines = (
        ("fixed", "fixed intervals", _COLOURS["hand"], "s"),
        ("backoff", "backoff", _INK, "^"),
        ("learning, none", "learning, no progress", _COLOURS["ours"], "o"),
        ("learning, mixed", "learning, mixed progress", _LEARNED, "o"),
        ("known", "best for a known distribution", _COLOURS["floor"], "D"),
    )
    for name, label, colour, mark in lines:
        points = sorted(frontier(kept, name))
        panel.plot(*zip(*points, strict=True), label=label, color=colour, marker=mark)
    for label, late, polls, mark in _read_hints():
        panel.plot([late], [polls], label=label, color=_HINTS, marker=mark, linestyle="none")
    panel.set_xlabel("mean delay, s")
    panel.set_ylabel("requests of a task")
    panel.set_xlim(0, 5)
    panel.set_ylim(0, 140)
    panel.grid(visible=True)
    panel.legend(loc="upper right", framealpha=1.0, ncols=2, fontsize="small")
    return figure


def _read_hints() -> Iterator[tuple[str, float, float, str]]:
    """Yield name, mean delay, requests of a task and mark of what needs no schedule."""
    webhooks = {one["name"]: one for one in json.loads(WEBHOOKS.read_text("utf-8"))}
    one = webhooks["webhooks, none lost"]
    yield "webhooks, none lost", one["late"], one["polls"], "*"
    marks = iter("PX+")
    for one in json.loads(LISTS.read_text("utf-8")):
        if one["list"] and one["dialect"] == "vllm":
            name = f"list, {one['waits']:,} waits on {one['rate']:.0f}/s"
            yield name, one["late"], one["requests"], next(marks)


def _draw_life(_: Figures) -> Figure:
    figure = Figure(figsize=(_WIDTH, 190 * _POINT), layout="constrained")
    panel: Axes = figure.subplots()
    rows = (
        ("backoff", Schedule(), None, _INK),
        ("learning, no progress", LearningSchedule(), None, _COLOURS["ours"]),
        ("learning, steady progress", LearningSchedule(), steady, _LEARNED),
    )
    for number, (_name, policy, trajectory, colour) in enumerate(rows):
        duration_history = DurationHistory()
        run(
            policy,
            make_tasks(draw, count=60, seed=5, trajectory=trajectory),
            seed=5,
            duration_history=duration_history,
        )
        one = make_tasks(lambda chance: 266.0, count=1, seed=9, trajectory=trajectory)
        way = run(policy, one, seed=2, duration_history=duration_history)[0]
        panel.vlines(way.moments, 2.6 - number, 3.1 - number, color=colour, linewidth=1.2)
        panel.text(305, 2.75 - number, f"{way.polls} polls,\n{way.late:.1f} s late", color=colour)
    panel.axvline(266, color=_COLOURS["hand"], linestyle="--", linewidth=1)
    panel.set_yticks([2.85, 1.85, 0.85], [name for name, *_ in rows])
    panel.set_xlim(-3, 375)
    panel.set_xlabel("age of the task, s; the broken line is its end")
    return figure


def _draw_hazard(_: Figures) -> Figure:
    figure = Figure(figsize=(_WIDTH, 280 * _POINT), layout="constrained")
    panel: Axes = figure.subplots()
    duration_history, chance = DurationHistory(), random.Random(4)
    shades = {10: 0.35, 30: 0.6, 100: 1.0}
    for count in range(1, 101):
        length = draw(chance)
        duration_history.learn(
            KINDS, CensoredDuration(result="video", after=length - 2, before=length + 2)
        )
        if count in shades:
            fresh = duration_history.records[()].forecast(None)
            hazard = [
                mass / width / max(left - mass / 2, 1e-9)
                for mass, width, left in zip(
                    fresh.ends.masses, WIDTHS, fresh.ends.outlasts, strict=True
                )
            ]
            label = f"after {count} tasks"
            panel.plot(EDGES[:-1], hazard, color=_COLOURS["ours"], alpha=shades[count], label=label)
    moments = list(range(5, 420))
    panel.plot(moments, [_true_hazard(at) for at in moments], color=_INK, label="true", lw=1)
    panel.set_xlim(0, 420)
    panel.set_ylim(0, 0.06)
    panel.set_xlabel("age of the task, s")
    panel.set_ylabel("hazard: ends a second, of what goes on")
    panel.legend()
    return figure


def _true_hazard(age: float) -> float:
    density = left = 0.0
    for middle in DURATIONS:
        away = math.log(age / middle) / SMOOTHING
        density += math.exp(-away * away / 2) / math.sqrt(2 * math.pi) / SMOOTHING / age
        left += math.erfc(away / math.sqrt(2)) / 2
    return density / max(left, 1e-9)


def _draw_calibration(kept: Figures) -> Figure:
    figure = Figure(figsize=(_WIDTH, 260 * _POINT), layout="constrained")
    panels: Any = figure.subplots(1, 2, sharey=True)
    for panel, progress in zip(panels, ("none", "mixed"), strict=True):
        panel.plot([0, 1], [0, 1], color=_INK, linewidth=1, linestyle="--")
        runs = select(kept["main"], policy="learning", progress=progress, failing=0.0, width=1)
        for poll, shade in (("1", 0.35), ("4", 0.55), ("8", 0.8), ("14", 1.0)):
            told = sum(one["told"].get(poll, 0) for one in runs)
            if not told:
                continue
            held = [sum(one["held"].get(poll, [0] * 9)[at] for one in runs) for at in range(9)]
            shares = [one / told for one in held]
            label = f"poll {poll}"
            look = {"color": _COLOURS["ours"], "alpha": shade, "marker": "o", "markersize": 3}
            panel.plot(PARTS, shares, label=label, **look)
        panel.set_title(f"{progress} progress" if progress != "none" else "no progress")
        panel.set_xlabel("told: done by then")
        panel.grid(visible=True)
    panels[0].set_ylabel("came true")
    panels[0].legend()
    return figure
