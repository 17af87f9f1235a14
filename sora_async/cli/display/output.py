"""Which reporter fits the output: a table for a terminal, lines elsewhere, JSON for programs."""

import os
import sys
from collections.abc import Sequence

from .json_lines import JsonReporter
from .plain_lines import LineReporter
from .reporter import Reporter


def make_reporter(
    names: Sequence[str],
    *,
    is_json: bool,
    prints_results: bool,
    total: int | None = None,
    hide_names: bool = False,
    is_transient: bool = False,
) -> Reporter:
    """
    Return the reporter that fits the output.

    Args:
        names: All tasks that are known from the start.
        is_json: Whether a program reads.
        prints_results: Whether addresses and paths go to stdout as they become known. A table
            leaves them to the caller: two cannot write on one terminal.
        total: How many tasks there will be; None: those of *names*.
        hide_names: Whether a table shows no names.
        is_transient: Whether a table is removed in the end.
    """
    if is_json:
        return JsonReporter()
    if is_terminal():
        from rich.console import Console

        from .live import TableReporter
        from .rows import TaskRows

        return TableReporter(
            TaskRows(names, total=total),
            Console(stderr=True),
            hide_names=hide_names,
            is_transient=is_transient,
        )
    return LineReporter(names, total=total, prints_results=prints_results)


def is_terminal() -> bool:
    """Return whether stdout and stderr are a terminal that can move its cursor."""
    is_dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return sys.stdout.isatty() and sys.stderr.isatty() and not is_dumb
