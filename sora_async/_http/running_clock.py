"""A clock that stands still while the event loop is held up."""

import asyncio
import contextvars

from .late_timeout import HELD_UP

INTERVAL = 1.0
"""Seconds between two looks at the loop's clock; a loop that is held up is noticed at the next."""


class RunningClock:
    """
    The time for which the running loop was not held up, for grace periods and outages.

    While a loop is held up nobody asks the service, and nobody reads what it has answered: two
    answers that look minutes apart may have been seconds apart. A hold-up is known to a second.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._users = 0
        self._held_up = 0.0
        self._look_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        # Of its own, or the timer would keep the variables of whoever happened to set it.
        self._context = contextvars.Context()

    def start(self) -> None:
        """Count from now on; each call needs one of :meth:`stop`."""
        self._users += 1
        if self._timer is None:
            self._look_later()

    def stop(self) -> None:
        """Stop counting if nobody else needs it."""
        self._users -= 1
        if self._users == 0 and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def held_up(self) -> float:
        """Return the seconds for which the loop was held up, as far as they were counted."""
        self.time()
        return self._held_up

    def time(self) -> float:
        """Return the seconds on this clock, which only goes forward."""
        now = self._loop.time()
        late = now - self._look_at
        if self._timer is not None and late > HELD_UP:
            self._held_up += late
            self._look_at = now
        return now - self._held_up

    def _look_later(self) -> None:
        self._look_at = self.time() + self._held_up + INTERVAL
        self._timer = self._loop.call_at(self._look_at, self._look_later, context=self._context)
