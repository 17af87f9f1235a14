"""The picture of many tasks at one moment: a row for each, and a line that sums up."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ... import DownloadEvent, ProgressEvent
from .format import clean, count, find_phase, note, shorten, tell_part, tell_seconds, tell_size
from .pace import TransferRate
from .picture import STYLES as COLOURS
from .renderer import RowEvent, RowOutcome, RowStage
from .totals import Totals

STYLES: Final = {
    **COLOURS,
    "uncertain": "red",
    "timeout": "yellow",
    "interrupted": "yellow",
}
"""The colours of phases and outcomes."""


@dataclass
class BoardRow:
    """What is known of one task."""

    started: float = 0.0
    stage: RowStage = "waiting"
    event: ProgressEvent | None = None
    pace: TransferRate = field(default_factory=TransferRate)
    outcome: RowOutcome | None = None

    @property
    def word(self) -> str:
        """What is to be read in the column of the phase."""
        if self.outcome is not None:
            return self.outcome.shown
        if self.stage == "waiting":
            return find_phase(self.event) or ""
        return "creating" if self.stage == "creating" else "download"

    @property
    def part(self) -> float | None:
        """What the bar shows."""
        file = self.pace.event
        if self.outcome is not None and self.outcome.file is not None:
            return 1.0
        if file is not None:
            return file.received / file.total if file.total else None
        return self.event.progress if self.event else None

    def note(self, elapsed: float) -> list[str]:
        """Return what else there is to say, from the longest to the shortest way to say it."""
        outcome = self.outcome
        if outcome is None:
            if self.stage == "downloading":
                return self.pace.tell(now=elapsed)
            return [note(self.event) if self.event else ""]
        if outcome.error is not None:
            return [outcome.reason]
        polls = count(outcome.polls, "poll")
        if outcome.file is None:
            return [polls]
        size = tell_size(outcome.file.size)
        if outcome.file.task is None:
            return [f"{size}, already there", "already there"]
        return [f"{size}, {polls}", size] if outcome.polls else [size]


class Board:
    """
    What is known of many tasks, and how it looks.

    Args:
        names: Of those that have a row from the start, in the order of their rows.
        total: How many there will be in all; None: no more than those.
        is_bare: Whether the names are not shown, as nobody needs the name of a single one.
    """

    def __init__(
        self, names: Iterable[str] = (), *, total: int | None = None, is_bare: bool = False
    ) -> None:
        self._rows = {name: BoardRow() for name in names}
        self._ended: dict[str, None] = {}
        self._tally = Totals(len(self._rows) if total is None else total, self._rows)
        self._has_all = total is None
        self._is_bare = is_bare
        self._is_last = False

    def begin(self, name: str, stage: RowStage, *, elapsed: float) -> None:
        """Take note that something begins with a task."""
        self._tally.begin(name, stage)
        self._rows.setdefault(name, BoardRow(started=elapsed)).stage = stage

    def event(self, name: str, event: RowEvent, *, elapsed: float) -> None:
        """Take note of an event."""
        self._tally.event(name, event)
        row = self._rows[name]
        if isinstance(event, DownloadEvent):
            row.stage = "downloading"
            row.pace.take(event, now=elapsed)
        else:
            row.event = event

    def settle(self, outcome: RowOutcome) -> None:
        """Take note of the end of a task."""
        self._tally.settle(outcome)
        row = self._rows.setdefault(outcome.name, BoardRow())
        row.event, row.outcome = outcome.last, outcome
        self._ended[outcome.name] = None

    def close(self) -> None:
        """Take note that the next picture is the last one, whether all have ended or not."""
        self._is_last = True
        self._tally.close()

    def draw(self, *, elapsed: float, width: int, height: int) -> RenderableType:
        """
        Return the picture.

        Args:
            elapsed: Seconds since all began.
            width: The columns of the terminal.
            height: Its lines; rows that do not fit are left out until all is over.
        """
        summary = ", ".join(self._tally.sum_up(elapsed=elapsed))
        lines = -(-(len(summary) + len(", 1000 not shown")) // width)
        room = max(1, height - 1 - lines)
        names = self._choose(room)
        longest = min(max(map(len, names), default=0), max(12, width - 64))
        grid = _make_grid(is_bare=self._is_bare)
        for name in names:
            cells = self._make_row(self._rows[name], elapsed)
            head = () if self._is_bare else (Text(_tidy(name, longest)),)
            grid.add_row(*head, *cells)
        if self._has_all and len(self._rows) == 1:
            grid.width = width - len("^C")  # which a terminal writes there, and not in a new line
            return grid
        hidden = len(self._rows) - len(names)
        return Group(grid, Text(summary + (f", {hidden} not shown" * bool(hidden)), style="dim"))

    def _choose(self, room: int) -> Sequence[str]:
        """Return the rows to draw: those that have ended make room for those that go on."""
        names = list(self._rows)
        if len(names) <= room or (self._has_all and (self._is_last or self._tally.is_over)):
            return names
        if self._is_last:
            ended = (self._rows[name].outcome for name in self._ended)
            return [one.name for one in ended if one and one.error and not one.goes_on][:room]
        going = (name for name in names if name not in self._ended)
        return list(itertools.islice(itertools.chain(going, reversed(self._ended)), room))

    def _make_row(self, row: BoardRow, elapsed: float) -> list[RenderableType]:
        """Return the cells behind the name."""
        word, part = row.word, row.part
        style = STYLES.get(word, "")
        bar = ProgressBar(
            total=1.0,
            completed=part or 0.0,
            pulse=part is None and word in ("creating", "running", "download"),
            animation_time=elapsed,
            complete_style=style or "default",
            finished_style=style or "default",
            pulse_style=style or "default",
        )
        seconds = row.outcome.elapsed if row.outcome else elapsed - row.started
        return [
            Text(word, style=style),
            bar,
            Text(tell_part(part)),
            Text(tell_seconds(seconds), style="dim"),
            Fitting(row.note(elapsed), _style_note(row)),
        ]


def _tidy(name: str, width: int) -> str:
    """Return a name for its column; the spaces before the number of a line stay."""
    text = clean(name)
    return shorten(text.rjust(len(text) + len(name) - len(name.lstrip(" "))), width)


def _style_note(row: BoardRow) -> str:
    if row.outcome is not None:
        return STYLES[row.outcome.word] if row.outcome.error is not None else "dim"
    file = row.pace.event
    return "dim" if row.stage == "downloading" and not (file and file.last_error) else "yellow"


class Fitting:
    """
    The first of some texts that has room; the last one is cut.

    Args:
        texts: From the longest to the shortest.
        style: Their colour.
    """

    def __init__(self, texts: Sequence[str], style: str) -> None:
        self._texts = texts
        self._style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the one that fits."""
        fits = (text for text in self._texts if Text(text).cell_len <= options.max_width)
        text = next(fits, self._texts[-1])
        yield Text(text, style=self._style, no_wrap=True, overflow="ellipsis")


def _make_grid(*, is_bare: bool) -> Table:
    """Return a table whose bars and notes share what the other columns leave."""
    grid = Table.grid(padding=(0, 2), expand=True)
    if not is_bare:
        grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, min_width=9)
    grid.add_column(ratio=2 if is_bare else 4)
    grid.add_column(no_wrap=True, min_width=4, justify="right")
    grid.add_column(no_wrap=True, min_width=7, justify="right")
    grid.add_column(no_wrap=True, ratio=5, overflow="ellipsis")
    return grid
