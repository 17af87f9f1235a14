"""
Whether a wait goes on: the law of outages, graces and ends, as one pure function.

Source: what servers were seen to answer, and for how long, in "What servers really do" in the docs.
"""

import math

import attrs

from ..errors import (
    InvalidArgumentError,
    ResponseError,
    SoraError,
    TaskFailedError,
    TaskNotFoundError,
    VideoMissingError,
)
from ..models import Phase, VideoTask
from ..models.repr import brief
from ..schedule import MAX_INTERVAL, History, Policy
from ..schedule.learning.observations import TaskObservations
from .fault_policy import EPSILON, FaultPolicy, Until, find_ending, outage_delay, outage_start

__all__ = ["Decision", "Done", "FaultPolicy", "GiveUp", "Sleep", "Until", "decide"]


_SUCCEEDED, _FAILED = Phase.SUCCEEDED, Phase.FAILED
"""By names of their own: to look one up in its class takes a call in Python 3.11."""


@attrs.frozen
class Sleep:
    """
    Ask again.

    Attributes:
        seconds: From the answer to the next poll.
        asked: The part of it that the service asked for, None when it asked for none.
    """

    __repr__ = brief

    seconds: float
    asked: float | None = None


@attrs.frozen
class Done:
    """The wait ends well, with the finished task."""

    __repr__ = brief

    task: VideoTask


@attrs.frozen
class GiveUp:
    """The wait ends with an error."""

    __repr__ = brief

    error: SoraError


Decision = Sleep | Done | GiveUp


def decide(
    history: History,
    seen: VideoTask | SoraError,
    *,
    now: float,
    schedule: Policy,
    fault_policy: FaultPolicy,
) -> tuple[History, Decision]:
    """
    Return what is known after an answer, and what to do about it.

    Args:
        history: What was known before.
        seen: The answer: a snapshot, or the error that came instead.
        now: The moment the answer came, on the clock of ``history.started``.
        schedule: When to ask again while all is well.
        fault_policy: How long to bear with what is not.
    """
    if isinstance(seen, VideoTask):
        return _after_snapshot(history, seen, now=now, schedule=schedule, fault_policy=fault_policy)
    return _after_fault(history, seen, now=now, schedule=schedule, fault_policy=fault_policy)


def _after_snapshot(
    history: History, task: VideoTask, *, now: float, schedule: Policy, fault_policy: FaultPolicy
) -> tuple[History, Decision]:
    has_succeeded = task.phase is _SUCCEEDED
    succeeded_at = history.succeeded_at if has_succeeded else None
    if has_succeeded and succeeded_at is None:
        succeeded_at = now
    progress = furthest(history.progress, task.progress)
    goes_on = not (task.is_complete or has_succeeded or task.phase is _FAILED)
    observations = _look(history, task, now=now) if goes_on else None
    history = history.after(
        task, progress=progress, succeeded_at=succeeded_at, observations=observations
    )
    if task.phase is _FAILED:
        return history, GiveUp(TaskFailedError(task))
    if task.is_complete:
        return history, Done(task)
    delay = _sound(schedule.delay(history))
    ending = end_of_success(history, fault_policy)
    if ending is not None and succeeded_at is not None:
        left = fault_policy.video - (now - succeeded_at)
        if fault_policy.until == "completed" or left < EPSILON:
            return history, ending
        delay = min(delay, left)
    asked = task.poll_after
    return history, Sleep(delay if asked is None else max(delay, asked), asked)


def _look(history: History, task: VideoTask, *, now: float) -> TaskObservations:
    """Return what was seen, after an answer about a task that goes on."""
    last = history.last
    return history.observations.saw(
        age=history.age(now),
        elapsed=max(0.0, now - history.started),
        progress=task.progress,
        moved=last is None
        or task.phase is not last.phase
        or task.queue_position != last.queue_position,
    )


def end_of_success(history: History, fault_policy: FaultPolicy) -> Done | GiveUp | None:
    """Return how a wait ends that ends now, if its task has succeeded; None if it has not."""
    task = history.last
    if task is None or task.phase is not _SUCCEEDED:
        return None
    return GiveUp(VideoMissingError(task)) if fault_policy.until == "video_url" else Done(task)


def furthest(before: float | None, now: float | None) -> float | None:
    """Return the larger of two parts done, None when neither is known."""
    if before is None or now is None:
        return now if before is None else before
    return max(before, now)


def _after_fault(
    history: History, fault: SoraError, *, now: float, schedule: Policy, fault_policy: FaultPolicy
) -> tuple[History, Decision]:
    asked = fault.retry_after if isinstance(fault, ResponseError) else None
    is_unknown = isinstance(fault, TaskNotFoundError)
    began = outage_start(history, fault, now=now)
    history = attrs.evolve(
        history,
        polls=history.polls + 1,
        service_seen=history.service_seen or isinstance(fault, ResponseError),
        fault=fault,
        fault_started=now if history.fault is None else history.fault_started,
        grace_started=now if history.fault is None else history.grace_started,
        faults=history.faults + (not is_unknown),
        missing=history.missing + 1 if is_unknown else 0,
        outage_started=began,
        silence=history.silence if began == history.outage_started else 0.0,
    )
    outage = now - history.outage_started - history.silence
    error = find_ending(history, fault, now=now, outage=outage, fault_policy=fault_policy)
    left = _left_of_grace(history, fault_policy, now=now)
    if error is not None or left < EPSILON:
        ending = end_of_success(history, fault_policy)
        return history, ending or GiveUp(error or fault)
    if is_unknown:
        delay = _sound(schedule.delay(history))
    else:
        delay = outage_delay(history, fault, outage=outage, fault_policy=fault_policy)
    delay = min(delay, left)
    if asked is None:
        return history, Sleep(delay)
    history = attrs.evolve(history, silence=history.silence + asked)
    return history, Sleep(max(asked + fault_policy.fault_jitter(asked / 10), delay), asked)


def _left_of_grace(history: History, fault_policy: FaultPolicy, *, now: float) -> float:
    """
    Return for how many seconds a URL is waited for while polls fail, infinity before a success.

    They count from the first fault: a poll that hangs until its timeout would use up the rest.
    """
    return (
        math.inf
        if history.succeeded_at is None
        else history.grace_started + fault_policy.video - now
    )


def _sound(delay: float) -> float:
    """Return a delay that a jitter has made, if it is one: another would break the queue of all."""
    if not 0 <= delay <= 2 * MAX_INTERVAL:
        raise InvalidArgumentError(f"schedule: made a delay of {delay} s; is it the jitter?")
    return delay
