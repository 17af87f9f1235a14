"""
What a download does after what it has seen: go on, start again, get a fresh link, or give up.

One pure function, as :mod:`sora_async._polling.decide` is for waits. It reads no clock and sends nothing.

Source: what servers were seen to answer, in "What servers really do" in the docs.
"""

from urllib.parse import quote

import attrs

from ..errors import (
    DownloadError,
    NotAVideoError,
    SoraError,
    TaskFailedError,
    UnsafeURLError,
    VideoGoneError,
    VideoNotReadyError,
)
from ..models import Phase, VideoTask
from ..schedule import spread
from ..schedule.backoff import fault_interval
from .address_guard import place_of
from .content_range import ContentRange
from .state import (
    Action,
    Complete,
    ConnectionBroken,
    DownloadState,
    ErrorResponse,
    Fail,
    Observation,
    RefreshUrl,
    ResponseEnded,
    ResponseStarted,
    SendRequest,
    TaskUnavailable,
    UrlInstead,
    WriteBody,
)

MOST_TRIES = 8
"""Breaks in a row, without progress, after which a download gives up."""

MOST_LINKS = 4
"""Fresh links in a row, without progress, after which it gives up."""

PROGRESS = 64 * 1024
"""Bytes beyond all that came before that are progress. A server that sends one byte and breaks
would else be asked for ever."""

EARLY = 45.0
"""Seconds for which ``/content`` may not have the file of a task that has succeeded, or its URL
may be late: as long as a wait waits for one."""

EARLY_INTERVAL = 3.0
"""Seconds between two looks meanwhile, before jitter."""

LONGEST_ASKED = 120.0
"""Seconds of silence, asked for by a server, that a download keeps; for more it gives up."""

_EARLY = frozenset({400, 404, 409, 422, 425})
_PASSING = frozenset({408, 425, 429})
_KEY_REFUSED = frozenset({400, 401, 403})


def decide(state: DownloadState, seen: Observation, *, now: float) -> tuple[DownloadState, Action]:
    """
    Return what is known after something was seen, and what to do about it.

    Args:
        state: What was known before.
        seen: A snapshot of the task, or what came of a request for the file.
        now: The moment, on any clock that only goes forward.
    """
    match seen:
        case VideoTask():
            return _after_task(state, seen)
        case ResponseStarted():
            return _after_head(state, seen)
        case ErrorResponse():
            return _after_refusal(state, seen, now=now)
        case UrlInstead():
            if seen.url in state.dead:
                return _after_dead(state, state.error(VideoGoneError, "a link that is dead"))
            return attrs.evolve(state, url=seen.url, is_content=False, is_bare=False), SendRequest()
        case ConnectionBroken():
            return _try_again(_advance(state, seen.size), seen.fault)
        case TaskUnavailable():
            state, decision = _try_again(state, seen.fault)
            return state, RefreshUrl(decision.seconds) if isinstance(
                decision, SendRequest
            ) else decision
        case ResponseEnded():
            return _after_end(_advance(state, seen.size), seen)
        case _:
            return _after_dead(state, seen)


def _after_task(state: DownloadState, task: VideoTask) -> tuple[DownloadState, Action]:
    """Choose the address: a URL wins, for some services have no ``/content`` then."""
    if task.phase is Phase.FAILED:
        return state, Fail(TaskFailedError(task))
    content, variant = task.content_url, state.request.variant
    if variant is not None and content is not None:
        content = f"{content}?variant={quote(variant, safe='')}"
    for url in (task.video_url if variant is None else None, content):
        if url is not None and url not in state.dead:
            is_content = url is content
            return attrs.evolve(state, url=url, is_content=is_content, is_bare=False), SendRequest()
    if task.phase is not Phase.SUCCEEDED and not task.is_complete:
        reason = f"the task is {task.phase} and has no video yet"
        return state, Fail(state.error(VideoNotReadyError, reason))
    if isinstance(state.fault, DownloadError):
        return state, Fail(state.fault)
    gone = state.error(VideoGoneError, "the task has succeeded, and no address of its file works")
    gone.__cause__ = state.fault
    return state, Fail(gone)


def _after_head(state: DownloadState, head: ResponseStarted) -> tuple[DownloadState, Action]:
    part, place = head.part, place_of(head.url)
    if part.status == 416:
        if 0 < state.size == part.total and place == state.place:
            return state, Complete()
        return _start_again(state, f"the server has no byte {state.size} of the file")
    if part.status == 206 and state.first and not _fits(state, part, place):
        return _start_again(state, "the file is another one than at the beginning")
    if part.status == 206 and (part.first != state.first or part.is_encoded):
        return _start_again(state, "another part came than was asked for")
    first = state.first if part.status == 206 else 0
    error = None if part.total is None else state.too_large(part.total)
    if error is not None:
        return state, Fail(error)
    state = attrs.evolve(
        state,
        size=first,
        place=place,
        validator=state.validator if first else part.validator,
        total=state.total if first and part.total is None else part.total,
        fault=None,
    )
    return state, WriteBody(first)


