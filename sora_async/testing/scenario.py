"""What a task goes through: a scenario by the clock, or a script by the number of polls."""

import bisect
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from .answers.answer import (
    Answer,
    answer_factory,
    completed,
    failed,
    queued,
    running,
    unknown_task,
)
from .profiles.task_state import TaskState

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
"""Progress as seen on real servers: in steps, and stalled near the end."""


@attrs.frozen(kw_only=True)
class Scenario:
    """
    What a task goes through as time passes, however often it is polled.

    All times are in seconds; ``math.inf`` is allowed, for a task that hangs.

    Attributes:
        queued: How long the task is queued.
        running: How long it runs after that. The default is the median seen on one relay.
        trajectory: The progress shown while it runs: pairs of the elapsed part of *running* and
            the progress shown then, both from 0.0 to 1.0, sorted by the first. Between two pairs
            the progress is interpolated. None: the server sends no progress.
        failure: Code and message with which the task fails; None: it ends with a video.
        url_delay: How long the URL is missing after the task has completed; None: for ever.
        visible_after: How long after its creation the task is still unknown to polls.
        faults: Answers to single polls instead of the state, by their number, from 1.
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
            raise ValueError("a trajectory is one or more pairs, sorted by their first number")

    @property
    def duration(self) -> float:
        """The seconds from the task's creation to its end."""
        return self.queued + self.running

    def faster(self, factor: float) -> "Scenario":
        """Return the scenario *factor* times as fast; delays inside of faults stay."""
        return attrs.evolve(
            self,
            queued=self.queued / factor,
            running=self.running / factor,
            url_delay=None if self.url_delay is None else self.url_delay / factor,
            visible_after=self.visible_after / factor,
        )

    def answer(self, age: float, poll: int) -> Answer:
        """Return the answer to poll number *poll*, from 1, at *age*, in seconds."""
        return self.faults.get(poll) or self._answer(age)

    def state_at(self, age: float, polls: int) -> TaskState | None:
        """Return the state at *age*, without regard to *faults*; None: not visible yet."""
        return self._answer(age).state

    def is_url_late(self, age: float, polls: int) -> bool:
        """Return whether the task has succeeded at *age* and its URL is still to come."""
        return self.url_delay is not None and 0.0 <= age - self.duration < self.url_delay

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

    def _progress(self, elapsed: float) -> float | None:
        """Return the progress shown when the part *elapsed* of the running time is over."""
        if self.trajectory is None:
            return None
        after = bisect.bisect_right(self.trajectory, elapsed, key=lambda pair: pair[0])
        start, low = self.trajectory[max(after - 1, 0)]
        end, high = self.trajectory[min(after, len(self.trajectory) - 1)]
        if not start < end:
            return low
        return low + (high - low) * (elapsed - start) / (end - start)


@attrs.frozen
class Script:
    """One answer for each poll; the last one is for all that follow."""

    answers: tuple[Answer, ...]

    duration: None = attrs.field(default=None, init=False)

    def answer(self, age: float, poll: int) -> Answer:
        """Return the answer to the poll, at whatever age."""
        return self.answers[min(poll, len(self.answers)) - 1]

    def state_at(self, age: float, polls: int) -> TaskState | None:
        """Return the state that the newest answer to a poll showed; before any, the first."""
        given = self.answers[: max(polls, 1)]
        shown = [answer.state for answer in given if answer.state is not None]
        return shown[-1] if shown else queued().state

    def is_url_late(self, age: float, polls: int) -> bool:
        """Return whether the newest answer showed no URL, and a later one does."""
        return any(answer.state is not None and answer.state.url for answer in self.answers[polls:])


@answer_factory
def accepted(answer: Answer | None = None, *, scenario: Scenario | None = None) -> Answer:
    """
    Make the task of a create, and then answer as *answer* does.

    It is for :meth:`FakeSora.on_create`: ``accepted(reset())`` makes a task, which will be billed,
    and breaks the connection, so that the client does not learn of it.

    Args:
        answer: What is answered; None means the usual response to a create.
        scenario: What the task goes through; None means the fake's *default_scenario*.
    """
    return attrs.evolve(answer or queued(), is_accepted=True, scenario=scenario)
