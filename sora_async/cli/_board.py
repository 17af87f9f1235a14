"""The picture of many waits at one moment: a row for each, and a line that sums up."""

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .. import ProgressEvent
from ._follow import Outcome
from ._texts import clean, find_phase, note, shorten, tell_part, tell_seconds

STYLES: Final = {
    "queued": "dim",
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "error": "red",
    "timeout": "yellow",
    "interrupted": "yellow",
}
"""The colours of phases and outcomes."""


class Board:
    """
    What is known of many waits, and how it looks.

    Attributes:
        outcomes: Those of the waits that have ended.
    """

    def __init__(self, task_ids: Iterable[str]) -> None:
        self._events: dict[str, ProgressEvent | None] = dict.fromkeys(task_ids)
        self.outcomes: dict[str, Outcome] = {}

    def event(self, event: ProgressEvent) -> None:
        """Take note of an event."""
        self._events[event.task.id] = event

    def settle(self, outcome: Outcome) -> None:
        """Take note of the end of a wait."""
        self._events[outcome.task_id] = outcome.last
        self.outcomes[outcome.task_id] = outcome

    def draw(self, *, elapsed: float, width: int, height: int) -> RenderableType:
        """
        Return the picture.

        Args:
            elapsed: Seconds since the waits began.
            width: The columns of the terminal.
            height: Its lines; rows that do not fit are left out until all is over.
        """
        room = max(1, height - 2)
        names = list(self._events)
        if len(names) > room and len(self.outcomes) < len(names):
            # Those that have ended make room for those that go on.
            names = sorted(names, key=self.outcomes.__contains__)[:room]
        longest = min(max(map(len, names)), max(12, width - 64))
        grid = _make_grid()
        for name in names:
            grid.add_row(Text(shorten(clean(name), longest)), *self._make_row(name, elapsed))
        if len(self._events) == 1:
            return grid
        return Group(grid, self._sum_up(hidden=len(self._events) - len(names)))

    def _make_row(self, name: str, elapsed: float) -> list[RenderableType]:
        """Return the cells behind the id."""
        event, outcome = self._events[name], self.outcomes.get(name)
        word = outcome.word if outcome else find_phase(event) or ""
        style = STYLES.get(word, "")
        progress = event.progress if event else None
        bar = ProgressBar(
            total=1.0,
            completed=progress or 0.0,
            pulse=progress is None and word == "running",
            animation_time=elapsed,
            complete_style=style or "default",
            finished_style=style or "default",
            pulse_style=style or "default",
        )
        return [
            Text(word, style=style),
            bar,
            Text(tell_part(progress)),
            Text(tell_seconds(outcome.elapsed if outcome else elapsed), style="dim"),
            _make_note(event, outcome),
        ]

    def _sum_up(self, *, hidden: int) -> Text:
        words = [outcome.word for outcome in self.outcomes.values()]
        parts = [f"{len(words)} of {len(self._events)} settled"]
        parts += [f"{words.count(word)} {word}" for word in STYLES if word in words]
        parts += [f"{hidden} not shown"] if hidden else []
        return Text(", ".join(parts), style="dim")


def _make_grid() -> Table:
    """Return a table whose bars and notes share what the other columns leave."""
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, min_width=9)
    grid.add_column(ratio=4)
    grid.add_column(no_wrap=True, min_width=4, justify="right")
    grid.add_column(no_wrap=True, min_width=7, justify="right")
    grid.add_column(no_wrap=True, ratio=5, overflow="ellipsis")
    return grid


def _make_note(event: ProgressEvent | None, outcome: Outcome | None) -> Text:
    if outcome is None:
        return Text(note(event) if event else "", style="yellow")
    if outcome.error is None:
        polls = "1 poll" if outcome.polls == 1 else f"{outcome.polls} polls"
        return Text(polls, style="dim")
    return Text(outcome.reason, style=STYLES[outcome.word])
