"""The time since the machine started: a clock that nobody sets, and all processes share."""

import time
from pathlib import Path
from typing import NamedTuple

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class BootTime(NamedTuple):
    """
    A moment on the clock of one start of one machine.

    Attributes:
        boot_id: Names the start; "" on a system without such a clock.
        seconds: Since then, with the time in which the machine was suspended.
    """

    boot_id: str
    seconds: float


def read_boot_time() -> BootTime:
    """
    Return the present moment.

    Source: random(4) for the name, which containers share, and clock_gettime(2).
    """
    try:
        boot_id = _BOOT_ID.read_text("ascii").strip()
        return BootTime(boot_id, time.clock_gettime(time.CLOCK_BOOTTIME))
    except (OSError, ValueError, AttributeError):  # pragma: no cover - no Linux
        return BootTime("", 0.0)
