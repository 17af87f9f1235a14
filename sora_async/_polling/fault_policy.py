"""How long a wait bears with faults: outages and graces, as pure functions."""

from typing import Literal, TypeGuard

import attrs
import backoff

from ..errors import (
    CertificateError,
    ConnectionFailedError,
    InvalidResponseError,
    OutageError,
    RateLimitError,
    ResponseError,
    SoraError,
    TaskNotFoundError,
)
from ..models.repr import brief
from ..schedule import History, Jitter
from ..schedule.backoff import fault_interval

Until = Literal["video", "completed", "video_url"]
"""
What ends a wait whose task succeeds:

- ``"video"``: a ``video_url``, or the ``content_url`` when none comes within a grace;
- ``"completed"``: the success itself, with or without a URL;
- ``"video_url"``: a ``video_url`` and nothing else.
"""

EPSILON = 0.001
"""Seconds that are as good as none: a rounding error must not ask for a poll of its own."""

MIN_POLLS_PER_OUTAGE = 8
"""No delay within an outage is longer than this part of its budget: the default is never spent on
fewer than twelve faults, however the dice fall."""


@attrs.frozen(kw_only=True, cache_hash=True)
class FaultPolicy:
    """
    How long a wait bears with each kind of trouble, in seconds.

    Attributes:
        until: What ends the wait of a task that succeeds.
        outage: Without one good answer; None for as long as the wait lasts.
        contact: Without a connection or a readable answer, when the service
            has never given one: more likely a wrong address than an outage.
        unseen: Until the service knows the id of a task just made.
        missing: How many times in a row it must not know an id, to be believed.
        video: For the URL of a task that has succeeded.
        fault_jitter: Makes a delay of every interval within an outage.
    """

    __repr__ = brief

    until: Until = "video"
    outage: float | None = 120.0
    contact: float = 10.0
    unseen: float = 30.0
    missing: int = 3
    video: float = 45.0
    fault_jitter: Jitter = backoff.full_jitter


def outage_start(history: History, fault: SoraError, *, now: float) -> float:
    """Return when the outage began; a service that serves others and slows us down has none."""
    if not history.faults:
        return history.outage_started if isinstance(fault, TaskNotFoundError) else now
    if isinstance(fault, RateLimitError):
        return max(history.outage_started, history.served_at)
    return history.outage_started


def outage_delay(
    history: History, fault: SoraError, *, outage: float, fault_policy: FaultPolicy
) -> float:
    """Return the full-jittered delay to the next poll, the last one at the end of the budget."""
    ceiling = fault_interval(history.faults)
    budget = _budget(history, fault, fault_policy)
    if budget is None:
        return fault_policy.fault_jitter(ceiling)
    delay = fault_policy.fault_jitter(min(ceiling, budget / MIN_POLLS_PER_OUTAGE))
    return min(delay, max(0.0, budget - outage))


def find_ending(
    history: History, fault: SoraError, *, now: float, outage: float, fault_policy: FaultPolicy
) -> SoraError | None:
    """Return the error that ends the wait, None when it goes on."""
    if isinstance(fault, TaskNotFoundError):
        is_at_first = history.last is None
        if is_at_first and fault.status < 300:
            return fault
        is_early = is_at_first and now - history.started < fault_policy.unseen
        return None if is_early or history.missing < fault_policy.missing else fault
    if not _may_pass(history, fault):
        return fault
    budget = _budget(history, fault, fault_policy)
    if budget is None or budget - outage >= EPSILON:
        return None
    if _is_no_contact(history, fault):
        return fault
    return OutageError(
        history.task_id,
        history.last,
        now - history.started,
        history.polls,
        fault,
        outage,
    )


def _may_pass(history: History, fault: SoraError) -> bool:
    """Return whether a fault may pass; an unclear one may, but not before the task was seen."""
    if _is_unclear(fault):
        return history.last is not None or fault.code is None
    if isinstance(fault, CertificateError) or (
        isinstance(fault, InvalidResponseError) and fault.is_html
    ):
        return history.service_seen
    return fault.transient


def _is_unclear(fault: SoraError) -> TypeGuard[ResponseError]:
    """Return whether a fault is an error with a good status, of a kind that we do not know."""
    return type(fault) is ResponseError and fault.status < 300


def _is_no_contact(history: History, fault: SoraError) -> bool:
    """Return whether a fault leaves it open that this is the service, and no wrong address."""
    if _is_unclear(fault):
        return history.last is None
    is_no_answer = isinstance(fault, ConnectionFailedError | InvalidResponseError)
    return is_no_answer and not history.service_seen


def _budget(history: History, fault: SoraError, fault_policy: FaultPolicy) -> float | None:
    if not _is_no_contact(history, fault):
        return fault_policy.outage
    return (
        fault_policy.contact
        if fault_policy.outage is None
        else min(fault_policy.contact, fault_policy.outage)
    )
