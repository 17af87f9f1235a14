"""
Intervals of an exponential backoff, the jitter that makes a delay of one, and ``Retry-After``.

The intervals between polls are in ``fixed.py`` and ``learned.py``.
"""

import itertools
import math
import random
from collections.abc import Callable

import backoff

from ..errors import InvalidArgumentError, ResponseError, SoraError
from ..models.numbers import is_number

Jitter = Callable[[float], float]
"""From an interval to a delay, both in seconds."""

MAX_INTERVAL = 86_400.0


def spread(interval: float) -> float:
    """
    Return a delay within 15 % of an interval.

    That keeps waits from polling in step. Full jitter, which is right after errors,
    costs one third more delay here at the same number of polls.
    """
    return interval * random.uniform(0.85, 1.15)


def spread_phase(interval: float) -> float:
    """Return a first delay of 0.5 to 1.5 intervals: it spreads waits that begin together."""
    return interval * random.uniform(0.5, 1.5)


def ramp(*, first: float, factor: float, longest: float) -> tuple[float, ...]:
    """
    Return the intervals of an exponential backoff, up to and with the longest.

    A finite tuple, because ``factor ** n`` overflows in a wait of days.

    Args:
        first: The first interval in seconds, above 0.
        factor: By how much each interval is longer than the one before, above 1.
        longest: The last interval in seconds, which then repeats.

    Raises:
        InvalidArgumentError: The three make no finite ramp.
    """
    are_numbers = is_number(first) and is_number(factor) and is_number(longest)
    if not (are_numbers and 0 < first <= longest <= MAX_INTERVAL and 1.01 <= factor < math.inf):
        raise InvalidArgumentError(
            f"ramp({first=}, {factor=}, {longest=}): "
            "needs 0 < first <= longest <= 86400 and factor >= 1.01"
        )
    steps = itertools.islice(backoff.expo(base=factor, factor=first, max_value=longest), 1, None)
    return (*itertools.takewhile(lambda interval: interval < longest, steps), longest)


FAULT_INTERVALS = ramp(first=0.5, factor=2.0, longest=30.0)
"""Upper ends, in seconds, of the full-jittered delays before a retry."""


def fault_interval(faults: int) -> float:
    """Return the upper end of the pause after so many consecutive errors, from 1."""
    return FAULT_INTERVALS[min(faults, len(FAULT_INTERVALS)) - 1]


def retry_after_of(error: SoraError) -> float:
    """Return the seconds that the service asks to wait; 0.0 when it named none."""
    return (error.retry_after or 0.0) if isinstance(error, ResponseError) else 0.0
