"""What is known of one task that is being polled, and who waits for it."""

import asyncio
import contextvars
from typing import Protocol

import attrs

from ..models import Phase, VideoTask
from ..models.repr import brief
from ..schedule import History, Policy
from ..schedule.learning.duration_model import TaskKind
from ..schedule.learning.observations import MAX_NEGLECT, is_stalled, remaining, urgency
from .events import ETA
from .fault_policy import FaultPolicy

WaitResult = VideoTask | BaseException

MANY_SUBSCRIBERS = 8
"""Waits for one task from which on they are kept in a dictionary."""


@attrs.frozen
class PollKey:
    """What one entry is for: waits that differ in any of it cannot share their polls."""

    __repr__ = brief

    task_id: str
    schedule: Policy
    fault_policy: FaultPolicy


class Subscriber(Protocol):
    """What the poller tells those who wait; all of it at once, never by a callback of theirs."""

    def _publish(self) -> None:
        """Take note that the entry has news."""

    def _finish(self, end: WaitResult) -> None:
        """Take the end of the wait."""

    def _allow_silence(self, seconds: float) -> None:
        """Take note that the service wants to be left alone for so long."""


class PolledTask:
    """
    One task under way.

    Attributes:
        key: What it is for.
        history: All that has been seen of the task.
        subscribers: Who wants to know; with the last of them the polling ends. Nearly always one, for
            which a tuple takes the least memory; of many, any must be found at once.
        news_at: The moment of the newest event.
        recovered_after: How long the outage was that the newest event ends, None if it ends none.
        due: The moment of the next poll.
        ticket: Its place among those who want a slot; 0 while it wants none.
        context: In which it is polled: that of the wait that began it, so that traces belong to it;
            None for an empty one.
        kinds: What predicts how long it takes; None before the first good answer.
        left_at: The moment the last waiter left; None while there is one.
        is_hurried: Whether its URL, if that is late, is waited for less than it may be.
        number: Of the newest poll; an older one that comes back is nobody's any more.
    """

    __slots__ = (
        "context",
        "due",
        "history",
        "is_hurried",
        "key",
        "kinds",
        "left_at",
        "news_at",
        "number",
        "poll_task",
        "recovered_after",
        "subscribers",
        "ticket",
    )

    def __init__(self, key: PollKey, history: History) -> None:
        self.key = key
        self.history = history
        self.subscribers: tuple[Subscriber, ...] | dict[Subscriber, None] = ()
        self.news_at: float | None = None
        self.recovered_after: float | None = None
        self.due = history.started
        self.left_at: float | None = None
        self.is_hurried = False
        self.number = 0
        self.kinds: tuple[TaskKind, ...] | None = None
        self.ticket = 0
        self.context = contextvars.copy_context() or None  # an empty one is false
        self.poll_task: asyncio.Task[None] | None = None

    def add(self, subscriber: Subscriber) -> None:
        """Take in one more who waits."""
        if isinstance(self.subscribers, dict):
            self.subscribers[subscriber] = None
        elif len(self.subscribers) < MANY_SUBSCRIBERS:
            self.subscribers = (*self.subscribers, subscriber)
        else:
            self.subscribers = dict.fromkeys((*self.subscribers, subscriber))

    def remove(self, subscriber: Subscriber) -> None:
        """Let go of one who waits, if it does."""
        if isinstance(self.subscribers, dict):
            self.subscribers.pop(subscriber, None)
        else:
            self.subscribers = tuple(one for one in self.subscribers if one is not subscriber)

    @property
    def is_new(self) -> bool:
        """Whether no answer has come yet, and the first poll is due at once."""
        return self.history.polls == 0 and self.due <= self.history.started

    def urgency(self, now: float) -> float:
        """
        Return how much a poll of this task is worth, by what was learned of its kind.

        What grows for all alike while they wait is left out, so that values of
        different moments can be compared.
        """
        history, age = self.history, self.history.age(now)
        index = urgency(history.observations, history.forecast, age=age)
        if history.fault is None:
            return index - now / MAX_NEGLECT
        # Its last answer lies back although it was asked: what counts is when it is due.
        neglect = max(0.0, age - history.observations.age)
        return index - (neglect + self.due) / MAX_NEGLECT

    def resume(self, now: float) -> None:
        """Go on after nobody polled for a while: time that was not used counts towards nothing."""
        if self.left_at is None:
            return
        idle, self.left_at = now - self.left_at, None
        self.shift_timers(idle)

    def shift_timers(self, seconds: float) -> None:
        """Let no grace and no outage be charged for time in which the task was not asked for."""
        history = self.history
        if history.last is not None and history.fault is None and history.succeeded_at is None:
            return  # there is none
        self.history = attrs.evolve(
            history,
            started=history.started + seconds,
            grace_started=history.grace_started + seconds,
            silence=history.silence + seconds,
            succeeded_at=None if history.succeeded_at is None else history.succeeded_at + seconds,
        )

    def rest(self) -> None:
        """Stop polling for now; what was in flight is asked again by whoever joins next."""
        self.number += 1
        if self.poll_task is not None:
            self.poll_task.cancel()
            self.poll_task = None

    def estimate_remaining(self) -> tuple[ETA | None, bool]:
        """
        Return the estimated time left at the newest event, and whether the task stalls.
        """
        history, now = self.history, self.news_at
        last = history.last
        if now is None or last is None or last.phase in (Phase.SUCCEEDED, Phase.FAILED):
            return None, False
        age = history.age(now)
        left = remaining(history.observations, history.forecast, age=age)
        stalled = is_stalled(history.observations, history.forecast, age=age)
        return None if left is None else ETA(p50=left[0], p90=left[1]), stalled
