"""Where a picture is drawn: on a terminal, in a notebook, or as lines into anything else."""

import importlib
import io
import sys
from typing import Any, Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from .picture import Picture

STYLE = "white-space:pre;line-height:normal;font-family:Menlo,'DejaVu Sans Mono',monospace"
PAGE = f'<pre style="{STYLE}">{{code}}</pre>'


class Canvas(Protocol):
    """What a screen draws on, from the first picture to the last."""

    def draw(self, picture: Picture, *, now: float) -> None:
        """Draw the picture in the place of the one before."""

    def close(self) -> None:
        """Leave the last picture where it is."""


def open_canvas(console: Console) -> Canvas:
    """Return what suits a console."""
    if console.is_jupyter:
        return NotebookCanvas()
    is_alive = console.is_terminal and not console.is_dumb_terminal
    return TerminalCanvas(console) if is_alive else LineCanvas(console)


class TerminalCanvas:
    """The last lines of a terminal."""

    def __init__(self, console: Console) -> None:
        # A stdout that goes into a file must not be led to the terminal instead.
        both = sys.stdout.isatty()
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=both)

    def draw(self, picture: Picture, *, now: float) -> None:
        """Draw; the first time, begin."""
        width, height = self._live.console.size
        self._live.update(picture.draw(now=now, width=width, height=height))
        self._live.start()
        self._live.refresh()

    def close(self) -> None:
        """Give the terminal back, its cursor too."""
        self._live.stop()


class NotebookCanvas:
    """
    The output of a notebook's cell.

    rich's own display wants ipywidgets, and shows nothing where they are missing; this needs
    only what every kernel of IPython has.
    """

    width = 100

    def __init__(self) -> None:
        self._display = importlib.import_module("IPython.display").display
        self._handle: Any = None

    def draw(self, picture: Picture, *, now: float) -> None:
        """Show the picture, or replace the one that is shown."""
        shown = DisplayHandle(picture.draw(now=now, width=self.width, height=1000), self.width)
        if self._handle is None:
            self._handle = self._display(shown, display_id=True)
        else:
            self._handle.update(shown)

    def close(self) -> None:
        """Do nothing: what is shown remains."""


class DisplayHandle:
    """A picture as IPython asks for it."""

    def __init__(self, picture: RenderableType, width: int) -> None:
        self._console = Console(
            file=io.StringIO(), record=True, width=width, force_terminal=True, force_jupyter=False
        )
        self._console.print(picture)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {
            "text/plain": self._console.export_text(clear=False),
            "text/html": self._console.export_html(
                clear=False, inline_styles=True, code_format=PAGE
            ),
        }


class LineCanvas:
    """A pipe or a file: a line for each task that has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def draw(self, picture: Picture, *, now: float) -> None:
        """Write of those that have ended since."""
        for line in picture.lines:
            self._console.print(Text(line), soft_wrap=True)

    def close(self) -> None:
        """Do nothing: every line is written."""
