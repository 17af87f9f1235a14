"""
When to ask again: pure decisions, no clock and no sleep.

Moments come in as arguments, on any clock that only goes forward; chance comes
in as the jitter. The generators and the full jitter are those of ``backoff``.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import backoff

from .errors import InvalidArgumentError, SoraError
from .models import VideoTask

__all__ = ["DEFAULT_SCHEDULE", "History", "Jitter", "Schedule", "ramp", "spread", "spread_phase"]

Jitter = Callable[[float], float]
"""From an interval to a delay, both in seconds."""

LONGEST_INTERVAL = 86_400.0


def spread(interval: float) -> float:
    """
    Return a delay within 15 % of an interval.

    Enough to keep waits from marching in step. Full jitter, which is right
    after errors, costs one third more delay here at the same number of polls.
    """
    return interval * random.uniform(0.85, 1.15)


def spread_phase(interval: float) -> float:
    """Return a first delay of 0.5 to 1.5 intervals: waits begun together part at once."""
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
    if not (0 < first <= longest <= LONGEST_INTERVAL and 1.01 <= factor < math.inf):
        raise InvalidArgumentError(
            f"ramp({first=}, {factor=}, {longest=}): "
            "needs 0 < first <= longest <= 86400 and factor >= 1.01"
        )
    steps = itertools.islice(backoff.expo(base=factor, factor=first, max_value=longest), 1, None)
    return (*itertools.takewhile(lambda interval: interval < longest, steps), longest)


@attrs.frozen(kw_only=True)
class History:
    """
    What a poller has seen of one task so far.

    Attributes:
        task_id: The id that is asked for.
        started: The moment of the first poll.
        is_acquainted: Whether this service has given a good answer to anyone
            before; a refused connection is then an outage and no wrong address.
        served_at: The moment of the service's last good answer to anyone, as far as
            it was known at the newest fault.
        polls: Requests that have come back, good or bad.
        last: The newest good snapshot.
        progress: The largest part done so far, 0.0 to 1.0.
        fault: The newest fault since the last good answer; None when there is none.
        fault_started: The moment of the first fault since the last good answer.
        faults: How many polls since then have failed, without those that did not know the id.
        outage_started: The moment of the first of them.
        silence: Seconds of the outage in which the task was not asked for: the
            service wanted to be left alone, or nobody waited.
        missing: How many times in a row the service did not know the id.
        succeeded_at: When the task was first seen to have succeeded without a URL.
    """

    task_id: str
    started: float
    is_acquainted: bool = False
    served_at: float = -math.inf
    polls: int = 0
    last: VideoTask | None = None
    progress: float | None = None
    fault: SoraError | None = None
    fault_started: float = 0.0
    faults: int = 0
    outage_started: float = 0.0
    silence: float = 0.0
    missing: int = 0
    succeeded_at: float | None = None

    def after(
        self, task: VideoTask, *, progress: float | None, succeeded_at: float | None
    ) -> "History":
        """Return what is known after a good answer; it ends every fault."""
        # In place of attrs.evolve, which takes twice as long: this is done for every poll.
        return History(
            task_id=self.task_id,
            started=self.started,
            is_acquainted=True,
            served_at=self.served_at,
            polls=self.polls + 1,
            last=task,
            progress=progress,
            fault_started=self.fault_started,
            outage_started=self.outage_started,
            silence=self.silence,
            succeeded_at=succeeded_at,
        )


def _read_intervals(intervals: Iterable[float]) -> tuple[float, ...]:
    return tuple(map(float, intervals))


def _check_intervals(_: object, __: object, intervals: tuple[float, ...]) -> None:
    if not intervals or not all(0 < one <= LONGEST_INTERVAL for one in intervals):
        raise InvalidArgumentError(
            f"intervals: expected seconds above 0 and up to 86400, got {intervals}"
        )


def _check_jitter(_: object, field: "attrs.Attribute[Any]", jitter: Any) -> None:
    if not callable(jitter) or type(jitter).__hash__ is None:
        raise InvalidArgumentError(f"{field.name}: expected a hashable callable, got {jitter!r}")


@attrs.frozen(kw_only=True, cache_hash=True)
class Schedule:
    """
    The cadence of a wait: a ramp of intervals, each jittered into a delay.

    Attributes:
        intervals: Seconds between polls, in turn; the last one repeats.
        jitter: Makes a delay of every interval but the first.
        first_jitter: Makes the first delay, which sets the phase of all that follow.
    """

    intervals: tuple[float, ...] = attrs.field(
        default=ramp(first=2.0, factor=1.5, longest=6.0),
        converter=_read_intervals,
        validator=_check_intervals,
    )
    jitter: Jitter = attrs.field(default=spread, validator=_check_jitter)
    first_jitter: Jitter = attrs.field(default=spread_phase, validator=_check_jitter)

    def delay(self, history: History) -> float:
        """Return the seconds from an answer to the next poll, before any hint of the server."""
        if history.polls <= 1:
            return self.first_jitter(self.intervals[0])
        return self.jitter(self.intervals[min(history.polls, len(self.intervals)) - 1])


DEFAULT_SCHEDULE = Schedule()
"""2, 3, 4.5 and then every 6 seconds, each within 15 %."""
