"""What a poller has seen of one task, as far as it bears on how long it takes."""

import math
import struct
from typing import Literal

import attrs

from ...models.repr import brief
from .forecast import DurationForecast
from .histogram import EDGES
from .progress_regression import ProgressPoint

Result = Literal["video", "failure", "unknown"]

LATE_JOIN = 20.0
"""The age in seconds from which on the progress of a first answer may have come long before."""

HALF_DONE = 0.5
"""No task is so far at its first poll, unless it began long before."""

_MARK = struct.Struct("=dd")

MAX_NEGLECT = 240.0
"""Seconds after which a task nobody expects anything of goes before one that has surely ended."""


@attrs.frozen(kw_only=True)
class CensoredDuration:
    """
    What a wait has to tell when it ends.

    Attributes:
        result: Whether there was a video, a failure, or the wait was broken off.
        after: The age at which the task was last seen to go on.
        before: The age at which its end was seen; infinite when it was not.
        marks: The first and the newest move of progress in each tenth, in order.
        silence: The longest time in which nothing moved.
    """

    __repr__ = brief

    result: Result
    after: float
    before: float = math.inf
    marks: tuple[ProgressPoint, ...] = ()
    silence: float = 0.0

    @property
    def is_telling(self) -> bool:
        """Whether there is anything to learn from it."""
        return self.result != "unknown" or self.after > 0.0


@attrs.frozen(kw_only=True, weakref_slot=False)
class TaskObservations:
    """
    What a poller has seen of one task, as far as it bears on when to ask again.

    Attributes:
        age: From the task's making to the newest good answer; from our first
            poll where the service does not say when it was made.
        elapsed: From our first poll to the newest good answer.
        polls: Good answers so far.
        trail: The first and the newest move of progress in each tenth, in order, packed: ten
            thousand waits keep up to twenty each.
        furthest: The largest part done so far, 0.0 to 1.0.
        moved: The age at which progress or phase has last moved.
        silence: The longest time so far in which nothing moved.
        is_late: Whether an end, seen next, would not tell how long the task took:
            there was no good answer yet, or its first one was of a task
            of unknown age that was far advanced.
    """

    __repr__ = brief

    age: float = 0.0
    elapsed: float = 0.0
    polls: int = 0
    trail: bytes = attrs.field(default=b"", repr=False)
    furthest: float = 0.0
    moved: float = 0.0
    silence: float = 0.0
    is_late: bool = True

    @property
    def mark(self) -> ProgressPoint | None:
        """The newest move of progress."""
        return _last(self.trail) if self.trail else None

    @property
    def marks(self) -> tuple[ProgressPoint, ...]:
        """The first and the newest move of progress in each tenth, in order."""
        return tuple(map(ProgressPoint._make, _MARK.iter_unpack(self.trail)))

    def saw(
        self, *, age: float, elapsed: float, progress: float | None, moved: bool
    ) -> "TaskObservations":
        """
        Return the sight after one more good answer, of a task that goes on.

        Args:
            age: From the task's making to this answer, as above.
            elapsed: From our first poll to this answer.
            progress: The part done, of this answer alone.
            moved: Whether its phase, or place in the queue, is another than before.
        """
        age = max(age, self.age)
        is_first = self.polls == 0
        trail, furthest = self.trail, self.furthest
        if progress is not None and progress > furthest:
            furthest = progress
            moved = True
            if not (is_first and age > LATE_JOIN):
                trail = _with(trail, ProgressPoint(age, progress))
        if is_first:
            moved = True
        silence = 0.0 if is_first else age - self.moved
        return TaskObservations(
            age=age,
            elapsed=elapsed,
            polls=self.polls + 1,
            trail=trail,
            furthest=furthest,
            moved=age if moved else self.moved,
            silence=self.silence if self.silence > silence else silence,
            is_late=self.is_late and not (is_first and self._is_bounded(age, elapsed, furthest)),
        )

    @staticmethod
    def _is_bounded(age: float, elapsed: float, furthest: float) -> bool:
        """Return whether a first answer's age is that of the task, and not of our wait only."""
        return age - elapsed >= 1.0 or furthest < HALF_DONE

    def ending(
        self, result: Result, *, age: float | None, exact: float | None = None
    ) -> CensoredDuration:
        """
        Return what the wait has to tell.

        Args:
            result: Whether there was a video, a failure, or the wait was broken off.
            age: The age at which the end was seen; None when it was not.
            exact: The service's own word on how long it took; heeded if it is between the polls.
        """
        if age is None or result == "unknown" or self.is_late:
            return CensoredDuration(result="unknown", after=self.age)
        after, before = self.age, max(age, self.age)
        if exact is not None and after <= exact <= before:
            after = before = exact
        silence = max(self.silence, before - self.moved)
        return CensoredDuration(
            result=result, after=after, before=before, marks=self.marks, silence=silence
        )


def _with(trail: bytes, new: ProgressPoint) -> bytes:
    """Return marks with a newer one, which replaces all but the first of its tenth."""
    before = trail[: -_MARK.size]
    if before and _last(before).level == new.level:
        trail = before
    return trail + _MARK.pack(*new)


def _last(trail: bytes) -> ProgressPoint:
    return ProgressPoint(*_MARK.unpack_from(trail, len(trail) - _MARK.size))


def is_stalled(
    observations: TaskObservations, forecast: DurationForecast | None, *, age: float
) -> bool:
    """Return whether nothing has moved for longer than in 98 of 100 tasks before."""
    patience = forecast.patience if forecast is not None and forecast.is_trusted else None
    return patience is not None and age - observations.moved > patience


def remaining(
    observations: TaskObservations,
    forecast: DurationForecast | None,
    *,
    age: float,
    parts: tuple[float, ...] = (0.5, 0.9),
) -> tuple[float, ...] | None:
    """Return the seconds within which the video comes, with each probability; None: not known."""
    if forecast is None or not forecast.is_trusted or age >= EDGES[-1]:
        return None
    return tuple(forecast.remaining(part, age, observations.mark) for part in parts)


def urgency(
    observations: TaskObservations, forecast: DurationForecast | None, *, age: float
) -> float:
    """
    Return an index by which due polls share too few slots, the greatest first.

    The chance that a poll finds the end, and a floor that grows with the time
    since the last one: a task whose chance has become small is passed over
    for some time, and never for good.

    Source: Azar et al., "Tractable near-optimal policies for crawling", PNAS 115:8099 (2018),
    whose greedy index, too, is what a request is likely to find.
    """
    gap = max(0.0, age - observations.age)
    chance = gap / MAX_NEGLECT
    if forecast is not None and forecast.is_trusted:
        chance += forecast.chance(observations.age, age, observations.mark)
    return chance
