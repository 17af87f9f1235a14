"""One task as the fake knows it."""

import attrs

from ._answers import Answer
from ._lives import Course
from ._snapshots import Order


@attrs.define(kw_only=True, eq=False)
class Task:
    """
    One task: what it was asked for, the course it takes, and how far it has come.

    Moments are on the clock of the loop.

    Attributes:
        created: When it was made; None before its clock has started.
        polls: How many polls have been answered.
    """

    id: str
    order: Order
    course: Course
    created: float | None = None
    polls: int = 0
    _seen_completed: float | None = None

    def poll(self, now: float) -> Answer:
        """Count a poll and return its answer; the first poll starts a clock that stands still."""
        if self.created is None:
            self.created = now
        self.polls += 1
        answer = self.course.answer(self._age(now), self.polls)
        if answer.is_completed and self._seen_completed is None:
            self._seen_completed = now
        return answer

    def has_file(self, now: float) -> bool:
        """Return whether there is a video to download."""
        return self.course.has_file(self._age(now), self.polls)

    def ended(self, now: float) -> float:
        """Return when the task was finished: by its life, or when a poll first said so."""
        if self.course.duration is None:
            return now if self._seen_completed is None else self._seen_completed
        return min(now, now - self._age(now) + self.course.duration)

    def _age(self, now: float) -> float:
        # Rounded: 0.3 - 0.1 is less than 0.2, and a task 0.2 s old must be as old as that.
        return 0.0 if self.created is None else round(now - self.created, 6)
