"""
When to ask again: pure decisions, no clock and no sleep.

Moments come in as arguments, on any clock that only goes forward; chance comes
in as the jitter. The generators and the full jitter are those of ``backoff``.
"""

import bisect
import itertools
import math
import random
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import attrs
import backoff

from .errors import InvalidArgumentError, SoraError
from .learning import Outlook, Sight
from .models import VideoTask

__all__ = [
    "DEFAULT_SCHEDULE",
    "History",
    "Jitter",
    "LearningSchedule",
    "Policy",
    "Schedule",
    "ramp",
    "spread",
    "spread_phase",
]

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


_NOTHING_SEEN = Sight()


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
        born: The moment the task was made, as far as we can tell; None for *started*.
        sight: What was seen of the task that bears on how long it takes.
        outlook: What tasks before it say of that; None when too little is known.
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
    born: float | None = None
    sight: Sight = _NOTHING_SEEN
    outlook: Outlook | None = attrs.field(default=None, repr=False)

    def age(self, now: float) -> float:
        """Return how long ago the task was made, as far as we can tell."""
        return now - (self.started if self.born is None else self.born)

    def after(
        self,
        task: VideoTask,
        *,
        progress: float | None,
        succeeded_at: float | None,
        sight: Sight | None = None,
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
            born=self.born,
            sight=self.sight if sight is None else sight,
            outlook=self.outlook,
        )


class Policy(Protocol):
    """
    When to ask again: anything hashable with this one method.

    It holds nothing that changes, as one value serves many waits: what was seen
    and what was learned come in with the history.
    """

    def delay(self, history: History) -> float:
        """Return the seconds from an answer to the next poll, before any hint of the server."""
        ...

    def __hash__(self) -> int:
        """Return the same for equal policies: waits for one task share its polls by it."""
        ...


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
        interval = self._interval(history.polls)
        return self.first_jitter(interval) if history.polls <= 1 else self.jitter(interval)

    def next_delays(self, *, history: History | None = None, count: int = 10) -> tuple[float, ...]:
        """
        Return the delays to come, without jitter.

        Args:
            history: What has been seen so far; by default one answer.
            count: How many delays.
        """
        polls = 1 if history is None else history.polls
        return tuple(self._interval(polls + number) for number in range(count))

    def _interval(self, polls: int) -> float:
        return self.intervals[min(max(polls, 1), len(self.intervals)) - 1]


def _check_seconds(_: object, field: "attrs.Attribute[Any]", seconds: float) -> None:
    if not 0 < seconds <= LONGEST_INTERVAL:
        raise InvalidArgumentError(
            f"{field.name}: expected seconds above 0 and up to 86400, got {seconds!r}"
        )


def _check_slack(_: object, field: "attrs.Attribute[Any]", slack: float) -> None:
    if not 1 <= slack < math.inf:
        raise InvalidArgumentError(f"{field.name}: expected a number from 1 on, got {slack!r}")


UNHEARD_OF = 0.05
"""A task that takes longer than 19 of 20 before it is no such task, as far as one can tell."""

CROWD = 1.1
"""How many polls for each of the fallback's there may be by any age."""


