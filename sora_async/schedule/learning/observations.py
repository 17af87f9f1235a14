"""What polls have shown of one task, as far as it bears on how long it takes."""

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
"""The age in seconds from which the progress of a first response may be old."""

HALF_DONE = 0.5
"""A task that is so far at its first poll began long before."""

_MARK = struct.Struct("=dd")

MAX_NEGLECT = 240.0
"""Seconds after which a task that cannot have ended is polled before one that surely has."""


@attrs.frozen(kw_only=True)
class CensoredDuration:
    """
    The duration of one task, as far as a wait has observed it.

    Attributes:
        result: Whether there was a video, a failure, or the wait was cancelled.
        after: The age at which the task was last observed running.
        before: The age at which its end was observed; infinite when it was not.
        marks: The first and the newest change of progress in each tenth, in order.
        silence: The longest time without a change, in seconds.
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
    What polls have shown of one task, as far as it bears on when to poll again.

    Attributes:
        age: Seconds from the creation of the task to the newest response; from the first
            poll where the service does not name the creation.
        elapsed: Seconds from the first poll to the newest response.
        polls: Responses so far.
        trail: The first and the newest change of progress in each tenth, in order, packed: as a
            tuple, up to 20 of them take 2.1 kB instead of 0.35 of about 4 kB for a wait.
        furthest: The largest progress so far, 0.0 to 1.0.
        moved: The age at which progress or phase last changed.
        silence: The longest time so far without a change.
        is_late: Whether an end, observed next, would not tell how long the task took:
            there was no response yet, or the first one was of a task
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
        """The newest change of progress."""
        return _last(self.trail) if self.trail else None

    @property
    def marks(self) -> tuple[ProgressPoint, ...]:
        """The first and the newest change of progress in each tenth, in order."""
        return tuple(map(ProgressPoint._make, _MARK.iter_unpack(self.trail)))

    def saw(
        self, *, age: float, elapsed: float, progress: float | None, moved: bool
    ) -> "TaskObservations":
        """
        Return the observations after one more response, of a task that goes on.

        Args:
            age: From the creation of the task to this response, as above.
            elapsed: From the first poll to this response.
            progress: The progress in this response alone.
            moved: Whether its phase, or position in the queue, has changed.
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
        """Return whether the age at a first response is that of the task, not of the wait only."""
        return age - elapsed >= 1.0 or furthest < HALF_DONE

    def ending(
        self, result: Result, *, age: float | None, exact: float | None = None
    ) -> CensoredDuration:
        """
        Return the duration that the wait has observed.

        Args:
            result: Whether there was a video, a failure, or the wait was cancelled.
            age: The age at which the end was observed; None when it was not.
            exact: The duration that the service names; used if it is between the polls.
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
    """Return the points with a newer one, which replaces all but the first of its tenth."""
    before = trail[: -_MARK.size]
    if before and _last(before).level == new.level:
        trail = before
    return trail + _MARK.pack(*new)


def _last(trail: bytes) -> ProgressPoint:
    return ProgressPoint(*_MARK.unpack_from(trail, len(trail) - _MARK.size))


def is_stalled(
    observations: TaskObservations, forecast: DurationForecast | None, *, age: float
) -> bool:
    """Return whether nothing has changed for longer than in 98 of 100 tasks before."""
    stall_after = forecast.stall_after if forecast is not None and forecast.is_trusted else None
    return stall_after is not None and age - observations.moved > stall_after


def remaining(
    observations: TaskObservations,
    forecast: DurationForecast | None,
    *,
    age: float,
    parts: tuple[float, ...] = (0.5, 0.9),
) -> tuple[float, ...] | None:
    """Return the seconds within which the video is there, with each probability, if known."""
    if forecast is None or not forecast.is_trusted or age >= EDGES[-1]:
        return None
    return tuple(forecast.remaining(part, age, observations.mark) for part in parts)


def urgency(
    observations: TaskObservations, forecast: DurationForecast | None, *, age: float
) -> float:
    """
    Return the priority of a due poll where permits are short; the greatest goes first.

    It is the probability that the poll finds the end, plus a part that grows with the time
    since the last one, so that no task is passed over for good.

    Source: Azar et al., "Tractable near-optimal policies for crawling", PNAS 115:8099 (2018),
    whose greedy index, too, is what a request is likely to find.
    """
    gap = max(0.0, age - observations.age)
    chance = gap / MAX_NEGLECT
    if forecast is not None and forecast.is_trusted:
        chance += forecast.chance(observations.age, age, observations.mark)
    return chance