def _fits(state: DownloadState, part: ContentRange, place: str) -> bool:
    """Return whether a part belongs to what is here; of its ETag an answer must not be silent."""
    is_same = part.validator == state.validator
    if part.validator is None and state.validator is not None:
        is_same = not state.validator.startswith('"')
    is_as_long = part.total is None or state.total in (None, part.total)
    return is_same and is_as_long and place == state.place


def _start_again(state: DownloadState, reason: str) -> tuple[DownloadState, Action]:
    state = attrs.evolve(state, size=0, validator=None, total=None)
    return _try_again(state, state.interrupted(reason))


def _after_refusal(
    state: DownloadState, seen: ErrorResponse, *, now: float
) -> tuple[DownloadState, Action]:
    error, status = seen.error, seen.status
    if isinstance(error, TaskFailedError):
        return state, Fail(error)
    is_keyed = seen.is_own and not state.is_content and not state.is_bare
    if is_keyed and status in _KEY_REFUSED:
        # A signed link may lie on the service's own origin, and storage takes one credential only.
        return attrs.evolve(state, is_bare=True, fault=error), SendRequest()
    is_early = state.is_content and seen.is_own and (status in _EARLY or 200 <= status < 300)
    if is_early:
        is_last = bool(state.dead)  # a link has come, and was no good
        return _after_dead(state, error) if is_last else _after_early(state, error, now=now)
    if status in _PASSING or status >= 500:
        return _try_again(state, error, asked=seen.retry_after)
    if state.is_content and seen.is_own:
        return state, Fail(error)
    if state.is_content:
        return _try_again(state, error)  # the next redirect may lead to a link that works
    return _after_dead(state, error)


def _after_early(
    state: DownloadState, error: SoraError, *, now: float
) -> tuple[DownloadState, Action]:
    since = now if state.early_since is None else state.early_since
    state = attrs.evolve(state, early_since=since, fault=error)
    if now - since < EARLY:
        return state, RefreshUrl(spread(EARLY_INTERVAL))
    if isinstance(error, NotAVideoError):
        return state, Fail(error)
    reason = f"the service has no file of the task, which has succeeded: {error}"
    gone = state.error(VideoGoneError, reason)
    gone.__cause__ = error
    return state, Fail(gone)


def _after_dead(state: DownloadState, error: SoraError) -> tuple[DownloadState, Action]:
    """Ask for a fresh link in the place of one that gives no video."""
    dead = state.dead if state.url is None else state.dead | {state.url}
    # Of several, this one says the most: what came of the other addresses follows from it.
    first = state.fault if isinstance(state.fault, UnsafeURLError) else error
    state = attrs.evolve(state, dead=dead, links=state.links + 1, fault=first)
    return state, Fail(first) if state.links > MOST_LINKS else RefreshUrl()


def _advance(state: DownloadState, size: int) -> DownloadState:
    """Return what is known now that so many bytes are here; progress makes up for all before."""
    if size < state.furthest + PROGRESS:
        return attrs.evolve(state, size=size, furthest=max(size, state.furthest))
    return attrs.evolve(
        state,
        size=size,
        furthest=size,
        tries=0,
        links=0,
        dead=frozenset(),
        early_since=None,
    )


def _try_again(
    state: DownloadState, fault: SoraError, *, asked: float | None = None
) -> tuple[DownloadState, Action]:
    state = attrs.evolve(state, tries=state.tries + 1, fault=fault)
    asked = asked or 0.0
    if state.tries > MOST_TRIES or asked > LONGEST_ASKED:
        reason = getattr(fault, "reason", fault)  # what it advises is not for this error's reader
        error = state.interrupted(f"broken off {state.tries} times in a row: {reason}")
        error.__cause__ = fault
        return state, Fail(error)
    pause = state.request.jitter(fault_interval(state.tries))
    return state, SendRequest(max(pause, asked + state.request.jitter(asked / 10)))


def _after_end(state: DownloadState, seen: ResponseEnded) -> tuple[DownloadState, Action]:
    total = state.total
    if total is not None and seen.size != total:
        reason = f"the answer ended after {seen.size} of {total} bytes"
        return _try_again(state, state.interrupted(reason))
    if not seen.missing:
        return state, Complete()
    reason = f"the file lacks {seen.missing} bytes at its end, by its own account"
    if total is None:
        return _try_again(state, state.interrupted(reason))
    if state.damages:
        return state, Fail(state.error(NotAVideoError, reason))
    return _start_again(attrs.evolve(state, damages=1), reason)
