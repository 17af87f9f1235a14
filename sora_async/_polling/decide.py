"""
Whether a wait goes on after a poll: outages, grace periods and ends, as one pure function.

Source: what servers were seen to send, and for how long, in "What servers really do" in the docs.
"""

import math
from typing import TypeGuard

import attrs

from ..errors import (
    ConnectionFailedError,
    InvalidArgumentError,
    InvalidResponseError,
    OutageError,
    ResponseError,
    SoraError,
    TaskFailedError,
    TaskNotFoundError,
    VideoMissingError,
)
from ..models import Phase, VideoTask
from ..models.repr import brief
from ..schedule import MAX_INTERVAL, History, Policy
from ..schedule.backoff import fault_interval
from ..schedule.history import Outage, is_not_found
from .fault_policy import EPSILON, FaultPolicy

MIN_POLLS_PER_OUTAGE = 8
"""No delay within an outage is longer than this part of its timeout: the default one is never
used up by fewer than twelve failed polls, whatever the jitter."""

MAX_POLL_AFTER = 300.0
"""The longest pause, in seconds, that a response with a task may ask for; a longer one is cut."""

_SUCCEEDED, _FAILED = Phase.SUCCEEDED, Phase.FAILED
"""By names of their own: to look one up in its class takes a call in Python 3.11."""


@attrs.frozen
class Sleep:
    """
    Poll again.

    Attributes:
        seconds: From the response to the next poll.
        retry_after: The part of it that the service asked for; None when it asked for none.
    """

    __repr__ = brief

    seconds: float
    retry_after: float | None = None


@attrs.frozen
class CheckContent:
    """Ask the service's content address whether it has the file."""

    __repr__ = brief


@attrs.frozen
class Done:
    """The wait ends with the finished task."""

    __repr__ = brief

    task: VideoTask

    @property
    def result(self) -> VideoTask:
        """The task."""
        return self.task


@attrs.frozen
class GiveUp:
    """The wait ends with an error."""

    __repr__ = brief

    error: SoraError

    @property
    def result(self) -> SoraError:
        """The error."""
        return self.error


End = Done | GiveUp
Decision = Sleep | CheckContent | End


def decide(
    history: History,
    *,
    now: float,
    schedule: Policy,
    fault_policy: FaultPolicy,
    service_seen: bool = False,
    content_checked: bool = False,
) -> Decision:
    """
    Return what to do after a poll.

    Args:
        history: What is known, the poll included.
        now: The moment of the response.
        schedule: When to poll again while polls succeed.
        fault_policy: How long to go on while they fail.
        service_seen: Whether the service has ever sent a readable response to this client.
        content_checked: Whether the content address was asked since this poll.
    """
    if history.outage is not None:
        return _after_error(history, history.outage, now, schedule, fault_policy, service_seen)
    assert history.last is not None
    return _after_task(history, history.last, now, schedule, fault_policy, content_checked)


def _after_task(
    history: History,
    task: VideoTask,
    now: float,
    schedule: Policy,
    fault_policy: FaultPolicy,
    content_checked: bool,
) -> Decision:
    if task.phase is _FAILED:
        return GiveUp(TaskFailedError(task))
    if task.is_complete:
        return Done(task)
    delay = _check_delay(schedule.delay(history))
    if task.phase is _SUCCEEDED:
        grace_left = _url_grace_left(history, fault_policy, now)
        if fault_policy.until == "completed" or grace_left < EPSILON:
            return _end_after_success(task, fault_policy)
        if fault_policy.until == "video" and task.content_url and not content_checked:
            return CheckContent()
        delay = min(delay, grace_left)
    if task.poll_after is None:
        return Sleep(delay)
    poll_after = min(task.poll_after, MAX_POLL_AFTER)
    return Sleep(max(delay, poll_after), poll_after)


def _after_error(
    history: History,
    outage: Outage,
    now: float,
    schedule: Policy,
    fault_policy: FaultPolicy,
    service_seen: bool,
) -> Decision:
    error = outage.last_error
    if is_not_found(error):
        ending = _end_of_not_found(history, outage, error, now, fault_policy)
        delay = _check_delay(schedule.delay(history)) if ending is None else 0.0
    else:
        has_contact = _has_contact(history, error, service_seen=service_seen)
        timeout = _outage_timeout(fault_policy, has_contact=has_contact)
        ending = _end_of_outage(history, outage, now, timeout, has_contact, service_seen)
        delay = _outage_delay(outage, now, timeout, fault_policy)
    grace_left = _url_grace_left(history, fault_policy, now)
    if ending is not None or grace_left < EPSILON:
        return end_of_success(history, fault_policy) or GiveUp(ending or error)
    delay = min(delay, grace_left)
    retry_after = error.retry_after if isinstance(error, ResponseError) else None
    if retry_after is not None:
        delay = max(delay, retry_after + fault_policy.jitter(retry_after / 10))
    return Sleep(delay, retry_after)


