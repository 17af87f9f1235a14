"""One task as the fake knows it."""

import inspect
from typing import ClassVar

import attrs

from ..answers.answer import Answer
from ..scenario import ScenarioRun
from ..servers.task_state import CreateCall, TaskState


@attrs.define(kw_only=True, eq=False)
class FakeTask:
    """
    One task: what it was asked for, the course it takes, and how far it has come.

    Moments are on the clock of the loop.

    Attributes:
        id: The id under which the server knows it.
        order: What it was asked for.
        created: When it was made; None before its clock has started.
        remixed_from: The id of the task that it is a remix of.
        polls: How many polls have been answered.
    """

    # Tasks are made by the fake alone.
    __signature__: ClassVar = inspect.Signature()

    id: str
    order: CreateCall
    _course: ScenarioRun
    created: float | None = None
    remixed_from: str | None = None
    polls: int = 0
    _seen_completed: float | None = attrs.field(default=None, repr=False)

    def poll(self, now: float) -> Answer:
        """Count a poll and return its answer; the first poll starts a clock that stands still."""
        if self.created is None:
            self.created = now
        self.polls += 1
        answer = self._course.answer(self._age(now), self.polls)
        shown = answer.snapshot
        if shown is not None and shown.phase == "succeeded" and self._seen_completed is None:
            self._seen_completed = now
        return answer

    def look(self, now: float) -> TaskState | None:
        """Return the state of the task, without a poll; None: the server does not know it yet."""
        return self._course.look(self._age(now), self.polls)

    def ended(self, now: float) -> float:
        """Return when the task was finished: by its life, or when a poll first said so."""
        if self._course.duration is None:
            return now if self._seen_completed is None else self._seen_completed
        return min(now, now - self._age(now) + self._course.duration)

    def grow(self, seconds: float) -> None:
        """Let *seconds* have passed for this task alone; for one that has not begun, none do."""
        if self.created is not None:
            self.created -= seconds
        if self._seen_completed is not None:
            self._seen_completed -= seconds

    def _age(self, now: float) -> float:
        # Rounded: 0.3 - 0.1 is less than 0.2, and a task 0.2 s old must be as old as that.
        return 0.0 if self.created is None else round(now - self.created, 6)
