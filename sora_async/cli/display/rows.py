"""What is known of the tasks that are shown: a row each, and their totals."""

from collections import Counter, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Final

from ... import ProgressEvent
from .format import count, format_seconds, format_size
from .messages import describe_error, describe_event
from .states import STATES, Stage, TaskResult, TaskUpdate
from .transfer_rate import TransferRate

MANY: Final = 10
"""From this number of tasks on, rate and time left are of interest."""

MAX_ENDED: Final = 100
"""Rows of ended tasks that are kept when the tasks are not named in advance."""

_CREATED_PART: Final = 0.95
"""The part of the work that is done when the video exists and is still to be downloaded."""

_MIN_RATE_TIME: Final = 10.0
"""Seconds before which a rate would be a guess."""


@dataclass(slots=True, kw_only=True)
class TaskRow:
    """
    What is known of one task.

    Attributes:
        name: What it is called, as it came.
        number: Its place among all rows.
        started_at: When it began, on the loop's clock.
        stage: What is being done for it.
        event: The newest event of its wait.
        transfer: Its download, once that has begun.
        result: How it ended.
        left_at: When it stopped being watched without an end.
    """

    name: str
    number: int
    started_at: float
    stage: Stage = "waiting"
    event: ProgressEvent | None = None
    transfer: TransferRate | None = None
    result: TaskResult | None = None
    left_at: float | None = None

    def update(self, update: TaskUpdate, *, now: float) -> None:
        """Record an event."""
        if isinstance(update, ProgressEvent):
            self.event = update
            return
        self.stage = "downloading"
        if self.transfer is None:
            self.transfer = TransferRate(update, now=now)
        else:
            self.transfer.update(update, now=now)

    @property
    def state(self) -> str:
        """One of :data:`~sora_async.cli.display.states.STATES`."""
        if self.result is not None:
            return self.result.outcome
        phase = self.event.phase if self.event is not None and self.stage == "waiting" else None
        return phase or self.stage

    @property
    def progress(self) -> float | None:
        """The part done of its wait, or of its download once that has begun."""
        if self.result is not None and self.result.error is None:
            return 1.0
        if self.transfer is not None:
            return self.transfer.part
        return self.event.progress if self.event else None

    @property
    def work(self) -> float:
        """The part done of wait and download together."""
        if self.transfer is not None:
            return _CREATED_PART + (1.0 - _CREATED_PART) * min(self.transfer.part or 0.0, 1.0)
        return _CREATED_PART * ((self.event and self.event.progress) or 0.0)

    def elapsed(self, now: float) -> float:
        """Return the seconds that it has taken."""
        if self.result is not None:
            return self.result.elapsed
        return (now if self.left_at is None else self.left_at) - self.started_at

    def describe(self, now: float) -> list[str]:
        """Return what else there is to say, in a long form and then in shorter ones."""
        if self.result is not None:
            return describe_result(self.result)
        if self.stage == "downloading" and self.transfer is not None:
            return self.transfer.describe(now=now)
        return [describe_event(self.event) if self.event else ""]


def describe_result(result: TaskResult) -> list[str]:
    """Return why there is no video, or how large it is, in a long form and then in a shorter."""
    if result.error is not None:
        return [result.note or describe_error(result.error)]
    polls = count(result.polls, "poll") if result.polls else ""
    if result.file is None:
        return [polls]
    size = format_size(result.file.size)
    if result.file.task is None:
        return [f"{size}, already there", "already there"]
    return [f"{size}, {polls}", size] if polls else [size]


