"""What a task goes through: a life by the clock, or a script by the number of polls."""

import bisect
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import attrs

from .answers.answer import Answer, completed, failed, queued, running
from .answers.replies import unknown_task
from .servers.task_state import TaskState


class ScenarioRun(Protocol):
    """The rule by which a task is answered; an age is in seconds, polls are numbered from 1."""

    @property
    def duration(self) -> float | None:
        """The age at which the task ends; None where only an answer can tell."""

    def answer(self, age: float, poll: int) -> Answer:
        """Return what poll number *poll* is answered at *age*."""

    def look(self, age: float, polls: int) -> TaskState | None:
        """Return what is known of the task at *age*, after so many polls; None: not even the id."""


TRAJECTORY: Final = (
    (0.0, 0.0),
    (0.1, 0.04),
    (0.3, 0.42),
    (0.5, 0.54),
    (0.6, 0.67),
    (0.7, 0.75),
    (0.75, 0.81),
    (0.86, 0.93),
    (1.0, 0.93),
)
"""Progress as it was seen on real servers: in fits and starts, and standing still near the end."""


@attrs.frozen(kw_only=True)
class Scenario:
    """
    What a task goes through as time passes, whoever looks and however often.

    Lengths are seconds; ``math.inf`` is a length too, of a task that hangs.

    Attributes:
        queued: How long the task waits to be worked on.
        running: How long it is worked on after that. The default is the median of what was seen
            on one relay.
        trajectory: The progress shown while it runs: pairs of the part of *running* that has
            passed and the progress shown then, both from 0.0 to 1.0, in the order of the first.
            Between two pairs the progress moves evenly. None: the server sends no progress.
        failure: Code and message with which the task ends; None: it ends with a video.
        url_delay: How long the URL is missing after the task has been completed; None: for ever.
        visible_after: How long after its creation the server does not know the task yet.
        faults: What single polls are answered instead, by their number, the first being 1.
    """

    queued: float = 10.0
    running: float = 256.0
    trajectory: Sequence[tuple[float, float]] | None = TRAJECTORY
    failure: tuple[str | None, str | None] | None = None
    url_delay: float | None = 0.0
    visible_after: float = 0.0
    faults: Mapping[int, Answer] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.trajectory is None:
            return
        parts = [part for part, _ in self.trajectory]
        if not parts or parts != sorted(parts):
            raise ValueError("a trajectory is one or more pairs in the order of their first number")

    @property
    def duration(self) -> float:
        """How long the task takes, from its creation to its end."""
        return self.queued + self.running

    def faster(self, factor: float) -> "Scenario":
        """Return the same life lived *factor* times as fast; the faults keep their own times."""
        return attrs.evolve(
            self,
            queued=self.queued / factor,
            running=self.running / factor,
            url_delay=None if self.url_delay is None else self.url_delay / factor,
            visible_after=self.visible_after / factor,
        )

    def answer(self, age: float, poll: int) -> Answer:
        """
        Return what a poll is answered.

        Args:
            age: The seconds since the task was made.
            poll: The number of the poll, from 1.
        """
        if poll in self.faults:
            return self.faults[poll]
        return self._answer(age)

    def look(self, age: float, polls: int) -> TaskState | None:
        """Return the state at *age*, whatever single polls are answered."""
        return self._answer(age).snapshot

    def _answer(self, age: float) -> Answer:
        if age < self.visible_after:
            return unknown_task()
        if age < self.queued:
            return queued()
        if age < self.duration:
            return running(self._progress((age - self.queued) / self.running))
        if self.failure is not None:
            return failed(*self.failure)
        has_url = self.url_delay is not None and age >= self.duration + self.url_delay
        return completed() if has_url else completed(url=None)

    def _progress(self, passed: float) -> float | None:
        """Return the progress shown when the part *passed* of the running time has passed."""
        if self.trajectory is None:
            return None
        after = bisect.bisect_right(self.trajectory, passed, key=lambda pair: pair[0])
        start, low = self.trajectory[max(after - 1, 0)]
        end, high = self.trajectory[min(after, len(self.trajectory) - 1)]
        if not start < end:
            return low
        return low + (high - low) * (passed - start) / (end - start)


@attrs.frozen
class Script:
    """One answer for each poll; the last one is for all that follow."""

    answers: tuple[Answer, ...]

    duration: None = attrs.field(default=None, init=False)

    def answer(self, age: float, poll: int) -> Answer:
        """Return the answer of the poll, whenever it comes."""
        return self.answers[min(poll, len(self.answers)) - 1]

    def look(self, age: float, polls: int) -> TaskState | None:
        """Return what the newest answer that was no fault showed; before any poll, the first."""
        given = self.answers[: max(polls, 1)]
        shown = [answer.snapshot for answer in given if answer.snapshot is not None]
        return shown[-1] if shown else queued().snapshot
