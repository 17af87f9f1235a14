"""The pictures of the page. The same results make the same files, byte for byte."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from .contestants import NAMES, OWN
from .figures import Results, find_settings, first_failure, median, select

# Nothing is painted behind a picture: these can be read on white and on black.
_INK = "#7a7a7a"
_COLOURS = {"ours": "#1f83d6", "hand": "#e07b1a", "floor": "#2f9e5b"}
_MARKS = {"ours": "o", "hand": "s", "floor": "^"}
_BAD = "#d6453d"
_STYLE = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.5,
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.alpha": 0.3,
    "grid.color": _INK,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "sora_async",
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
_POINT = 1 / 72
_WIDTH = 525 * _POINT
"""700 pixels of a page, in inches."""


def draw_all(results: Results, folder: Path) -> None:
    """Draw each picture whose rows were run."""
    pictures: dict[str, tuple[str, Callable[[Results], Figure]]] = {
        "performance-scale.svg": ("scale", _draw_scale),
        "performance-limit.svg": ("limit", _draw_limit),
        "performance-herd.svg": ("herd", _draw_herd),
    }
    with mpl.rc_context(cast(Any, _STYLE)):
        for name, (row, draw) in pictures.items():
            if row not in results:
                continue
            # A crowd that failed is a point that is missing; the others have one run for all.
            if row == "scale" or not first_failure(select(results, row)):
                _save(draw(results), folder / name)


def _save(figure: Figure, path: Path) -> None:
    """Write a picture, without what tells when and by which version it was made."""
    figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
    # A hundredth of a point is enough, and halves the file.
    text = re.sub(r"(\.\d\d)\d+", r"\1", path.read_text("utf-8"))
    path.write_text("".join(f"{line.rstrip()}\n" for line in text.splitlines()), "utf-8")


def _draw_scale(results: Results) -> Figure:
    figure = Figure(figsize=(_WIDTH, 470 * _POINT), layout="constrained")
    panels: tuple[tuple[str, str, float], ...] = (
        ("CPU of a poll, µs", "cpu", 1e6),
        ("CPU of all polls, % of a core", "share", 100.0),
        ("Memory of a wait, kB", "memory", 1e-3),
        ("Lag of the loop, 99 %, ms", "lag_p99", 1e3),
        ("From video to known, mean, s", "delay", 1.0),
    )
    axes: list[Axes] = list(figure.subplots(3, 2).flat)
    for panel, (title, key, scale) in zip(axes, panels, strict=False):
        for name in OWN:
            _draw_line(panel, results, name, key, scale)
        panel.set_title(title)
        _scale(panel, is_wide=key in {"lag_p99", "delay"})
    for panel in axes[3:5]:
        panel.set_xlabel("waits")
    axes[5].axis("off")
    _explain(axes[5], results)
    return figure


def _scale(panel: Axes, *, is_wide: bool) -> None:
    """Make both axes such that each of their few numbers can be read as it stands."""
    panel.set_xscale("log")
    panel.set_xlim(70, 140_000)
    if is_wide:
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    else:
        panel.set_ylim(bottom=0)
    plain = FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1000 else f"{value:g}")
    panel.xaxis.set_major_formatter(plain)
    panel.yaxis.set_major_formatter(plain)
    panel.minorticks_off()
    panel.grid(visible=True)


def _draw_line(panel: Axes, results: Results, name: str, key: str, scale: float) -> None:
    """Draw one contestant: a line through the crowds at one interval, and what is apart from it."""
    runs = select(results, "scale", contestant=name)
    runs += select(results, "crowd", contestant=name, frozen=False)
    for rate in sorted({run.get("rate") for run in runs}, key=str, reverse=True):
        found: list[tuple[int, Any]] = []
        for count in sorted({run["count"] for run in runs if run.get("rate") == rate}):
            here = [run for run in runs if run["count"] == count and run.get("rate") == rate]
            value = median(here, key)
            if value is not None:
                found.append((count, value * scale))
        if found:
            look: dict[str, Any] = {"color": _COLOURS[name], "marker": _MARKS[name], "linewidth": 2}
            if rate is not None:
                look |= {"fillstyle": "none", "markersize": 9}
            label = NAMES[name] if rate is None else f"{NAMES[name]}, {rate:.0f} polls a second"
            panel.plot(*zip(*found, strict=True), label=label, **look)


def _explain(panel: Axes, results: Results) -> None:
    """Put the legend where no panel is."""
    source = panel.figure.axes[0]
    handles, labels = source.get_legend_handles_labels()
    panel.legend(handles, labels, loc="center left", fontsize=9.5)
    interval = find_settings(results)["interval"]
    note = f"Each wait is polled every {interval:g} s,\nunless the legend says otherwise."
    panel.text(0.03, 0.1, note, transform=panel.transAxes)


def _draw_limit(results: Results) -> Figure:
    runs = select(results, "limit")
    figure = Figure(figsize=(_WIDTH, 330 * _POINT), layout="constrained")
    panels: Any = figure.subplots(len(runs), 1, sharex=True, squeeze=False)[:, 0]
    for panel, run in zip(panels, runs, strict=True):
        sent = [sum(both) for both in zip(run["answered"], run["refused"], strict=True)]
        panel.stairs(sent, fill=True, color=_BAD, label="answered 429")
        panel.stairs(run["answered"], fill=True, color=_COLOURS["ours"], label="answered")
        panel.axhline(10, color=_INK, linestyle="--", linewidth=1)
        hint = "no hint" if run["hint"] is None else f"Retry-After: {run['hint']}"
        panel.set_title(
            f"{hint}: {run['refused_share'] * 100:.1f} % refused after the first minute"
        )
        panel.set_ylabel("polls in a second")
        panel.set_xlim(0, len(run["answered"]))
    panels[0].legend(loc="upper right", ncols=2)
    panels[-1].set_xlabel("seconds")
    return figure


def _draw_herd(results: Results) -> Figure:
    run = select(results, "herd")[0]
    figure = Figure(figsize=(_WIDTH, 190 * _POINT), layout="constrained")
    panel = figure.subplots()
    edges = [number / 10 for number in range(len(run["bins"]) + 1)]
    first = int(run["first_round"] * 10) + 1
    for colour, bins in (("hand", slice(0, first)), ("ours", slice(first, None))):
        counts = run["bins"][bins]
        start = bins.start
        panel.stairs(
            counts, edges[start : start + len(counts) + 1], fill=True, color=_COLOURS[colour]
        )
    panel.axhline(25, color=_INK, linestyle="--", linewidth=1)
    panel.set_title("Polls in each tenth of a second; the first round has another colour")
    panel.set_xlabel("seconds")
    panel.set_xlim(0, edges[-1])
    return figure
