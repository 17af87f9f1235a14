"""What polls have shown of a task, and what a schedule is."""

import math
from typing import Protocol, TypeGuard

import attrs

from ..errors import RateLimitError, ResponseError, SoraError, TaskNotFoundError
from ..models import Phase, VideoTask
from ..models.repr import brief
from .backoff import retry_after_of
from .learning.duration_model import TaskKind
from .learning.forecast import DurationForecast
from .learning.observations import (
    MAX_NEGLECT,
    TaskObservations,
    is_stalled,
    remaining,
    urgency,
)

_NOTHING_SEEN = TaskObservations()

_QUEUED, _RUNNING, _SUCCEEDED = Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED
"""By names of their own: to look one up in its class takes a call in Python 3.11."""


@attrs.frozen(kw_only=True)
class Outage:
    """
    Consecutive polls that failed.

    Attributes:
        last_error: The newest error.
        first_error_at: The moment of the first error.
        started: From when on ``outage_timeout`` counts: the first error that was no 404. Time in
            which the service asked not to be polled, or nobody waited, moves it forward.
        errors: How many polls have failed, 404s left out.
        not_found: How many 404s came in a row, the newest response being the last.
    """

    __repr__ = brief

    last_error: SoraError
    first_error_at: float
    started: float
    errors: int = 0
    not_found: int = 0


