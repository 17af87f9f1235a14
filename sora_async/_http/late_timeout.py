"""
Timeouts that tell a service that does not respond from an event loop that was held up.

A blocking call, SIGSTOP or a paused virtual machine may hold a loop up for minutes, while the clock
goes on. All timers are due at once then, and what has arrived meanwhile is still unread.
"""

import asyncio
from types import TracebackType
from typing import Final

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


class ExtendIfHeldUp:
    """
    Extends a timeout once if the loop runs only after it has expired.

    The response may have arrived meanwhile, but a due timeout cancels its reader first.
    A context manager, around what has to be done in time.

    Args:
        scope: A timeout that was entered; one without an end stays as it is.
    """

    __slots__ = ("_end", "_loop", "_scope", "_timer")

    def __init__(self, scope: asyncio.Timeout) -> None:
        self._loop = asyncio.get_running_loop()
        self._scope = scope
        self._end = scope.when()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        """Watch the timeout."""
        if self._end is not None:
            self._timer = self._loop.call_at(self._end - _CHECK_BEFORE, self._check, self._end)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Watch it no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _check(self, end: float) -> None:
        if self._scope.expired():  # it was due when it was entered
            return
        if self._loop.time() >= end - _LATE:
            self._scope.reschedule(self._loop.time() + LATE_GRACE)
        else:
            # The loop may still be held up in the rest.
            self._scope.reschedule(None)
            self._timer = self._loop.call_at(end, self._expire, end)

    def _expire(self, end: float) -> None:
        now = self._loop.time()
        self._scope.reschedule(now + LATE_GRACE if now - end > _CHECK_BEFORE else now)