class TaskRows:
    """
    The rows of all tasks, and their totals.

    Args:
        names: Of tasks that have a row from the start, and keep it to the end; also their keys.
            Of others, only the rows of those that ended last are kept.
        total: How many tasks there will be; None when that is not known, or *names* are all.
    """

    def __init__(self, names: Iterable[str] = (), *, total: int | None = None) -> None:
        self.started_at = 0.0
        self.done = 0
        self._begun = 0
        self._total = 0
        self._active: dict[Hashable, TaskRow] = {}
        for name in names:
            self._add(name, name, now=self.started_at)
        self._named = tuple(self._active.values())
        self.expect(self._begun if total is None else total)
        self._succeeded: deque[TaskRow] = deque(maxlen=MAX_ENDED)
        self._unsuccessful: deque[TaskRow] = deque(maxlen=MAX_ENDED)
        self._ends: Counter[str] = Counter()
        self._finished_work = 0
        self._is_closed = False

    def start_clock(self, now: float) -> None:
        """Record when all began, on the loop's clock."""
        self.started_at = now
        for row in self._named:
            row.started_at = now

    def expect(self, number: int) -> None:
        """Record that so many more tasks will come."""
        self._total += number

    @property
    def total(self) -> int:
        """How many tasks there will be, as far as is known."""
        return max(self._total, self._begun)

    @property
    def is_single(self) -> bool:
        """Whether there is only one task, which needs no totals."""
        return self.total <= 1

    @property
    def active(self) -> list[Hashable]:
        """The keys of tasks that have not ended."""
        return list(self._active)

    def start(self, key: Hashable, stage: Stage, *, now: float, name: str | None = None) -> TaskRow:
        """Record that something is begun for a task, which is called *name* or else as its key."""
        row = self._find(key, name, now)
        row.stage = stage
        return row

    def update(
        self, key: Hashable, update: TaskUpdate, *, now: float, name: str | None = None
    ) -> TaskRow:
        """Record an event."""
        row = self._find(key, name, now)
        row.update(update, now=now)
        return row

    def finish(self, key: Hashable, result: TaskResult, *, now: float) -> TaskRow:
        """Record how a task ended."""
        row = self._active.pop(key, None)
        if row is None:
            # An earlier run did this one: it says nothing of the rate.
            row = self._add(key, result.name, now=now)
            del self._active[key]
        else:
            self._finished_work += 1
        row.result, row.event = result, result.last
        self.done += 1
        self._ends[row.state] += 1
        (self._succeeded if result.error is None else self._unsuccessful).append(row)
        return row

    def leave(self, key: Hashable, *, now: float) -> None:
        """Record that a task is no longer watched; its row stays as it is."""
        row = self._active.pop(key)
        row.left_at = now
        self._ends[row.state] += 1
        self._succeeded.append(row)

    def close(self) -> None:
        """Record that nothing more will happen, whether all tasks have ended or not."""
        self._is_closed = True

    def _find(self, key: Hashable, name: str | None, now: float) -> TaskRow:
        row = self._active.get(key)
        return row or self._add(key, str(key) if name is None else name, now=now)

    def _add(self, key: Hashable, name: str, *, now: float) -> TaskRow:
        self._begun += 1
        self._active[key] = row = TaskRow(name=name, number=self._begun, started_at=now)
        return row

    def choose(self, limit: int) -> list[TaskRow]:
        """
        Return the rows to show, in their order.

        Tasks that have not ended come first, then failures, then the others that ended last.
        After the end, all that were named in advance are shown; of others that do not fit, only
        those that failed.
        """
        if self._named and (len(self._named) <= limit or self._is_closed or not self._active):
            return list(self._named)
        lost = reversed(self._unsuccessful)
        if self._is_closed and self._begun > limit:
            rows = [row for row in lost if row.result and not row.result.may_go_on]
        else:
            rows = [*self._active.values(), *lost, *reversed(self._succeeded)]
        return sorted(rows[:limit], key=lambda row: row.number)

    def count_hidden(self, shown: int) -> int:
        """Return how many rows there are besides so many."""
        return self._begun - shown

    def summarize(self, *, now: float) -> list[str]:
        """Return the parts of a sentence about all tasks: counts by state, rate, time left."""
        of_all = f" of {self.total}" if self._total else ""
        states = self._ends + Counter(row.state for row in self._active.values())
        return [f"{self.done}{of_all} done", *count_states(states), *self._estimate(now)]

    def _estimate(self, now: float) -> list[str]:
        """Return rate and time left by the work done so far: a video half made counts half."""
        elapsed = now - self.started_at
        if self._total < MANY or elapsed < _MIN_RATE_TIME or self._is_closed:
            return []
        half_done = sum(row.work for row in self._active.values())
        work = self._finished_work + half_done
        if work < 1.0:
            return []
        left = self.total - self.done - half_done
        a_minute = 60.0 * work / elapsed
        rate = f"{a_minute:.1f} a minute" if a_minute >= 1 else f"{60 * a_minute:.1f} an hour"
        return [rate, f"about {format_seconds(left / work * elapsed)} left"]


def count_states(states: Counter[str]) -> list[str]:
    """Return how many tasks are in each state, in the order of the states."""
    return [f"{states[state]} {state}" for state in STATES if states[state]]
