"""What a poller learns from the tasks that end, and what it knows by that of those under way."""

import math
import os
import threading
from datetime import UTC, datetime

import attrs

from ..errors import SoraError, TaskFailedError
from ..models import Phase, VideoTask
from ..schedule import History
from ..schedule.learning.duration_model import TaskKind
from ..schedule.learning.duration_history import DurationHistory, task_kinds
from .decide import Done, GiveUp
from .fault_policy import FaultPolicy
from .polled_task import PolledTask

MAX_KINDS = 1000
"""Kinds of tasks of which one copy is kept for all waits."""

LEARNING_BURST = 80.0
"""Ends in a row that are learned from. To learn from one takes as long as two polls, and of
thousands at once the memory holds the last eighty."""

LEARNING_RATE = 20.0
"""Ends in a second that are learned from for as long as they come."""

VIDEOS_WITHOUT_URL = 2
"""Videos of a model that were waited for without a URL, before others are waited for less."""

SHORT_GRACE = 5.0
"""Seconds for which a URL is waited for then."""

TRY_AGAIN = 10
"""Of so many videos, one has the whole grace all the same: the server may have changed."""

_LEARNING = threading.Lock()
"""Held for a memory: loops of several threads may share one, by a client that they share."""

if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    # Or a child could find it held, by a thread that it has not got.
    os.register_at_fork(
        before=_LEARNING.acquire,
        after_in_parent=_LEARNING.release,
        after_in_child=_LEARNING.release,
    )


class TaskLearner:
    """
    What the waits of one client on one loop have learned for each other.

    Args:
        duration_history: How long tasks of each kind take; it outlives the client.
    """

    def __init__(self, duration_history: DurationHistory) -> None:
        self._duration_history = duration_history
        self._least_head_start = math.inf
        self._left, self._taught_at = LEARNING_BURST, -math.inf
        self._kinds: dict[tuple[TaskKind, ...], tuple[TaskKind, ...]] = {}
        self._without_url: dict[TaskKind, set[str]] = {}  # the ids of some
        self._with_url: set[TaskKind] = set()
        self._hurried: dict[TaskKind, int] = {}

    def prepare(self, polled: PolledTask, task: VideoTask, now: float) -> History:
        """Return the history with what tasks of its kind have taught."""
        history = polled.history
        if polled.kinds is None:
            kinds = task_kinds(task.model, task.size, task.seconds)
            if len(self._kinds) > MAX_KINDS:
                self._kinds.clear()
            # Once for all waits of a kind, and not for each of them.
            polled.kinds = self._kinds.setdefault(kinds, kinds)
            waited = 0.0 if history.created_at is None else now - history.created_at
            head_start = self._head_start(task.created_at, waited)
            history = attrs.evolve(history, created_at=now - head_start)
        with _LEARNING:
            forecast = self._duration_history.forecast(polled.kinds)
        return history if forecast is history.forecast else attrs.evolve(history, forecast=forecast)

    def _head_start(self, made_at: datetime | None, waited: float) -> float:
        """
        Return the age of a task at its first answer, in seconds.

        The clocks of the service and ours may differ by hours, as zones do. So
        the least that was seen stands for a task that was just made, after
        the seconds for which it was waited for before.
        """
        if made_at is None:
            return waited
        head_start = (datetime.now(UTC) - made_at).total_seconds()
        self._least_head_start = min(self._least_head_start, head_start - waited)
        return head_start - self._least_head_start

    def fault_policy(self, polled: PolledTask, seen: VideoTask | SoraError) -> FaultPolicy:
        """
        Return how long a wait bears with trouble: less for a URL that others never had.

        It is settled for a wait when its task has succeeded, and not changed by what others meet.
        """
        fault_policy = polled.key.fault_policy
        if polled.history.succeeded_at is None:
            if not isinstance(seen, VideoTask) or seen.phase is not Phase.SUCCEEDED:
                return fault_policy
            polled.is_hurried = self._hurries(polled)
        if not polled.is_hurried:
            return fault_policy
        return attrs.evolve(fault_policy, video=min(SHORT_GRACE, fault_policy.video))

    def _hurries(self, polled: PolledTask) -> bool:
        model = _model_of(polled)
        if (
            len(self._without_url.get(model, ())) < VIDEOS_WITHOUT_URL
            or polled.key.fault_policy.until != "video"
        ):
            return False
        self._hurried[model] = self._hurried.get(model, 0) + 1
        return self._hurried[model] % TRY_AGAIN != 0

    def learn(
        self, polled: PolledTask, before: History, decision: Done | GiveUp, now: float
    ) -> None:
        """
        Learn from a task that has ended; an error of ours tells nothing.

        Args:
            polled: With the history after the answer that has ended it.
            before: The history before it.
            decision: The end.
            now: The moment of the answer.
        """
        if isinstance(decision, Done):
            self._learn_of_url(polled, decision.task)
        is_failure = isinstance(decision, GiveUp) and isinstance(decision.error, TaskFailedError)
        if polled.kinds is None or not (is_failure or isinstance(decision, Done)):
            return
        ended = now if before.succeeded_at is None else before.succeeded_at
        ending = before.observations.ending(
            "failure" if is_failure else "video", age=before.age(ended)
        )
        if ending.is_telling and self._has_time(now):
            with _LEARNING:
                self._duration_history.learn(polled.kinds, ending)

    def _learn_of_url(self, polled: PolledTask, task: VideoTask) -> None:
        """Remember the videos of a model whose URL never came, as long as none ever had one."""
        model = _model_of(polled)
        if task.is_complete:
            if len(self._with_url) > MAX_KINDS:
                self._with_url.clear()
            self._with_url.add(model)
            self._without_url.pop(model, None)
        elif (
            polled.key.fault_policy.until == "video"
            and polled.history.fault is None  # else something else has ended the wait
            and model not in self._with_url
        ):
            if len(self._without_url) > MAX_KINDS:
                self._without_url.clear()
                self._hurried.clear()
            ids = self._without_url.setdefault(model, set())
            if len(ids) < VIDEOS_WITHOUT_URL:
                ids.add(task.id)

    def _has_time(self, now: float) -> bool:
        """Use one lesson, if there is one: which of many ends is learned from is chance."""
        self._left = min(LEARNING_BURST, self._left + LEARNING_RATE * (now - self._taught_at))
        self._taught_at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def _model_of(polled: PolledTask) -> TaskKind:
    """Return the kind that is a model, or any task where none is named."""
    return polled.kinds[1] if polled.kinds is not None and len(polled.kinds) > 1 else ()
