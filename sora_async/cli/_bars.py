"""Waits as live bars on a terminal."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from rich.console import Console, RenderableType
from rich.live import Live

from .. import ProgressEvent
from ._board import Board
from ._follow import Outcome, Show

FRAME: Final = 0.1
"""Seconds between two pictures."""


class Bars(Show):
    """
    A :class:`Board`, drawn again and again in one place; the last picture stays.

    Args:
        task_ids: All that are waited for, in the order of the rows.
        console: The terminal.
    """

    def __init__(self, task_ids: Iterable[str], console: Console) -> None:
        super().__init__()
        self._board = Board(task_ids)
        self._console = console
        self._started = 0.0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Hide the cursor and begin to draw."""
        self._started = asyncio.get_running_loop().time()
        # Drawn by the loop and not by rich's thread: nothing changes while it draws.
        live = Live(console=self._console, auto_refresh=False, get_renderable=self._draw)
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
        await self._stack.aclose()

    def event(self, event: ProgressEvent) -> None:
        """Show an event in the next picture."""
        self._board.event(event)

    def settle(self, outcome: Outcome) -> None:
        """Show the end of a wait in the next picture."""
        super().settle(outcome)
        self._board.settle(outcome)

    def _draw(self) -> RenderableType:
        elapsed = asyncio.get_running_loop().time() - self._started
        width, height = self._console.size
        return self._board.draw(elapsed=elapsed, width=width, height=height)


async def _refresh(live: Live) -> None:
    while True:
        live.refresh()
        await asyncio.sleep(FRAME)


async def _stop(ticker: asyncio.Task[None]) -> None:
    ticker.cancel()
    await asyncio.wait([ticker])
