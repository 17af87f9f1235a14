"""One task of the fake."""

import inspect
from typing import ClassVar, Final

import attrs

from ..answers.answer import Answer, ScenarioRun, state_answer
from ..profiles.task_state import CreateCall, TaskState
from ..scenario import Script


@attrs.define(kw_only=True, eq=False)
class FakeTask:
    """
    One task: what it was created with, its scenario, and its polls so far.

    Moments are on the clock of the loop.

    Attributes:
        id: The id under which the server knows it.
        create: The arguments of its create.
        created_at: When it was created; None while its clock has not started.
        remixed_from: The id of the task that it is a remix of.
        polls: How many polls have been answered.
    """

    # Only the fake makes tasks.
    __signature__: ClassVar = inspect.Signature()

    id: str
    create: CreateCall
    _scenario: ScenarioRun
    created_at: float | None = None
    remixed_from: str | None = None
    polls: int = 0
    _last_shown: TaskState | None = attrs.field(default=None, repr=False)
    _seen_completed: float | None = attrs.field(default=None, repr=False)

    def poll(self, now: float) -> Answer:
        """Count a poll and return its answer; the first one starts a clock that has not started."""
        if self.created_at is None:
            self.created_at = now
        self.polls += 1
        answer = self._scenario.answer(self._age(now), self.polls)
        shown = answer.state
        self._last_shown = shown or self._last_shown
        if shown is not None and shown.phase == "succeeded" and self._seen_completed is None:
            self._seen_completed = now
        return answer

    def state_at(self, now: float) -> TaskState | None:
        """Return the state of the task, without a poll; None: it is not visible yet."""
        return self._scenario.state_at(self._age(now), self.polls)

    def is_url_late(self, now: float) -> bool:
        """Return whether the task has succeeded and its URL is still to come."""
        return self._scenario.is_url_late(self._age(now), self.polls)

    def polled_state(self) -> TaskState:
        """Return the state that the newest poll showed; before any, it is queued."""
        return self._last_shown or QUEUED

    def ends_at(self) -> float | None:
        """Return when the task ends by its scenario; None: it is not known."""
        if self.created_at is None or self._scenario.duration is None:
            return None
        return self.created_at + self._scenario.duration

    def ended_at(self, now: float) -> float:
        """Return when the task ended: by its scenario, or when a poll first showed it."""
        if self._scenario.duration is None:
            return now if self._seen_completed is None else self._seen_completed
        return min(now, now - self._age(now) + self._scenario.duration)

    def cancel(self) -> TaskState:
        """End the task as cancelled, and return that state."""
        self._scenario = Script((state_answer(CANCELLED),))
        return CANCELLED

    def advance(self, seconds: float) -> None:
        """Make the task *seconds* older, if its clock has started."""
        if self.created_at is not None:
            self.created_at -= seconds
        if self._seen_completed is not None:
            self._seen_completed -= seconds

    def _age(self, now: float) -> float:
        # Rounded: 0.3 - 0.1 is less than 0.2, and a task 0.2 s old must be as old as that.
        return 0.0 if self.created_at is None else round(now - self.created_at, 6)


QUEUED: Final = TaskState(phase="queued", fields={})
CANCELLED: Final = TaskState(
    phase="failed",
    code="cancelled",
    message="The task was cancelled.",
    fields={"status": "cancelled"},
)
"""The state of a cancelled task: a failure with a status word of its own."""
