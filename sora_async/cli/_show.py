"""Which show fits the place where the output goes."""

import os
import sys
from collections.abc import Sequence

from ._follow import Show


def make_show(task_ids: Sequence[str], *, is_json: bool, prints_results: bool) -> Show:
    """
    Return the show for waits.

    Args:
        task_ids: All that are waited for.
        is_json: Whether a program reads.
        prints_results: Whether the addresses of the videos go to stdout as they are found. Bars
            leave them to the caller: two cannot write on one terminal.
    """
    if is_json:
        from ._json import JsonLines

        return JsonLines()
    if is_terminal():
        from rich.console import Console

        from ._bars import Bars

        return Bars(task_ids, Console(stderr=True))
    from ._lines import Lines

    return Lines(task_ids, prints_results=prints_results)


def is_terminal() -> bool:
    """Return whether all output goes to a terminal that can move its cursor."""
    is_dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return sys.stdout.isatty() and sys.stderr.isatty() and not is_dumb
