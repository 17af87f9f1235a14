"""
Progress on a terminal or in a notebook: wrap a loop's source in :func:`track`.

::

    async for event in track(client.wait_until_complete("video_123")):
        ...

Needs rich, which the extra ``cli`` installs; it is imported at the first use.
"""

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

    from .cli.display.track import Tracked

__all__ = ["track"]

T = TypeVar("T")


def track(
    source: AsyncIterable[T], *, total: int | None = None, console: "Console | None" = None
) -> "Tracked[T]":
    """
    Yield what a source yields, unchanged, and show its progress.

    A terminal and a notebook get a row for each task, and a line of totals if there are several; a
    pipe and a file get a line when a task ends. All loops that are tracked at the same time share
    one table. What is printed meanwhile goes above it.

    It holds the source as ``async for`` would: leaving the loop releases both.

    Args:
        source: A :class:`~sora_async.Watch`, a :class:`~sora_async.Download`, or what
            :meth:`~sora_async.SoraClient.events`, :meth:`~sora_async.SoraClient.as_completed`,
            :meth:`~sora_async.SoraClient.batch` and :meth:`~sora_async.SoraClient.batch_events`
            return. Values of other types are passed on and not shown.
        total: How many tasks there will be, for the totals; None if that is not known.
        console: Where it is shown; None for stderr, so that stdout remains the program's own.

    Raises:
        ModuleNotFoundError: rich is not installed.
    """
    try:
        from .cli.display.track import Tracked, find_display
    except ModuleNotFoundError as error:
        message = (
            'sora_async.progress needs rich: run pip install ".[cli]" in a checkout of sora-async'
        )
        raise ModuleNotFoundError(message, name=error.name) from None

    return Tracked(source, find_display(console), total=total)
