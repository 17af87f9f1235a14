"""One screen for each console: when it is drawn, for all that is tracked on it."""

import asyncio
import atexit
import contextlib
import functools
import weakref
from collections.abc import Hashable

from rich.console import Console

from .canvas import Canvas, open_canvas
from .picture import Picture

PAUSE = 0.1
"""Seconds between two pictures at least: nobody reads faster."""

TICK = 1.0
"""Seconds between two pictures at most: the clocks on it go on."""


class Screen:
    """
    What is tracked on one console, and the timer that draws it.

    It is drawn from the loop of the first that is tracked. Those of another loop, in another
    thread, are not shown meanwhile.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owners: set[Hashable] = set()
        self._picture = Picture()
        self._canvas: Canvas | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._drawn_at = float("-inf")
        self._is_soon = False

    def begin(self, owner: Hashable, total: int | None) -> bool:
        """Return whether what is tracked from now on will be shown."""
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop.is_closed():
            self._close()
        if self._loop not in (None, loop):
            return False
        if self._loop is None:
            self._loop, self._picture = loop, Picture(began=loop.time())
            self._canvas = open_canvas(self._console)
            # A traceback may hold what was tracked until there is hardly an interpreter left.
            atexit.register(self._close)
        self._owners.add(owner)
        self._picture.expect(total)
        return True

    def take(self, owner: Hashable, news: object) -> None:
        """Take note of news, and draw it now or soon."""
        if self._loop is None or owner not in self._owners:
            return  # it was begun on a loop that has ended since
        now = self._loop.time()
        self._picture.take(owner, news, now=now)
        if now >= self._drawn_at + PAUSE:
            self._draw()
        elif not self._is_soon:
            self._is_soon = True
            self._draw_in(self._drawn_at + PAUSE - now)

    def leave(self, owner: Hashable, end: BaseException | bool) -> None:
        """Take note that something is tracked no longer; after the last, the picture remains."""
        if self._loop is None or owner not in self._owners:
            return
        self._owners.discard(owner)
        self._picture.leave(owner, now=self._loop.time(), end=end)
        self._draw()
        if not self._owners:
            self._close()

    def _draw(self) -> None:
        assert self._loop is not None
        self._drawn_at = now = self._loop.time()
        self._is_soon = False
        if self._canvas is not None:
            try:
                self._canvas.draw(self._picture, now=now)
            except _UNFIT:
                self._close_canvas()
        self._picture.lines.clear()
        self._draw_in(TICK)

    def _draw_in(self, seconds: float | None) -> None:
        """Draw then, and not when it was planned before; None: never."""
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None and not self._loop.is_closed():
            self._timer = self._loop.call_later(seconds, self._draw)

    def _close(self) -> None:
        atexit.unregister(self._close)
        self._draw_in(None)
        self._loop, self._drawn_at = None, float("-inf")
        self._owners.clear()
        self._close_canvas()

    def _close_canvas(self) -> None:
        canvas, self._canvas = self._canvas, None
        if canvas is not None:
            with contextlib.suppress(*_UNFIT):
                canvas.close()


_UNFIT = (OSError, ValueError)
"""
What a terminal that has gone, a closed file, or an encoding without a letter raises: no reason to
end a wait.
"""

_screens: "weakref.WeakValueDictionary[int, Screen]" = weakref.WeakValueDictionary()
"""By the identity of a console, which lives as long as its screen."""


def find_screen(console: Console | None) -> Screen:
    """Return the screen of a console, of stderr's when None."""
    console = console or _stderr()
    screen = _screens.get(id(console))
    if screen is None:
        _screens[id(console)] = screen = Screen(console)
    return screen


@functools.cache
def _stderr() -> Console:
    return Console(stderr=True)
