"""A timeout that tells a service that does not respond from an event loop that was held up."""

import asyncio
from typing import Final

LATE_GRACE: Final = 5.0
"""Seconds for which a response is still read after the loop was held up beyond the timeout. What
has arrived meanwhile takes milliseconds."""

_CHECK_BEFORE: Final = 0.1
"""Seconds before the timeout at which it is checked: due timers run in order of time."""

_LATE: Final = 0.01
"""A check that runs in the last so many seconds, or after them, is late: a loop rounds its timers
to milliseconds."""


def extend_if_held_up(scope: asyncio.Timeout) -> asyncio.TimerHandle:
    """
    Extend a timeout once if the loop runs only after it has expired; cancel the result in the end.

    A blocking call, SIGSTOP or a paused virtual machine may hold the loop up for longer than the
    timeout. The response may have arrived meanwhile, but a due timeout cancels its reader first.

    Args:
        scope: A timeout that was entered and has an end.
    """
    loop, end = asyncio.get_running_loop(), scope.when()
    assert end is not None

    def check() -> None:
        if loop.time() >= end - _LATE:
            scope.reschedule(loop.time() + LATE_GRACE)

    return loop.call_at(end - _CHECK_BEFORE, check)
