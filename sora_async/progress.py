"""
Progress on a terminal or in a notebook, by one word around a loop.

::

    async for event in track(client.wait_until_complete("video_123")):
        ...

Needs rich, which comes with the extra ``cli``; it is imported at the first use.
"""

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

    from .cli.display.tracked import Tracked

__all__ = ["track"]

News = TypeVar("News")


def track(
    source: AsyncIterable[News], *, total: int | None = None, console: "Console | None" = None
) -> "Tracked[News]":
    """
    Yield what a source yields, untouched, and show meanwhile how far it is.

    A terminal and a notebook get a row for each task, and a line that sums up where there is
    more than one; a pipe and a file get a line when a task ends. All loops that are tracked at
    the same time share one picture. What is printed meanwhile goes above it.

    It holds the source as ``async for`` would: leaving the loop lets go of both.

    Args:
        source: A :class:`~sora_async.Watch`, a :class:`~sora_async.Download`, or what
            :meth:`~sora_async.SoraClient.events`, :meth:`~sora_async.SoraClient.as_completed`,
            :meth:`~sora_async.SoraClient.batch` and :meth:`~sora_async.SoraClient.batch_events`
            return. Values of other types are passed on and not shown.
        total: How many tasks there will be in all, for the line that sums up; None: not known.
        console: Where it is shown; None for stderr, so that stdout remains the program's own.

    Raises:
        ModuleNotFoundError: rich is not installed.
    """
    try:
        from .cli.display.screen import find_screen
    except ModuleNotFoundError as error:
        message = 'sora_async.progress needs rich: pip install "sora-async[cli]"'
        raise ModuleNotFoundError(message, name=error.name) from None
    from .cli.display.tracked import Tracked

    return Tracked(source, find_screen(console), total=total)
