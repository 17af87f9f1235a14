"""From runs to figures: medians over repetitions, and ratios of runs that were neighbours."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .processes import Figures

Results = Mapping[str, Figures]
"""What was kept of each row: ``runs``, ``settings`` and ``machine``."""


def select(results: Results, row: str, **wanted: object) -> list[Figures]:
    """Return the runs of a row that have such values; none when the row was not run."""
    runs: Iterable[Figures] = results.get(row, {}).get("runs", ())
    return [run for run in runs if all(run.get(key) == value for key, value in wanted.items())]


def median(runs: Iterable[Figures], key: str) -> float | None:
    """Return the median of what was found; None when nothing was."""
    found = [run[key] for run in runs if run.get(key) is not None]
    return statistics.median(found) if found else None


def median_ratio(ours: Iterable[Figures], others: Iterable[Figures], key: str) -> float | None:
    """Return the median of the ratios within each repetition; None when there is no pair."""
    by_repetition = {run["repetition"]: run.get(key) for run in others}
    found = [
        run[key] / other
        for run in ours
        if run.get(key) is not None and (other := by_repetition.get(run["repetition"]))
    ]
    return statistics.median(found) if found else None


def first_failure(runs: Iterable[Figures]) -> str | None:
    """Return why a run found less than it should have; None when all went well."""
    return next((run["failure"] for run in runs if "failure" in run), None)


def find_settings(results: Results) -> dict[str, Any]:
    """Return the settings of the crowd or of any row, and whether any row was a quick one."""
    rows = list(results.values())
    if not rows:
        return {}
    settings: dict[str, Any] = results.get("crowd", rows[0])["settings"]
    return settings | {"is_quick": any(row["settings"]["is_quick"] for row in rows)}


def draw_list_table(rows: Sequence[Sequence[str]], *, widths: str) -> Iterator[str]:
    """Yield the lines of a table as RST; the first row is its head."""
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    for first, *others in rows:
        yield f"   * - {first}".rstrip()
        yield from (f"     - {cell}".rstrip() for cell in others)
