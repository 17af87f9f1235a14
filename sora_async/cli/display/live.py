"""The table of tasks, drawn again and again: on a terminal, or in a notebook's cell."""

import asyncio
import contextlib
import importlib
import io
import sys
from typing import Any, Final, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from .clock import read_clock
from .reporter import Reporter
from .rows import TaskRows
from .states import Stage, TaskResult, TaskUpdate
from .table import draw_table

MIN_INTERVAL: Final = 0.1
"""Seconds between two drawings at least: nobody reads faster."""

PAGE: Final = (
    "<pre style=\"white-space:pre;line-height:normal;font-family:Menlo,'DejaVu Sans Mono',"
    'monospace">{code}</pre>'
)

_OUTPUT_ERRORS = (OSError, ValueError)
"""
What a terminal that is gone, a closed file or an encoding without a character raises: no reason to
end a wait.
"""


class Canvas:
    """Draws nothing; subclasses are the places where the table is drawn."""

    def draw(self, rows: TaskRows, *, now: float) -> None:
        """Draw the table in the place of the one before."""

    def end_row(self, line: str) -> None:
        """Take the line of a task that ended."""

    def close(self) -> None:
        """Leave the last table where it is."""


class LiveDisplay:
    """
    Draws rows on a canvas when they change, and every *interval* seconds for their clocks.

    The event loop draws, and no thread of rich's: nothing changes meanwhile.
    """

    def __init__(self, rows: TaskRows, canvas: Canvas, *, interval: float) -> None:
        self.rows = rows
        self.loop = asyncio.get_running_loop()
        self._canvas = canvas
        self._interval = interval
        self._drawn_at = float("-inf")
        self._timer: asyncio.Handle | None = self.loop.call_soon(self.draw)
        self._is_due = False

    def refresh(self) -> None:
        """Draw now, or as soon as the last drawing is old enough."""
        now = self.loop.time()
        if now >= self._drawn_at + MIN_INTERVAL:
            self.draw()
        elif not self._is_due:
            self._is_due = True
            self._draw_in(self._drawn_at + MIN_INTERVAL - now)

    def draw(self) -> None:
        """Draw now."""
        self._is_due = False
        self._drawn_at = now = self.loop.time()
        try:
            self._canvas.draw(self.rows, now=now)
        except _OUTPUT_ERRORS:
            self._close_canvas()
        self._draw_in(self._interval)

    def end_row(self, line: str) -> None:
        """Take the line of a task that ended."""
        try:
            self._canvas.end_row(line)
        except _OUTPUT_ERRORS:
            self._close_canvas()

    def close(self) -> None:
        """Stop drawing; the last table stays."""
        self._draw_in(None)
        self._close_canvas()

    def _draw_in(self, seconds: float | None) -> None:
        """Draw after some seconds, and not when it was planned before; None: never."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None and not self.loop.is_closed():
            self._timer = self.loop.call_later(seconds, self.draw)

    def _close_canvas(self) -> None:
        canvas, self._canvas = self._canvas, Canvas()
        with contextlib.suppress(*_OUTPUT_ERRORS):
            canvas.close()


class TerminalCanvas(Canvas):
    """
    The last lines of a terminal.

    Args:
        console: The terminal.
        max_height: The most lines; None for as many as it has.
        hide_names: Whether rows have no names.
        is_transient: Whether the last table is removed as well.
    """

    def __init__(
        self,
        console: Console,
        *,
        max_height: int | None = None,
        hide_names: bool = False,
        is_transient: bool = False,
    ) -> None:
        # A stdout that goes into a file must not be led to the terminal instead.
        redirects = sys.stdout.isatty()
        self._live = Live(
            console=console,
            auto_refresh=False,
            redirect_stdout=redirects,
            transient=is_transient,
        )
        self._max_height = max_height
        self._hide_names = hide_names

    def draw(self, rows: TaskRows, *, now: float) -> None:
        """Draw; the first time, begin."""
        width, height = self._live.console.size
        table = draw_table(
            rows,
            now=now,
            width=width,
            height=min(height, self._max_height or height),
            hide_names=self._hide_names,
        )
        self._live.update(table)
        self._live.start()
        self._live.refresh()

    def close(self) -> None:
        """Give the cursor back."""
        self._live.stop()


class NotebookCanvas(Canvas):
    """
    The output of a notebook's cell.

    rich's own display needs ipywidgets, and shows nothing without them; this needs only what every
    kernel of IPython has.
    """

    width = 100
    height = 22

    def __init__(self) -> None:
        self._display = importlib.import_module("IPython.display").display
        self._handle: Any = None

    def draw(self, rows: TaskRows, *, now: float) -> None:
        """Show the table, or replace the one that is shown."""
        table = draw_table(rows, now=now, width=self.width, height=self.height)
        output = NotebookTable(table, self.width)
        if self._handle is None:
            self._handle = self._display(output, display_id=True)
        else:
            self._handle.update(output)


class NotebookTable:
    """A table as IPython asks for it."""

    def __init__(self, table: RenderableType, width: int) -> None:
        self._console = Console(
            file=io.StringIO(), record=True, width=width, force_terminal=True, force_jupyter=False
        )
        self._console.print(table)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {
            "text/plain": self._console.export_text(clear=False),
            "text/html": self._console.export_html(
                clear=False, inline_styles=True, code_format=PAGE
            ),
        }


class LineCanvas(Canvas):
    """A pipe or a file: a line for each task that ended."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def end_row(self, line: str) -> None:
        """Write the line."""
        # Not by the console: rich ends the program when nobody reads a pipe any more.
        print(line, file=self._console.file, flush=True)


class TableReporter(Reporter):
    """
    Shows tasks as a table on a terminal; the last table stays.

    *hide_names* and *is_transient* are those of :class:`TerminalCanvas`.
    """

    def __init__(
        self,
        rows: TaskRows,
        console: Console,
        *,
        hide_names: bool = False,
        is_transient: bool = False,
    ) -> None:
        super().__init__()
        self._rows = rows
        self._console = console
        self._canvas = TerminalCanvas(console, hide_names=hide_names, is_transient=is_transient)
        self._display: LiveDisplay | None = None

    async def __aenter__(self) -> Self:
        self._rows.start_clock(read_clock())
        self._display = LiveDisplay(self._rows, self._canvas, interval=MIN_INTERVAL)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._display is not None
        self._rows.close()
        self._display.draw()
        self._display.close()

    def start(self, name: str, stage: Stage) -> None:
        """Show what is begun."""
        self._rows.start(name, stage, now=read_clock())
        self._refresh()

    def update(self, name: str, update: TaskUpdate) -> None:
        """Show an event."""
        self._rows.update(name, update, now=read_clock())
        self._refresh()

    def finish(self, result: TaskResult) -> None:
        """Show an end."""
        super().finish(result)
        self._rows.finish(result.name, result, now=read_clock())
        self._refresh()

    def say(self, text: str) -> None:
        """Print a sentence above the table."""
        self._console.print(Text(text))

    def _refresh(self) -> None:
        assert self._display is not None
        self._display.refresh()
