"""Work that a cancellation must not leave half done."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def finish_when_cancelled(
    awaitable: Awaitable[T], on_cancel: Callable[[], None] | None = None
) -> T:
    """
    Return the result of *awaitable*, which goes on to its end even if the caller is cancelled.

    Args:
        awaitable: A coroutine, a task or a future.
        on_cancel: Called at the first cancellation, to make the work end sooner.

    Raises:
        asyncio.CancelledError: The caller was cancelled; the work has ended, and its result or
            error is dropped.
    """
    work = asyncio.ensure_future(awaitable)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if on_cancel is not None:
            on_cancel()
        while not work.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        if not work.cancelled():
            work.exception()  # or asyncio logs that nobody has asked for it
        raise
