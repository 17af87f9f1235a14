"""
Whether a wait goes on: the law of outages, graces and ends, as one pure function.

Source: what servers were seen to answer, and for how long, in "What servers really do" in the docs.
"""

import math
from typing import Literal, TypeGuard

import attrs
import backoff

from .errors import (
    ConnectionFailedError,
    InvalidArgumentError,
    OutageError,
    RateLimitedError,
    ResponseError,
    SoraError,
    TaskFailedError,
    TaskNotFoundError,
    UnreadableReplyError,
    VideoMissingError,
)
from .learning import Sight
from .models import Phase, VideoTask
from .schedule import LONGEST_INTERVAL, History, Jitter, Policy, ramp

__all__ = ["Decision", "Done", "GiveUp", "Patience", "Sleep", "Until", "step"]

Until = Literal["video", "completed", "video_url"]
"""
What ends a wait whose task succeeds:

- ``"video"``: a ``video_url``, or the ``content_url`` when none comes within a grace;
- ``"completed"``: the success itself, with or without a URL;
- ``"video_url"``: a ``video_url`` and nothing else.
"""

FAULT_INTERVALS = ramp(first=0.5, factor=2.0, longest=30.0)
"""Upper ends of the full-jittered delays within an outage, in seconds."""

_SUCCEEDED, _FAILED = Phase.SUCCEEDED, Phase.FAILED
"""By names of their own: to look one up in its class takes a call in Python 3.11."""

INSTANT = 0.001
"""Seconds that are as good as none: a rounding error must not ask for a poll of its own."""

FEWEST_POLLS = 8
"""No delay within an outage is longer than this part of its budget: the default is never spent on
fewer than twelve faults, however the dice fall."""


@attrs.frozen(kw_only=True, cache_hash=True)
class Patience:
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

    until: Until = "video"
    outage: float | None = 120.0
    contact: float = 10.0
    unseen: float = 30.0
    missing: int = 3
    video: float = 45.0
    fault_jitter: Jitter = backoff.full_jitter


@attrs.frozen
class Sleep:
    """
    Ask again.

    Attributes:
        seconds: From the answer to the next poll.
        asked: The part of it that the service asked for, None when it asked for none.
    """

    seconds: float
    asked: float | None = None


@attrs.frozen
class Done:
    """The wait ends well, with the finished task."""

    task: VideoTask


@attrs.frozen
class GiveUp:
    """The wait ends with an error."""

    error: SoraError


Decision = Sleep | Done | GiveUp


def step(
    history: History,
    seen: VideoTask | SoraError,
    *,
    now: float,
    schedule: Policy,
    patience: Patience,
) -> tuple[History, Decision]:
    """
    Return what is known after an answer, and what to do about it.

    Args:
        history: What was known before.
        seen: The answer: a snapshot, or the error that came instead.
        now: The moment the answer came, on the clock of ``history.started``.
        schedule: When to ask again while all is well.
        patience: How long to bear with what is not.
    """
    if isinstance(seen, VideoTask):
        return _after_snapshot(history, seen, now=now, schedule=schedule, patience=patience)
    return _after_fault(history, seen, now=now, schedule=schedule, patience=patience)


def _after_snapshot(
    history: History, task: VideoTask, *, now: float, schedule: Policy, patience: Patience
) -> tuple[History, Decision]:
    has_succeeded = task.phase is _SUCCEEDED
    succeeded_at = history.succeeded_at if has_succeeded else None
    if has_succeeded and succeeded_at is None:
        succeeded_at = now
    progress = furthest(history.progress, task.progress)
    goes_on = not (task.is_complete or has_succeeded or task.phase is _FAILED)
    sight = _look(history, task, now=now) if goes_on else None
    history = history.after(task, progress=progress, succeeded_at=succeeded_at, sight=sight)
    if task.phase is _FAILED:
        return history, GiveUp(TaskFailedError(task))
    if task.is_complete:
        return history, Done(task)
    delay = _sound(schedule.delay(history))
    ending = end_of_success(history, patience)
    if ending is not None and succeeded_at is not None:
        left = patience.video - (now - succeeded_at)
        if patience.until == "completed" or left < INSTANT:
            return history, ending
        delay = min(delay, left)
    asked = task.poll_after
    return history, Sleep(delay if asked is None else max(delay, asked), asked)


def _look(history: History, task: VideoTask, *, now: float) -> Sight:
    """Return what was seen, after an answer about a task that goes on."""
    last = history.last
    return history.sight.saw(
        age=history.age(now),
        elapsed=max(0.0, now - history.started),
        progress=task.progress,
        moved=last is None
        or task.phase is not last.phase
        or task.queue_position != last.queue_position,
    )


