"""The learned schedule: polls are dense where a task is likely to end."""

import bisect
import itertools
import math
from typing import Any

import attrs

from ..errors import InvalidArgumentError
from ..models.numbers import is_number
from ..models.repr import brief, shorten
from .backoff import MAX_INTERVAL
from .fixed import Schedule
from .history import History
from .learning.forecast import DurationForecast
from .learning.observations import TaskObservations


def _check_seconds(_: object, field: "attrs.Attribute[Any]", seconds: float) -> None:
    if not (is_number(seconds) and 0 < seconds <= MAX_INTERVAL):
        raise InvalidArgumentError(
            f"{field.name}: expected seconds above 0 and up to 86400, got {shorten(seconds)}"
        )


def _check_slack(_: object, field: "attrs.Attribute[Any]", slack: float) -> None:
    if not (is_number(slack) and 1 <= slack < math.inf):
        raise InvalidArgumentError(
            f"{field.name}: expected a number from 1 on, got {shorten(slack)}"
        )


OUTLIER = 0.05
"""A task that takes longer than 19 of 20 before it gets the fallback: the forecast says nothing."""

ESTIMATE_PART = 0.6
"""The part of a service's own ``estimated_time`` before which its first tasks are polled less."""

MAX_ESTIMATE_INTERVAL = 30.0
"""Seconds of the longest interval meanwhile, before jitter: an estimate may be far too long."""

MAX_POLL_RATIO = 1.1
"""How many polls there may be by any age, for each poll of the fallback."""


@attrs.frozen(kw_only=True, cache_hash=True)
class LearningSchedule:
    """
    Polls by what was learned of similar tasks; a fixed fallback where nothing was.

    Polls are dense where the task is likely to end and sparse before. Two bounds limit the cost
    of a wrong forecast: by any age at most 10 % more polls than the fallback makes, and
    no interval in which polls times delay could exceed the fallback's by more than *slack*.

    Attributes:
        price: How many seconds of later notice one saved poll is worth.
        slowest: The mean delay in seconds that is never exceeded to save polls:
            about that of the fallback.
        fallback: The schedule without a forecast, or with a wrong one.
            Its jitters are used for every delay.
        shortest: The shortest interval, before jitter.
        longest: The longest interval, before jitter, of a task younger than
            20 times that; the fallback's last interval if that is longer.
        slack: How much polls times delay may ever exceed those of the
            fallback, should the task end in this very interval.
    """

    __repr__ = brief

    price: float = attrs.field(default=0.14, validator=_check_seconds)
    slowest: float = attrs.field(default=2.8, validator=_check_seconds)
    fallback: Schedule = attrs.field(
        factory=Schedule, validator=attrs.validators.instance_of(Schedule)
    )
    shortest: float = attrs.field(default=0.5, validator=_check_seconds)
    longest: float = attrs.field(default=18.0, validator=_check_seconds)
    slack: float = attrs.field(default=1.45, validator=_check_slack)
    _moments: tuple[float, ...] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.shortest > self.longest:
            raise InvalidArgumentError(
                f"shortest: expected at most {self.longest!r}, the longest, got {self.shortest!r}"
            )
        moments = itertools.accumulate(self.fallback.intervals[:-1], initial=0.0)
        object.__setattr__(self, "_moments", tuple(moments))

    def delay(self, history: History) -> float:
        """Return the seconds from a response to the next poll, without any ``Retry-After``."""
        forecast = history.forecast
        if forecast is None:
            return max(self.fallback.delay(history), self._until_estimate(history))
        if not forecast.is_trusted or history.succeeded_at is not None:
            return self.fallback.delay(history)
        if forecast.ends.outlast(history.observations.age) < OUTLIER:
            return self.fallback.delay(history)
        jitter = self.fallback.first_jitter if history.polls <= 1 else self.fallback.jitter
        return jitter(self._interval(history.observations, forecast))

    def _until_estimate(self, history: History) -> float:
        """Return the delay that the service's own estimate allows before anything was learned."""
        task = history.last
        if task is None or not task.estimated_time or history.succeeded_at is not None:
            return 0.0
        left = ESTIMATE_PART * task.estimated_time - history.observations.age
        return self.fallback.jitter(min(left, MAX_ESTIMATE_INTERVAL)) if left > 0 else 0.0

    def next_delays(self, *, history: History | None = None, count: int = 10) -> tuple[float, ...]:
        """
        Return the delays to come, without jitter, for a task whose progress does not change.

        Args:
            history: What polls have shown; one response and nothing learned when None.
            count: How many delays.
        """
        forecast = None if history is None else history.forecast
        if history is None or forecast is None or not forecast.is_trusted:
            return self.fallback.next_delays(history=history, count=count)
        observations, delays = history.observations, []
        for _ in range(count):
            delay = self._interval(observations, forecast)
            delays.append(delay)
            observations = attrs.evolve(
                observations,
                age=observations.age + delay,
                elapsed=observations.elapsed + delay,
                polls=observations.polls + 1,
            )
        return tuple(delays)

    def _interval(self, observations: TaskObservations, forecast: DurationForecast) -> float:
        """Return the interval that is worth its poll, within the two bounds."""
        longest = self._longest(observations)
        price = min(self.price, forecast.price(observations.age, self.slowest))
        interval = forecast.next_look(
            observations.age, observations.mark, price=price, longest=longest
        )
        return min(max(interval, self._soonest(observations), self.shortest), longest)

    def _longest(self, observations: TaskObservations) -> float:
        """Return the interval in which polls times delay can be no worse than the slack allows."""
        usual = self.fallback.intervals[-1]
        saved = (self._polls_by(observations.elapsed) + 1.0) / (observations.polls + 1.0)
        longest = min(max(self.longest, usual, observations.age / 20.0), MAX_INTERVAL)
        return max(min(self.slack * usual * saved, longest), self.shortest)

    def _soonest(self, observations: TaskObservations) -> float:
        """Return the interval before which one more poll is a tenth more than the fallback's."""
        return self._moment_of(observations.polls / MAX_POLL_RATIO) - observations.elapsed

    def _polls_by(self, elapsed: float) -> float:
        """Return how many polls the fallback makes by a time after the first, parts included."""
        at = max(0, bisect.bisect_right(self._moments, elapsed) - 1)
        return 1.0 + at + (elapsed - self._moments[at]) / self.fallback.intervals[at]

    def _moment_of(self, polls: float) -> float:
        """Return the time after the first poll by which it has made so many: the inverse."""
        at = min(max(int(polls) - 1, 0), len(self._moments) - 1)
        return max(0.0, self._moments[at] + (polls - 1.0 - at) * self.fallback.intervals[at])


DEFAULT_SCHEDULE = LearningSchedule()
"""Learns from the tasks of its client. Without a forecast, or with a wrong one, it polls after 2,
3, 4.5 and then every 6 seconds, each within 15 %."""
