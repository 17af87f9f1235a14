"""One loop that is tracked: it passes on what the source yields, and tells its screen."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Generic, TypeVar

from .screen import Screen

News = TypeVar("News")


class Tracked(Generic[News]):
    """
    The values of a source, shown as they pass.

    As with the source itself, a ``break`` calls nothing, but drops the last reference: then the
    picture is left as it is, and the source let go.
    """

    def __init__(self, source: AsyncIterable[News], screen: Screen, *, total: int | None) -> None:
        self._values: AsyncIterator[News] = aiter(source)
        self._screen = screen
        self._total = total
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner = object()
        self._is_shown = False

    def __repr__(self) -> str:
        """Return what is tracked."""
        return f"<track {self._values!r}>"

    def __aiter__(self) -> "Tracked[News]":
        """Return itself."""
        return self

    async def __anext__(self) -> News:
        """Return the next value; whatever it raises is the source's own."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._is_shown = self._screen.begin(self._owner, self._total)
        try:
            news = await anext(self._values)
        except BaseException as error:
            self._leave(True if isinstance(error, StopAsyncIteration) else error)
            raise
        if self._is_shown:
            self._screen.take(self._owner, news)
        return news

    async def aclose(self) -> None:
        """Let go of source and screen, as :func:`contextlib.aclosing` does."""
        self._leave(False)
        close = getattr(self._values, "aclose", None)
        if close is not None:
            await close()

    def _leave(self, end: BaseException | bool) -> None:
        self._loop = None
        if self._is_shown:
            self._is_shown = False
            self._screen.leave(self._owner, end)

    def __del__(self) -> None:
        """Leave the picture; by way of its loop where the garbage collector runs elsewhere."""
        loop = getattr(self, "_loop", None)
        if loop is None:
            return
        if loop.is_closed() or asyncio._get_running_loop() is loop:
            self._leave(False)
        else:
            loop.call_soon_threadsafe(self._screen.leave, self._owner, False)