def end_of_success(history: History, fault_policy: FaultPolicy) -> End | None:
    """Return how a wait ends that ends now, if its task has succeeded; None if it has not."""
    task = history.last
    if task is None or task.phase is not _SUCCEEDED:
        return None
    return _end_after_success(task, fault_policy)


def _end_after_success(task: VideoTask, fault_policy: FaultPolicy) -> End:
    return GiveUp(VideoMissingError(task)) if fault_policy.until == "video_url" else Done(task)


def _url_grace_left(history: History, fault_policy: FaultPolicy, now: float) -> float:
    """
    Return for how many seconds a URL is still waited for; infinity before a success.

    While polls fail they count from the first error: a poll that hangs until its timeout
    would use up the rest.
    """
    if history.succeeded_at is None:
        return math.inf
    started = history.succeeded_at if history.outage is None else history.outage.first_error_at
    return started + fault_policy.url_grace - now


def _end_of_not_found(
    history: History,
    outage: Outage,
    error: ResponseError,
    now: float,
    fault_policy: FaultPolicy,
) -> SoraError | None:
    """Return the error that ends the wait for a task which the service does not know, or None."""
    if history.last is None:
        if error.status < 300 or not isinstance(error, TaskNotFoundError):
            return error  # a wrong address, or a path that the service does not have
        if now - history.started < fault_policy.appear_within:
            return None
    return error if outage.not_found >= fault_policy.max_not_found else None


def _end_of_outage(
    history: History,
    outage: Outage,
    now: float,
    timeout: float | None,
    has_contact: bool,
    service_seen: bool,
) -> SoraError | None:
    """Return the error that ends the wait, None when it goes on."""
    error = outage.last_error
    if not _is_transient(history, error, service_seen=service_seen):
        return error
    duration = now - outage.started
    if timeout is None or timeout - duration >= EPSILON:
        return None
    if not has_contact:
        return error
    elapsed = now - history.started
    return OutageError(history.task_id, history.last, elapsed, history.polls, error, duration)


def _is_transient(history: History, error: SoraError, *, service_seen: bool) -> bool:
    """Return whether a later poll may succeed; what is unclear may, once the task was seen."""
    if _is_unclear(error):
        return history.last is not None or error.code is None
    if isinstance(error, InvalidResponseError) and error.is_html:
        return service_seen
    return error.transient


def _is_unclear(error: SoraError) -> TypeGuard[ResponseError]:
    """Return whether it is an error with a good status, of a kind that is not known."""
    return type(error) is ResponseError and error.status < 300


def _has_contact(history: History, error: SoraError, *, service_seen: bool) -> bool:
    """Return whether it is clear that the service is at this address."""
    if _is_unclear(error):
        return history.last is not None
    if isinstance(error, ConnectionFailedError | InvalidResponseError):
        return service_seen
    return True


def _outage_timeout(fault_policy: FaultPolicy, *, has_contact: bool) -> float | None:
    timeout, connect_timeout = fault_policy.outage_timeout, fault_policy.connect_timeout
    if has_contact:
        return timeout
    return connect_timeout if timeout is None else min(connect_timeout, timeout)


def _outage_delay(
    outage: Outage, now: float, timeout: float | None, fault_policy: FaultPolicy
) -> float:
    """Return the jittered delay to the next poll; the last one ends with the timeout."""
    ceiling = fault_interval(outage.errors)
    if timeout is None:
        return fault_policy.jitter(ceiling)
    delay = fault_policy.jitter(min(ceiling, timeout / MIN_POLLS_PER_OUTAGE))
    return min(delay, max(0.0, timeout - (now - outage.started)))


def _check_delay(delay: float) -> float:
    """Return a schedule's delay if it is one: another would break the queue of all tasks."""
    if not 0 <= delay <= 2 * MAX_INTERVAL:
        raise InvalidArgumentError(f"schedule: made a delay of {delay} s; is it the jitter?")
    return delay