def end_of_success(history: History, patience: Patience) -> Done | GiveUp | None:
    """Return how a wait ends that ends now, if its task has succeeded; None if it has not."""
    task = history.last
    if task is None or task.phase is not _SUCCEEDED:
        return None
    return GiveUp(VideoMissingError(task)) if patience.until == "video_url" else Done(task)


def furthest(before: float | None, now: float | None) -> float | None:
    """Return the larger of two parts done, None when neither is known."""
    if before is None or now is None:
        return now if before is None else before
    return max(before, now)


def _after_fault(
    history: History, fault: SoraError, *, now: float, schedule: Policy, patience: Patience
) -> tuple[History, Decision]:
    asked = fault.retry_after if isinstance(fault, ResponseError) else None
    is_unknown = isinstance(fault, TaskNotFoundError)
    began = _outage_began(history, fault, now=now)
    history = attrs.evolve(
        history,
        polls=history.polls + 1,
        is_acquainted=history.is_acquainted or isinstance(fault, ResponseError),
        fault=fault,
        fault_started=now if history.fault is None else history.fault_started,
        faults=history.faults + (not is_unknown),
        missing=history.missing + 1 if is_unknown else 0,
        outage_started=began,
        silence=history.silence if began == history.outage_started else 0.0,
    )
    outage = now - history.outage_started - history.silence
    error = _ending(history, fault, now=now, outage=outage, patience=patience)
    left = math.inf if history.succeeded_at is None else patience.video - now + history.succeeded_at
    if error is not None or left < INSTANT:
        ending = end_of_success(history, patience)
        return history, ending or GiveUp(error or fault)
    if is_unknown:
        delay = _sound(schedule.delay(history))
    else:
        delay = _delay_of_outage(history, fault, outage=outage, patience=patience)
    delay = min(delay, left)
    if asked is None:
        return history, Sleep(delay)
    history = attrs.evolve(history, silence=history.silence + asked)
    return history, Sleep(max(asked + patience.fault_jitter(asked / 10), delay), asked)


def _sound(delay: float) -> float:
    """Return a delay that a jitter has made, if it is one: another would break the queue of all."""
    if not 0 <= delay <= 2 * LONGEST_INTERVAL:
        raise InvalidArgumentError(f"schedule: made a delay of {delay} s; is it the jitter?")
    return delay


def _outage_began(history: History, fault: SoraError, *, now: float) -> float:
    """Return when the outage began; a service that serves others and slows us down has none."""
    if not history.faults:
        return history.outage_started if isinstance(fault, TaskNotFoundError) else now
    if isinstance(fault, RateLimitedError):
        return max(history.outage_started, history.served_at)
    return history.outage_started


def _delay_of_outage(
    history: History, fault: SoraError, *, outage: float, patience: Patience
) -> float:
    """Return the full-jittered delay to the next poll, the last one at the end of the budget."""
    ceiling = FAULT_INTERVALS[min(history.faults, len(FAULT_INTERVALS)) - 1]
    budget = _budget(history, fault, patience)
    if budget is None:
        return patience.fault_jitter(ceiling)
    delay = patience.fault_jitter(min(ceiling, budget / FEWEST_POLLS))
    return min(delay, max(0.0, budget - outage))


def _ending(
    history: History, fault: SoraError, *, now: float, outage: float, patience: Patience
) -> SoraError | None:
    """Return the error that ends the wait, None when it goes on."""
    if isinstance(fault, TaskNotFoundError):
        is_at_first = history.last is None
        if is_at_first and fault.status < 300:
            return fault
        is_early = is_at_first and now - history.started < patience.unseen
        return None if is_early or history.missing < patience.missing else fault
    if not _may_pass(history, fault):
        return fault
    budget = _budget(history, fault, patience)
    if budget is None or budget - outage >= INSTANT:
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
    if isinstance(fault, UnreadableReplyError) and fault.is_html:
        return history.is_acquainted
    return fault.transient


def _is_unclear(fault: SoraError) -> TypeGuard[ResponseError]:
    """Return whether a fault is an error with a good status, of a kind that we do not know."""
    return type(fault) is ResponseError and fault.status < 300


def _is_no_contact(history: History, fault: SoraError) -> bool:
    """Return whether a fault leaves it open that this is the service, and no wrong address."""
    if _is_unclear(fault):
        return history.last is None
    is_no_answer = isinstance(fault, ConnectionFailedError | UnreadableReplyError)
    return is_no_answer and not history.is_acquainted


def _budget(history: History, fault: SoraError, patience: Patience) -> float | None:
    if not _is_no_contact(history, fault):
        return patience.outage
    return patience.contact if patience.outage is None else min(patience.contact, patience.outage)
