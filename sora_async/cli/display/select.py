"""Which show fits the place where the output goes."""

import os
import sys
from collections.abc import Sequence

from .renderer import Renderer


def make_show(
    names: Sequence[str],
    *,
    is_json: bool,
    prints_results: bool,
    total: int | None = None,
    is_bare: bool = False,
    is_passing: bool = False,
) -> Renderer:
    """
    Return the show for tasks.

    Args:
        names: All that are known from the start.
        is_json: Whether a program reads.
        prints_results: Whether addresses and paths go to stdout as they are found. Bars
            leave them to the caller: two cannot write on one terminal.
        total: How many there will be in all; None: no more than those of *names*.
        is_bare: Whether bars go without names.
        is_passing: Whether bars go away in the end.
    """
    if is_json:
        from .json_lines import JsonLines

        return JsonLines()
    if is_terminal():
        from rich.console import Console

        from .board import Board
        from .live_table import LiveTable

        board = Board(names, total=total, is_bare=is_bare)
        return LiveTable(board, Console(stderr=True), is_passing=is_passing)
    from .plain_lines import PlainLines

    return PlainLines(names, total=total, prints_results=prints_results)


def is_terminal() -> bool:
    """Return whether all output goes to a terminal that can move its cursor."""
    is_dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return sys.stdout.isatty() and sys.stderr.isatty() and not is_dumb
