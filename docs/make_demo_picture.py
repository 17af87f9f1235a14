"""
Draw docs/_static/demo.svg: ``sora-async demo`` in a terminal, in mid-run and at its end.

Run it when the look of the command has changed, and look at the picture::

    python docs/make_demo_picture.py

The demo runs on virtual time and with seeded chance, so the same code makes the same picture.
"""

import asyncio
import io
import random
import re
from pathlib import Path

from rich.console import Console

from sora_async import ProgressEvent
from sora_async.cli._board import Board
from sora_async.cli._demo import TASK_IDS, play, tell_story
from sora_async.cli._follow import Outcome, Show
from sora_async.testing import VirtualTimeLoop

PICTURE = Path(__file__).parent / "_static" / "demo.svg"
MOMENT = 4.6
WIDTH, HEIGHT = 82, 24
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


class Picture(Show):
    """A show that draws its board once, at the moment of the picture."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._board = Board(TASK_IDS)
        self._console = console

    async def __aenter__(self) -> "Picture":
        asyncio.get_running_loop().call_later(MOMENT, self._draw)
        return self

    def event(self, event: ProgressEvent) -> None:
        self._board.event(event)

    def settle(self, outcome: Outcome) -> None:
        super().settle(outcome)
        self._board.settle(outcome)

    def _draw(self) -> None:
        self._console.print(self._board.draw(elapsed=MOMENT, width=WIDTH, height=HEIGHT))


def main() -> None:
    random.seed(7)
    console = Console(
        record=True, file=io.StringIO(), force_terminal=True, width=WIDTH, color_system="truecolor"
    )
    console.print("[bold green]$[/] sora-async demo", highlight=False)
    show = Picture(console)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(play(show, speed=1.0))
    console.print("\n[dim]… and when all are settled:[/]\n", highlight=False)
    # The line below keeps the last underscores from being cut off.
    console.print(tell_story(show.outcomes), "", sep="\n")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(
        tidy(console.export_svg(title="sora-async demo", unique_id="demo")), encoding="utf-8"
    )


def tidy(svg: str) -> str:
    """Return the picture without what it would load from elsewhere or what differs each time."""
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: {FONTS};", svg)
    svg = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:40123", svg)
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


if __name__ == "__main__":
    main()
