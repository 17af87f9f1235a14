"""
Timeouts that tell a service that does not respond from an event loop that was held up.

A blocking call, SIGSTOP or a paused virtual machine may hold a loop up for minutes, while the clock
goes on. All timers are due at once then, and what has arrived meanwhile is still unread.
"""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final

LATE_GRACE: Final = 5.0
"""Seconds for which a response is still read after the loop was held up beyond the timeout. What
has arrived meanwhile takes milliseconds."""

HELD_UP: Final = 0.5
"""Seconds by which a timer is late if the loop was held up, and not only busy."""

_CHECK_BEFORE: Final = 0.1
"""Seconds before the timeout at which it is checked: due timers run in order of time."""

_LATE: Final = 0.01
"""A check that runs in the last so many seconds, or after them, is late: a loop rounds its timers
to milliseconds."""


class LateTimeout:
    """
    As :func:`asyncio.timeout_at`, but extended once if the loop runs only after it has expired.

    The response may have arrived meanwhile, but a due timeout cancels its reader first.
    ``async with`` gives the :class:`asyncio.Timeout`, which tells whether it has expired.

    Args:
        end: The moment, on the running loop's clock; None for no limit.
    """

    __slots__ = ("_end", "_loop", "_scope", "_timer")

    def __init__(self, end: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        is_over = end is not None and end <= self._loop.time()
        self._end = None if is_over else end
        self._scope = asyncio.timeout_at(end if is_over else None)

    # Not coroutines of their own: every request passes here, and each costs time.
    def __aenter__(self) -> Coroutine[Any, Any, asyncio.Timeout]:
        """Begin to count."""
        if self._end is not None:
            self._timer = self._loop.call_at(self._end - _CHECK_BEFORE, self._check, self._end)
        return self._scope.__aenter__()

    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Coroutine[Any, Any, bool | None]:
        """Raise TimeoutError if it has expired."""
        if self._timer is not None:
            self._timer.cancel()
        return self._scope.__aexit__(kind, error, traceback)

    def _check(self, end: float) -> None:
        if self._loop.time() >= end - _LATE:
            self._scope.reschedule(self._loop.time() + LATE_GRACE)
        else:
            # The loop may still be held up in the rest.
            self._timer = self._loop.call_at(end, self._expire, end)

    def _expire(self, end: float) -> None:
        now = self._loop.time()
        self._scope.reschedule(now + LATE_GRACE if now - end > _CHECK_BEFORE else now)


def late_timeout(seconds: float) -> LateTimeout:
    """Return a timeout that many seconds from now."""
    return LateTimeout(asyncio.get_running_loop().time() + seconds)