@attrs.frozen(kw_only=True)
class History:
    """
    What the polls of one task have shown so far.

    Moments are on the clock of *started*, which only goes forward.

    Attributes:
        task_id: The id that is asked for.
        started: The moment of the first poll.
        polls: Polls that have been answered or have failed.
        last: The newest snapshot.
        progress: The largest progress so far, 0.0 to 1.0; None while there was none.
        outage: The failed polls since that snapshot; None when the last poll succeeded.
        succeeded_at: When the task was first seen to have succeeded; None while it has not.
        created_at: The moment the task was created, as far as it is known; None for *started*.
        kinds: The kinds the task is of, the widest first; None before the first snapshot.
        observations: What was seen of the task that bears on how long it takes.
        forecast: What earlier tasks of its kind say of that; None when too little is known.
    """

    __repr__ = brief

    task_id: str
    started: float
    polls: int = 0
    last: VideoTask | None = None
    progress: float | None = None
    outage: Outage | None = None
    succeeded_at: float | None = None
    created_at: float | None = None
    kinds: tuple[TaskKind, ...] | None = attrs.field(default=None, repr=False)
    observations: TaskObservations = _NOTHING_SEEN
    forecast: DurationForecast | None = attrs.field(default=None, repr=False)

    def age(self, now: float) -> float:
        """Return the seconds since the task was created, as far as that is known."""
        return now - (self.started if self.created_at is None else self.created_at)

    def after_task(self, task: VideoTask, *, now: float) -> "History":
        """Return the history after a poll that succeeded; it ends an outage."""
        succeeded_at = None
        if task.phase is _SUCCEEDED:
            succeeded_at = now if self.succeeded_at is None else self.succeeded_at
        observations = self.observations
        if task.phase in (_QUEUED, _RUNNING) and not task.is_complete:
            observations = observations.saw(
                age=self.age(now),
                elapsed=max(0.0, now - self.started),
                progress=task.progress,
                moved=self.last is None
                or task.phase is not self.last.phase
                or task.queue_position != self.last.queue_position,
            )
        # In place of attrs.evolve, which takes twice as long: this is done for every poll.
        return History(
            task_id=self.task_id,
            started=self.started,
            polls=self.polls + 1,
            last=task,
            progress=furthest(self.progress, task.progress),
            succeeded_at=succeeded_at,
            created_at=self.created_at,
            kinds=self.kinds,
            observations=observations,
            forecast=self.forecast,
        )

    def after_error(
        self,
        error: SoraError,
        *,
        now: float,
        last_success_at: float = -math.inf,
        is_planned: bool = True,
    ) -> "History":
        """
        Return the history after a poll that failed.

        Args:
            error: Why.
            now: The moment.
            last_success_at: When the service last sent any task: one that slows this client
                down, but serves its other polls, has no outage.
            is_planned: Whether the schedule asked for the poll. Webhooks may cause many in a
                second, in which a 404 that passes would end the wait.
        """
        outage = self.outage or Outage(last_error=error, first_error_at=now, started=now)
        if is_not_found(error):
            not_found = outage.not_found + is_planned
            outage = attrs.evolve(outage, last_error=error, not_found=not_found)
            return attrs.evolve(self, polls=self.polls + 1, outage=outage)
        started = now
        if outage.errors:
            started = outage.started + retry_after_of(outage.last_error)
            if isinstance(error, RateLimitError):
                started = max(started, last_success_at)
        outage = attrs.evolve(
            outage, last_error=error, started=started, errors=outage.errors + 1, not_found=0
        )
        return attrs.evolve(self, polls=self.polls + 1, outage=outage)

    def shift(self, seconds: float) -> "History":
        """Return the history as if its grace periods and its outage had begun later."""
        outage = self.outage
        if self.last is not None and outage is None and self.succeeded_at is None:
            return self
        if outage is not None:
            outage = attrs.evolve(
                outage,
                first_error_at=outage.first_error_at + seconds,
                started=outage.started + seconds,
            )
        return attrs.evolve(
            self,
            started=self.started + seconds,
            outage=outage,
            succeeded_at=None if self.succeeded_at is None else self.succeeded_at + seconds,
        )

    def time_left(self, now: float) -> tuple[float, float] | None:
        """Return the seconds within which the video comes with 50 % and with 90 %; or None."""
        if self.last is None or self.last.phase not in (_QUEUED, _RUNNING):
            return None
        left = remaining(self.observations, self.forecast, age=self.age(now))
        return None if left is None else (left[0], left[1])

    def usual_age(self, part: float) -> float | None:
        """
        Return the age by which a part of the tasks of its kind have ended; None: not known.

        Unlike a schedule's delay it does not depend on whether the forecast was right lately.
        """
        return None if self.forecast is None else self.forecast.ends.quantile(part, age=0.0)

    def is_stalled(self, now: float) -> bool:
        """Return whether nothing has changed for longer than in 98 of 100 tasks of the kind."""
        if self.last is None or self.last.phase not in (_QUEUED, _RUNNING):
            return False
        return is_stalled(self.observations, self.forecast, age=self.age(now))

    def urgency(self, now: float, *, due: float) -> float:
        """
        Return how much a poll that is due is worth; the greatest goes first.

        What grows for all tasks alike while they wait is left out, so that values of
        different moments can be compared.
        """
        age = self.age(now)
        index = urgency(self.observations, self.forecast, age=age)
        if self.outage is None:
            return index - now / MAX_NEGLECT
        # Its last snapshot is old although it was polled: what counts is when it is due.
        neglect = max(0.0, age - self.observations.age)
        return index - (neglect + due) / MAX_NEGLECT


def furthest(before: float | None, now: float | None) -> float | None:
    """Return the larger of two values of progress, None when neither is known."""
    if before is None or now is None:
        return now if before is None else before
    return max(before, now)


def is_not_found(error: SoraError) -> TypeGuard[ResponseError]:
    """Return whether the service says that there is no such task, or no such path."""
    return isinstance(error, TaskNotFoundError) or (
        isinstance(error, ResponseError) and error.status == 404
    )


class Policy(Protocol):
    """
    When to poll again: any hashable object with this one method.

    It must hold no changing state, because one object serves many waits: what was seen
    and what was learned are in the history.
    """

    def delay(self, history: History) -> float:
        """Return the seconds from a response to the next poll; a longer ``Retry-After`` wins."""
        ...

    def __hash__(self) -> int:
        """Return the same for equal policies: by it, waits for one task share their polls."""
        ...
