"""The fixed schedule: a ramp of intervals, whatever polls show."""

from collections.abc import Iterable
from typing import Any

import attrs

from ..errors import InvalidArgumentError
from ..models.numbers import is_number
from ..models.repr import brief, shorten
from .backoff import MAX_INTERVAL, Jitter, ramp, spread, spread_phase
from .history import History


def _read_intervals(intervals: Iterable[float]) -> tuple[float, ...]:
    is_many = isinstance(intervals, Iterable) and not isinstance(intervals, str | bytes)
    found = tuple(intervals) if is_many else ()
    if not found or not all(is_number(one) and 0 < one <= MAX_INTERVAL for one in found):
        got = found if is_many else intervals
        raise InvalidArgumentError(
            "intervals: expected some numbers of seconds above 0 and up to 86400, "
            f"got {shorten(got)}"
        )
    return tuple(map(float, found))


def _check_jitter(_: object, field: "attrs.Attribute[Any]", jitter: Any) -> None:
    if not callable(jitter) or type(jitter).__hash__ is None:
        raise InvalidArgumentError(
            f"{field.name}: expected a hashable callable, got {shorten(jitter)}"
        )


@attrs.frozen(kw_only=True, cache_hash=True)
class Schedule:
    """
    A fixed schedule: a ramp of intervals, each jittered into a delay.

    Attributes:
        intervals: Seconds between polls, in turn; the last one repeats.
        jitter: Makes a delay of every interval but the first.
        first_jitter: Makes the first delay, which sets the phase of all that follow.
    """

    __repr__ = brief

    intervals: tuple[float, ...] = attrs.field(
        default=ramp(first=2.0, factor=1.5, longest=6.0),
        converter=_read_intervals,
    )
    jitter: Jitter = attrs.field(default=spread, validator=_check_jitter)
    first_jitter: Jitter = attrs.field(default=spread_phase, validator=_check_jitter)

    def delay(self, history: History) -> float:
        """Return the seconds from a response to the next poll, without any ``Retry-After``."""
        interval = self._interval(history.polls)
        return self.first_jitter(interval) if history.polls <= 1 else self.jitter(interval)

    def next_delays(self, *, history: History | None = None, count: int = 10) -> tuple[float, ...]:
        """
        Return the delays to come, without jitter.

        Args:
            history: What polls have shown; one response when None.
            count: How many delays.
        """
        polls = 1 if history is None else history.polls
        return tuple(self._interval(polls + number) for number in range(count))

    def _interval(self, polls: int) -> float:
        return self.intervals[min(max(polls, 1), len(self.intervals)) - 1]
