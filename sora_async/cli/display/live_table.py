"""Tasks as live bars on a terminal."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from .board import Board
from .renderer import Renderer, RowEvent, RowOutcome, RowStage

FRAME: Final = 0.1
"""Seconds between two pictures."""


class LiveTable(Renderer):
    """
    A :class:`Board`, drawn again and again in one place; the last picture stays.

    Args:
        board: What is drawn.
        console: The terminal.
        is_passing: Whether the last picture goes away as well.
    """

    def __init__(self, board: Board, console: Console, *, is_passing: bool = False) -> None:
        super().__init__()
        self._board = board
        self._console = console
        self._is_passing = is_passing
        self._started = 0.0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Hide the cursor and begin to draw."""
        self._started = asyncio.get_running_loop().time()
        # Drawn by the loop and not by rich's thread: nothing changes while it draws.
        live = Live(
            console=self._console,
            auto_refresh=False,
            get_renderable=self._draw,
            transient=self._is_passing,
        )
        self._stack.enter_context(live)
        self._stack.push_async_callback(_stop, asyncio.create_task(_refresh(live)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Draw the last picture and give the cursor back."""
        self._board.close()
        await self._stack.aclose()

    def begin(self, name: str, stage: RowStage) -> None:
        """Show a beginning in the next picture."""
        self._board.begin(name, stage, elapsed=self._elapsed())

    def event(self, name: str, event: RowEvent) -> None:
        """Show an event in the next picture."""
        self._board.event(name, event, elapsed=self._elapsed())

    def settle(self, outcome: RowOutcome) -> None:
        """Show an end in the next picture."""
        super().settle(outcome)
        self._board.settle(outcome)

    def say(self, text: str) -> None:
        """Print a sentence above the bars."""
        self._console.print(Text(text))

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._started

    def _draw(self) -> RenderableType:
        width, height = self._console.size
        return self._board.draw(elapsed=self._elapsed(), width=width, height=height)


async def _refresh(live: Live) -> None:
    while True:
        live.refresh()
        await asyncio.sleep(FRAME)


async def _stop(ticker: asyncio.Task[None]) -> None:
    ticker.cancel()
    await asyncio.wait([ticker])
