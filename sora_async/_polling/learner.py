"""What polling learns from tasks that have ended, for those that are still polled."""

import math
import os
import threading
from datetime import UTC, datetime

import attrs

from ..errors import SoraError, TaskFailedError
from ..models import Phase, VideoTask
from ..schedule import History
from ..schedule.learning.duration_history import DurationHistory, task_kinds
from ..schedule.learning.duration_model import TaskKind
from .decide import Done, End, GiveUp
from .fault_policy import FaultPolicy
from .polled_task import PolledTask

MAX_KINDS = 1000
"""Kinds of tasks of which one copy is kept for all waits."""

LEARNING_BURST = 80.0
"""Ended tasks that are learned from at once. One takes as much time as two polls, and the
duration history remembers some eighty."""

LEARNING_RATE = 20.0
"""Ended tasks that are learned from in a second, on average."""

VIDEOS_WITHOUT_URL = 2
"""Videos of a model that were waited for without a URL, before others are waited for less."""

SHORT_GRACE = 5.0
"""Seconds for which a URL is waited for then."""

TRY_AGAIN = 10
"""Of so many videos, one has the whole grace all the same: the server may have changed."""

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
        self._left, self._learned_at = LEARNING_BURST, -math.inf
        self._kinds: dict[tuple[TaskKind, ...], tuple[TaskKind, ...]] = {}
        self._without_url: dict[TaskKind, set[str]] = {}  # the ids of some
        self._with_url: set[TaskKind] = set()
        self._hurried: dict[TaskKind, int] = {}

    def before_task(self, history: History, task: VideoTask, now: float) -> History:
        """Return a history with what is known of tasks of its kind, before it sees a snapshot."""
        if history.kinds is None:
            kinds = task_kinds(task.model, task.size, task.seconds)
            if len(self._kinds) > MAX_KINDS:
                self._kinds.clear()
            # Once for all tasks of a kind, and not for each of them.
            kinds = self._kinds.setdefault(kinds, kinds)
            waited = 0.0 if history.created_at is None else now - history.created_at
            created_at = now - self._estimate_age(task.created_at, waited)
            history = attrs.evolve(history, kinds=kinds, created_at=created_at)
        assert history.kinds is not None
        with _LEARNING:
            forecast = self._duration_history.forecast(history.kinds)
        return history if forecast is history.forecast else attrs.evolve(history, forecast=forecast)

    def _estimate_age(self, created_at: datetime | None, waited: float) -> float:
        """
        Return the age of a task at its first snapshot, in seconds.

        The clocks of the service and ours may differ by hours, as time zones do. So
        the smallest difference seen stands for a task that was just created, after
        the seconds for which it had been waited for before.
        """
        if created_at is None:
            return waited
        difference = (datetime.now(UTC) - created_at).total_seconds()
        self._min_clock_difference = min(self._min_clock_difference, difference - waited)
        return difference - self._min_clock_difference

    def fault_policy(
        self, polled: PolledTask, before: History, outcome: VideoTask | SoraError
    ) -> FaultPolicy:
        """
        Return how long a wait goes on while polls fail: less for a URL that others never had.

        It is decided when the task succeeds, and not changed by what others meet later.
        """
        fault_policy = polled.key.fault_policy
        if before.succeeded_at is None:
            if not isinstance(outcome, VideoTask) or outcome.phase is not Phase.SUCCEEDED:
                return fault_policy
            polled.has_short_grace = self._hurries(polled)
        if not polled.has_short_grace:
            return fault_policy
        return attrs.evolve(fault_policy, url_grace=min(SHORT_GRACE, fault_policy.url_grace))

    def _hurries(self, polled: PolledTask) -> bool:
        model = _model_of(polled.history)
        if (
            len(self._without_url.get(model, ())) < VIDEOS_WITHOUT_URL
            or polled.key.fault_policy.until != "video"
        ):
            return False
        self._hurried[model] = self._hurried.get(model, 0) + 1
        return self._hurried[model] % TRY_AGAIN != 0

    def task_ended(self, polled: PolledTask, before: History, end: End, now: float) -> None:
        """
        Learn from a task that has ended; an error of ours teaches nothing.

        Args:
            polled: With the history after the last poll.
            before: The history before it.
            end: How the wait ended.
            now: The moment of the last response.
        """
        if isinstance(end, Done):
            self._learn_of_url(polled, end.task)
        has_failed = isinstance(end, GiveUp) and isinstance(end.error, TaskFailedError)
        if before.kinds is None or not (has_failed or isinstance(end, Done)):
            return
        ended_at = now if before.succeeded_at is None else before.succeeded_at
        duration = before.observations.ending(
            "failure" if has_failed else "video", age=before.age(ended_at)
        )
        if duration.is_telling and self._may_learn(now):
            with _LEARNING:
                self._duration_history.learn(before.kinds, duration)

    def _learn_of_url(self, polled: PolledTask, task: VideoTask) -> None:
        """Remember the videos of a model whose URL never came, as long as none ever had one."""
        model = _model_of(polled.history)
        if task.is_complete:
            if len(self._with_url) > MAX_KINDS:
                self._with_url.clear()
            self._with_url.add(model)
            self._without_url.pop(model, None)
        elif (
            polled.key.fault_policy.until == "video"
            and polled.history.outage is None  # else something else has ended the wait
            and model not in self._with_url
        ):
            if len(self._without_url) > MAX_KINDS:
                self._without_url.clear()
                self._hurried.clear()
            ids = self._without_url.setdefault(model, set())
            if len(ids) < VIDEOS_WITHOUT_URL:
                ids.add(task.id)

    def _may_learn(self, now: float) -> bool:
        """Return whether there is time to learn from one more task, and use that time."""
        self._left = min(LEARNING_BURST, self._left + LEARNING_RATE * (now - self._learned_at))
        self._learned_at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def _model_of(history: History) -> TaskKind:
    """Return the kind that is a model, or any task where none is named."""
    return history.kinds[1] if history.kinds is not None and len(history.kinds) > 1 else ()
