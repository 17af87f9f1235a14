"""The table of tasks: a row each, and a line of totals below."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .format import clean, format_percent, format_seconds, measure, shorten, truncate
from .rows import TaskRow, TaskRows
from .states import STATES


def draw_table(
    rows: TaskRows, *, now: float, width: int, height: int, hide_names: bool = False
) -> RenderableType:
    """
    Return the table.

    Args:
        rows: What it shows.
        now: The time on the loop's clock.
        width: The columns of the terminal.
        height: Its lines; rows that do not fit are left out while tasks go on.
        hide_names: Whether rows have no name, as nobody needs it for a single one.
    """
    totals = [*rows.summarize(now=now), format_seconds(now - rows.started_at)]
    lines_of_totals = -(-(len(", ".join(totals)) + len(", 1000 not shown")) // width)
    shown = rows.choose(max(1, height - 1 - lines_of_totals))
    names = [_align(row.name) for row in shown]
    name_width = min(max(map(measure, names), default=0), max(12, width - 64))
    grid = _make_grid(hide_names=hide_names)
    for row, name in zip(shown, names, strict=True):
        # An id has no spaces; a line number with a prompt has.
        cut = truncate if " " in name else shorten
        head = () if hide_names else (Text(cut(name, name_width)),)
        grid.add_row(*head, *_make_cells(row, now))
    if rows.is_single:
        grid.width = width - len("^C")  # a terminal writes that on the same line
        return grid
    hidden = rows.count_hidden(len(shown))
    if hidden:
        totals.insert(-1, f"{hidden} not shown")
    return Group(grid, Text(", ".join(totals), style="dim"))


def _align(name: str) -> str:
    """Return a name with the spaces before a line number, which align it."""
    text = clean(name)
    return " " * (len(name) - len(name.lstrip(" "))) + text


def _make_grid(*, hide_names: bool) -> Table:
    """Return a table whose bars and notes share what the other columns leave."""
    grid = Table.grid(padding=(0, 2), expand=True)
    if not hide_names:
        grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, min_width=11)
    grid.add_column(ratio=2)
    grid.add_column(no_wrap=True, min_width=4, justify="right")
    grid.add_column(no_wrap=True, min_width=7, justify="right")
    grid.add_column(no_wrap=True, ratio=5 if hide_names else 3, overflow="ellipsis")
    return grid


def _make_cells(row: TaskRow, now: float) -> list[RenderableType]:
    """Return the cells behind the name."""
    state, progress, style = row.state, row.progress, STATES[row.state]
    bar = ProgressBar(
        total=1.0,
        completed=progress or 0.0,
        pulse=progress is None and state in ("creating", "running", "downloading"),
        animation_time=row.elapsed(now),
        complete_style=style,
        finished_style=style,
        pulse_style=style,
    )
    return [
        Text(state, style=style),
        bar,
        Text(format_percent(progress)),
        Text(format_seconds(row.elapsed(now)), style="dim"),
        FirstThatFits(row.describe(now), _choose_style(row)),
    ]


def _choose_style(row: TaskRow) -> str:
    """Return the colour of a note: dim unless it is about trouble."""
    if row.result is not None:
        return "dim" if row.result.error is None else STATES[row.state]
    error = row.transfer.event.last_error if row.transfer else row.event and row.event.last_error
    return "yellow" if error else "dim"


class FirstThatFits:
    """The first of some texts, from the longest on, that fits its column; the last is cut."""

    def __init__(self, texts: Sequence[str], style: str) -> None:
        self._texts = texts
        self._style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fits = (text for text in self._texts if Text(text).cell_len <= options.max_width)
        text = next(fits, self._texts[-1])
        yield Text(text, style=self._style, no_wrap=True, overflow="ellipsis")
