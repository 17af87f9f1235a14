"""The tables of the page: all contestants side by side, and figures of this package alone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

from .contestants import NAMES
from .figures import Results, draw_list_table, find_settings, first_failure, median, select
from .starts import MODULES
from .targets import judge_all

_NOTHING = "—"
_QUIET = 5.0
"""Percent of the time that a client may have waited for its core: more shows in its lag."""


def write_table(results: Results, path: Path) -> None:
    """Write what the page includes."""
    settings = find_settings(results)
    lines = ["Nothing has been measured yet."]
    if settings:
        lines = [
            *_draw_contestants(results, settings),
            *_tell_failures(results),
            "",
            *_tell_machine(results, settings),
            *("This package alone", "------------------", ""),
            *_draw_figures(results),
        ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _tell_machine(results: Results, settings: dict[str, Any]) -> Iterator[str]:
    if settings["is_quick"]:
        yield "**A quick run, which shows that the benchmarks work, and not what anything costs.**"
    machine = next(iter(results.values()))["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    repeat = settings["repeat"]
    yield f"Medians of {repeat}." if repeat > 1 else "Each was run once."
    yield f"{machine['python']}, {machine['system']}, {machine['cores']} cores; {packages}."
    every_run = [run for row in results for run in select(results, row)]
    waited = max((run.get("waited") or 0.0 for run in every_run), default=0.0) * 100
    if waited > _QUIET:
        yield f"**The machine was not quiet: clients waited up to {waited:.0f} % of the time for**"
        yield "**their core, so lags, intervals and delays are not theirs alone.**"
    runs = [run for run in select(results, "rate") if run.get("polls")]
    if runs:
        share = max(run["server_share"] for run in runs) * 100
        cost = min(run["server_share"] * run["wall"] / run["polls"] for run in runs) * 1e6
        yield f"The server took {cost:.0f} µs of CPU a poll, and at most {share:.0f} % of a core."
    yield ""


def _draw_figures(results: Results) -> Iterator[str]:
    rows = [("What", "Result")]
    for one in judge_all(results):
        _, times, other = one.bound.partition(" × ")
        rows.append((one.what, (one.found or _NOTHING).replace(" ×", f"{times}{other}")))
    yield from draw_list_table(rows, widths="60 40")


@attrs.frozen
class Line:
    """One line of the first table: the figure of a row of runs, and how it is shown."""

    title: str
    row: str
    key: str
    show: Callable[[float], str]


def _make_lines(settings: dict[str, Any]) -> list[Line]:
    crowd = f"{settings['crowd']:,} waits"
    limit = f"{settings['finish_limit']:.0f} s"

    def micro(found: float) -> str:
        return f"{found * 1e6:,.0f}"

    def milli(found: float) -> str:
        return f"{found * 1e3:,.1f}" if found < 0.01 else f"{found * 1e3:,.0f}"

    return [
        Line(f"CPU of a poll, {settings['loops']} in flight, µs", "rate", "cpu", micro),
        Line(f"CPU of a poll in {crowd}, µs", "crowd", "cpu", micro),
        Line(f"Memory of a wait, of {crowd}, kB", "crowd", "memory", lambda x: f"{x / 1e3:.1f}"),
        Line("Lag of the loop, median, ms", "crowd", "lag_p50", milli),
        Line("Lag of the loop, 99 %, ms", "crowd", "lag_p99", milli),
        Line("Lag of the loop, most, ms", "crowd", "lag_max", milli),
        Line("Time in lags above 20 ms, %", "crowd", "stalled", lambda x: f"{x * 100:.1f}"),
        Line("Mean interval, asked 2.0 s, s", "crowd", "interval", lambda x: f"{x:.2f}"),
        Line("From video to known, mean, s", "crowd", "delay", lambda x: f"{x:.2f}"),
        Line(f"Of {crowd}, ended within {limit}", "finish", "finished", lambda x: f"{x:,.0f}"),
        Line("Polls of 50 waits for one task", "shared", "polls", lambda x: f"{x:.0f}"),
    ]


_WANTED: dict[str, dict[str, object]] = {
    "rate": {"by": "poll"},
    "crowd": {"frozen": False},
    "shared": {"waits": 50},
}
"""Which runs of a row the first table shows, where it has several kinds."""


def _draw_contestants(results: Results, settings: dict[str, Any]) -> Iterator[str]:
    rows = [("", *NAMES.values())]
    for line in _make_lines(settings):
        wanted = _WANTED.get(line.row, {})
        cells = [
            _cell(line, select(results, line.row, contestant=name, **wanted)) for name in NAMES
        ]
        rows.append((line.title, *cells))
    imports = [
        median(select(results, "starts", what=MODULES[name]), "seconds")
        if name in MODULES
        else None
        for name in NAMES
    ]
    cells = [_NOTHING if found is None else f"{found * 1e3:.0f}" for found in imports]
    rows.append(("Import, ms (tuned by hand: aiohttp alone)", *cells))
    yield from draw_list_table(rows, widths="30 " + " ".join(["10"] * len(NAMES)))


def _cell(line: Line, runs: list[dict[str, Any]]) -> str:
    found = median(runs, line.key)
    return _NOTHING if found is None else line.show(found)


def _tell_failures(results: Results) -> Iterator[str]:
    """Yield what the runs that went wrong say of it, in the words of the error."""
    for row in results:
        runs = select(results, row)
        for name in dict.fromkeys(run.get("contestant", run.get("what")) for run in runs):
            failed = [run for run in runs if name in (run.get("contestant"), run.get("what"))]
            reason = first_failure(failed)
            if reason is not None:
                title = NAMES.get(str(name), name)
                polls = median(failed, "polls")
                seen = "" if polls is None else f", after {polls:,.0f} polls"
                yield from ("", f"{title}, {row}: ``{reason.strip()}``{seen}.")