@attrs.frozen(kw_only=True, cache_hash=True)
class LearningSchedule:
    """
    Polls when they are worth it, by what was learned; the plain fallback where nothing was.

    A poll is worth most where the task is most likely to end: polls are dense there
    and sparse before. Two guards keep that from costing much where what was
    learned is wrong: never many more polls than the fallback's by any age, and
    no interval in which polls times delay could become far worse than its.

    Attributes:
        price: What a poll costs, in seconds of delay.
        slowest: The mean delay in seconds beyond which polls are not saved,
            whatever their price: about that of the fallback.
        fallback: What is done until something is known, and while what is known
            is wrong. Its jitters are those of every delay.
        shortest: The shortest interval, before jitter.
        longest: The longest interval, before jitter, of a task younger than
            20 times that; the fallback's last interval if that is longer.
        slack: How much polls times delay may ever exceed those of the
            fallback, should the task end in this very interval.
    """

    price: float = attrs.field(default=0.14, converter=float, validator=_check_seconds)
    slowest: float = attrs.field(default=2.8, converter=float, validator=_check_seconds)
    fallback: Schedule = attrs.field(
        factory=Schedule, validator=attrs.validators.instance_of(Schedule)
    )
    shortest: float = attrs.field(default=0.5, converter=float, validator=_check_seconds)
    longest: float = attrs.field(default=18.0, converter=float, validator=_check_seconds)
    slack: float = attrs.field(default=1.45, converter=float, validator=_check_slack)
    _moments: tuple[float, ...] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.shortest > self.longest:
            raise InvalidArgumentError(
                f"shortest: expected at most {self.longest!r}, the longest, got {self.shortest!r}"
            )
        moments = itertools.accumulate(self.fallback.intervals[:-1], initial=0.0)
        object.__setattr__(self, "_moments", tuple(moments))

    def delay(self, history: History) -> float:
        """Return the seconds from an answer to the next poll, before any hint of the server."""
        outlook = history.outlook
        if outlook is None or not outlook.is_trusted or history.succeeded_at is not None:
            return self.fallback.delay(history)
        if outlook.ends.outlast(history.sight.age) < UNHEARD_OF:
            return self.fallback.delay(history)
        jitter = self.fallback.first_jitter if history.polls <= 1 else self.fallback.jitter
        return jitter(self._interval(history.sight, outlook))

    def next_delays(self, *, history: History | None = None, count: int = 10) -> tuple[float, ...]:
        """
        Return the delays to come, without jitter, for a task that does not move any more.

        Args:
            history: What has been seen so far; by default one answer, and nothing learned.
            count: How many delays.
        """
        outlook = None if history is None else history.outlook
        if history is None or outlook is None or not outlook.is_trusted:
            return self.fallback.next_delays(history=history, count=count)
        sight, delays = history.sight, []
        for _ in range(count):
            delay = self._interval(sight, outlook)
            delays.append(delay)
            sight = attrs.evolve(
                sight,
                age=sight.age + delay,
                elapsed=sight.elapsed + delay,
                polls=sight.polls + 1,
            )
        return tuple(delays)

    def _interval(self, sight: Sight, outlook: Outlook) -> float:
        """Return the interval that is worth its poll, kept between the two guards."""
        longest = self._longest(sight)
        price = min(self.price, outlook.price(sight.age, self.slowest))
        interval = outlook.next_look(sight.age, sight.mark, price=price, longest=longest)
        return min(max(interval, self._soonest(sight), self.shortest), longest)

    def _longest(self, sight: Sight) -> float:
        """Return the interval in which polls times delay can be no worse than the slack allows."""
        usual = self.fallback.intervals[-1]
        saved = (self._polls_by(sight.elapsed) + 1.0) / (sight.polls + 1.0)
        longest = min(max(self.longest, usual, sight.age / 20.0), LONGEST_INTERVAL)
        return max(min(self.slack * usual * saved, longest), self.shortest)

    def _soonest(self, sight: Sight) -> float:
        """Return the interval before which one more poll is a tenth more than the fallback's."""
        return self._moment_of(sight.polls / CROWD) - sight.elapsed

    def _polls_by(self, elapsed: float) -> float:
        """Return how many polls the fallback makes by a time after the first, parts included."""
        at = max(0, bisect.bisect_right(self._moments, elapsed) - 1)
        return 1.0 + at + (elapsed - self._moments[at]) / self.fallback.intervals[at]

    def _moment_of(self, polls: float) -> float:
        """Return the time after the first poll by which it has made so many: the inverse."""
        at = min(max(int(polls) - 1, 0), len(self._moments) - 1)
        return max(0.0, self._moments[at] + (polls - 1.0 - at) * self.fallback.intervals[at])


DEFAULT_SCHEDULE = LearningSchedule()
"""Learns from the tasks of its client; until it knows something, and whenever what it knows turns
out wrong, it asks after 2, 3, 4.5 and then every 6 seconds, each within 15 %."""
