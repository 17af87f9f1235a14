"""What polling learns from tasks that have ended, for those that are still polled."""

import math
import os
import threading
from datetime import UTC, datetime, timedelta

import attrs

from ..errors import TaskFailedError
from ..models import VideoTask
from ..schedule import History
from ..schedule.learning.duration_history import DurationHistory, task_kinds
from ..schedule.learning.duration_model import TaskKind
from .decide import Done, End

MAX_KINDS = 1000
"""Kinds of tasks of which one copy is kept for all waits."""

LEARNING_BURST = 80.0
"""Ended tasks that are learned from at once. One takes as much time as two polls, and the
duration history remembers some eighty."""

LEARNING_RATE = 20.0
"""Ended tasks that are learned from in a second, on average."""

_LEARNING = threading.Lock()
"""For a duration history: clients on the loops of several threads may share one."""

if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    # Or a child process could find it held by a thread that exists in its parent only.
    os.register_at_fork(
        before=_LEARNING.acquire,
        after_in_parent=_LEARNING.release,
        after_in_child=_LEARNING.release,
    )


class TaskLearner:
    """
    What the polls of one client on one loop learn for each other.

    This is all that polling knows of learning: it is shown each snapshot, and told how
    each task has ended. What was learned comes back in the history that a schedule gets.

    Args:
        duration_history: How long tasks of each kind take; it may outlive the client.
    """

    def __init__(self, duration_history: DurationHistory) -> None:
        self._duration_history = duration_history
        self._min_clock_difference = math.inf
        self._epoch: datetime | None = None
        self._left, self._learned_at = LEARNING_BURST, -math.inf
        self._kinds: dict[tuple[TaskKind, ...], tuple[TaskKind, ...]] = {}

    def before_task(self, history: History, task: VideoTask, now: float) -> History:
        """Return a history with what is known of tasks of its kind, before it sees a snapshot."""
        if history.kinds is None:
            kinds = task_kinds(task.model, task.size, task.seconds)
            if len(self._kinds) > MAX_KINDS:
                self._kinds.clear()
            # Once for all tasks of a kind, and not for each of them.
            kinds = self._kinds.setdefault(kinds, kinds)
            waited = 0.0 if history.created_at is None else now - history.created_at
            created_at = now - self._estimate_age(task.created_at, waited, now)
            history = attrs.evolve(history, kinds=kinds, created_at=created_at)
        assert history.kinds is not None
        with _LEARNING:
            forecast = self._duration_history.forecast(history.kinds)
        return history if forecast is history.forecast else attrs.evolve(history, forecast=forecast)

    def _estimate_age(self, created_at: datetime | None, waited: float, now: float) -> float:
        """
        Return the age of a task at its first snapshot, in seconds.

        The clocks of the service and ours may differ by hours, as time zones do. So
        the smallest difference seen stands for a task that was just created, after
        the seconds for which it had been waited for before. Our clock is read once, and goes on
        with the loop's: it may be set meanwhile.
        """
        if created_at is None:
            return waited
        if self._epoch is None:
            self._epoch = datetime.now(UTC) - timedelta(seconds=now)
        difference = (self._epoch - created_at).total_seconds() + now
        self._min_clock_difference = min(self._min_clock_difference, difference - waited)
        return difference - self._min_clock_difference

    def task_ended(self, before: History, end: End, now: float) -> None:
        """
        Learn from a task that has ended; an error of ours teaches nothing.

        Args:
            before: The history before the last poll.
            end: How the wait ended.
            now: The moment of the last response.
        """
        if before.kinds is None or not has_task_ended(end):
            return
        ended_at = now if before.succeeded_at is None else before.succeeded_at
        duration = before.observations.ending(
            "video" if isinstance(end, Done) else "failure", age=before.age(ended_at)
        )
        if duration.is_telling and self._may_learn(now):
            with _LEARNING:
                self._duration_history.learn(before.kinds, duration)

    def _may_learn(self, now: float) -> bool:
        """Return whether there is time to learn from one more task, and use that time."""
        self._left = min(LEARNING_BURST, self._left + LEARNING_RATE * (now - self._learned_at))
        self._learned_at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def has_task_ended(end: End) -> bool:
    """Return whether a wait ended because its task did, and not by an error of ours."""
    return isinstance(end, Done) or isinstance(end.error, TaskFailedError)
