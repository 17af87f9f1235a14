"""A task that is being polled, and the waits that are told of it."""

import asyncio
import contextvars
import math
from typing import Protocol

import attrs

from ..models import VideoTask
from ..models.repr import brief
from ..schedule import History, Policy
from .fault_policy import FaultPolicy

WaitResult = VideoTask | BaseException


@attrs.frozen
class PollKey:
    """What waits must have in common to share their polls."""

    __repr__ = brief

    task_id: str
    schedule: Policy
    fault_policy: FaultPolicy
    expects_webhook: bool = False


class Subscriber(Protocol):
    """
    What the poller tells a wait. None of it runs the user's code.

    It is a protocol because a wait imports the poller, and not the other way round.
    """

    def _publish(self) -> None:
        """Take note of a new event."""

    def _finish(self, end: WaitResult) -> None:
        """Take the end of the wait."""

    def _on_retry_after(self, seconds: float) -> None:
        """Take note that the service asks for no poll within so many seconds."""


class PolledTask:
    """
    One task that is being polled.

    Attributes:
        key: What its waits have in common.
        history: What its polls have shown.
        subscribers: Its waits, in the order in which they came; without any, polling stops.
        event_at: The moment of the newest event; None before the first.
        recovered_after: The length of the outage that this event ended; None if it ended none.
        due: The moment of the next poll.
        held_up: For how long the loop had been held up when that was last left out of *history*.
        held_up_before_poll: For how long it had been when the newest poll began that has ended.
        ticket: Its place in the request queue; 0 while it is not in the queue.
        context: The context of the wait that came first: polls belong to its traces. None
            for an empty one.
        awaits_webhook: Whether the next poll is late because a webhook is expected.
        is_notified: Whether a webhook has come since the newest request began.
        ends_by_webhook: Whether the newest request was sent because of a webhook.
        checks_content: Whether the next request asks the content address, and is no poll.
        content_refused: Whether the newest of these requests did not find the file.
        expires_at: The moment at which the first of its waits ends by its timeout.
        look_at: The moment from which it is looked up in the list of tasks.
        interval: Seconds between two looks, or two polls where the list is not used.
        is_listed: Whether the list has it.
        has_changed: Whether a change is known of that no poll has shown yet.
        kept_bytes: The size of its newest body, if that is large; 0 once nobody waits.
        left_at: The moment the last wait left; None while there is one.
        polls_started: The number of the newest poll; the outcome of an older one is ignored.
        poll_task: The poll under way; None between two polls.
    """

    __slots__ = (
        "awaits_webhook",
        "checks_content",
        "content_refused",
        "context",
        "due",
        "ends_by_webhook",
        "event_at",
        "expires_at",
        "has_changed",
        "held_up",
        "held_up_before_poll",
        "history",
        "interval",
        "is_listed",
        "is_notified",
        "kept_bytes",
        "key",
        "left_at",
        "look_at",
        "poll_task",
        "polls_started",
        "recovered_after",
        "subscribers",
        "ticket",
    )

    def __init__(self, key: PollKey, history: History) -> None:
        self.key = key
        self.history = history
        self.subscribers: dict[Subscriber, None] = {}
        self.event_at: float | None = None
        self.recovered_after: float | None = None
        self.due = history.started
        self.held_up = self.held_up_before_poll = 0.0
        self.left_at: float | None = None
        self.expires_at = math.inf
        self.awaits_webhook = False
        self.is_notified = False
        self.ends_by_webhook = False
        self.look_at = self.due
        self.interval = 0.0
        self.is_listed = False
        self.has_changed = False
        self.kept_bytes = 0
        self.checks_content = False
        self.content_refused = False
        self.polls_started = 0
        self.ticket = 0
        self.context = contextvars.copy_context() or None  # an empty one is false
        self.poll_task: asyncio.Task[None] | None = None

    @property
    def is_new(self) -> bool:
        """Whether its next poll is the first, at the moment at which the wait begins."""
        return self.history.polls == 0 and self.due <= self.history.started

    @property
    def is_urgent(self) -> bool:
        """Whether its next request is known to find something: a change, or a finished file."""
        return self.has_changed or self.is_notified or self.checks_content

    def urgency(self, now: float) -> float:
        """Return how much a request that is due is worth; the greatest goes first."""
        return self.history.urgency(now, due=self.due)

    def resume(self, now: float) -> None:
        """Go on after nobody waited for a while; that time counts for no grace period or outage."""
        if self.left_at is not None:
            self.history = self.history.shift(now - self.left_at)
            self.left_at = None
        self.due = max(self.due, now)

    def leave_out(self, held_up: float) -> None:
        """Let time in which the loop was held up count for no grace period and no outage."""
        if held_up > self.held_up:
            self.history = self.history.shift(held_up - self.held_up)
            self.held_up = held_up

    def stop_poll(self) -> None:
        """Cancel the poll under way, and ignore its outcome."""
        self.polls_started += 1
        if self.poll_task is not None:
            self.poll_task.cancel()
            self.poll_task = None
