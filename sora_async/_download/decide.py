"""
What a download does after what it has seen: go on, start again, get a fresh link, or give up.

One pure function, as :mod:`sora_async._polling.decide` is for waits. It reads no clock and sends nothing.

Source: what servers were seen to answer, in "What servers really do" in the docs.
"""

from urllib.parse import quote

import attrs

from .._polling.fault_policy import FAULT_INTERVALS
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


def decide(course: DownloadState, seen: Observation, *, now: float) -> tuple[DownloadState, Action]:
    """
    Return what is known after something was seen, and what to do about it.

    Args:
        course: What was known before.
        seen: A snapshot of the task, or what came of a request for the file.
        now: The moment, on any clock that only goes forward.
    """
    match seen:
        case VideoTask():
            return _after_task(course, seen)
        case ResponseStarted():
            return _after_head(course, seen)
        case ErrorResponse():
            return _after_refusal(course, seen, now=now)
        case UrlInstead():
            if seen.url in course.dead:
                return _after_dead(course, course.error(VideoGoneError, "a link that is dead"))
            return attrs.evolve(
                course, url=seen.url, is_content=False, is_bare=False
            ), SendRequest()
        case ConnectionBroken():
            return _try_again(_advance(course, seen.size), seen.fault)
        case TaskUnavailable():
            course, decision = _try_again(course, seen.fault)
            return course, RefreshUrl(decision.seconds) if isinstance(
                decision, SendRequest
            ) else decision
        case ResponseEnded():
            return _after_end(_advance(course, seen.size), seen)
        case _:
            return _after_dead(course, seen)


def _after_task(course: DownloadState, task: VideoTask) -> tuple[DownloadState, Action]:
    """Choose the address: a URL wins, for some services have no ``/content`` then."""
    if task.phase is Phase.FAILED:
        return course, Fail(TaskFailedError(task))
    content, variant = task.content_url, course.errand.variant
    if variant is not None and content is not None:
        content = f"{content}?variant={quote(variant, safe='')}"
    for url in (task.video_url if variant is None else None, content):
        if url is not None and url not in course.dead:
            is_content = url is content
            return attrs.evolve(
                course, url=url, is_content=is_content, is_bare=False
            ), SendRequest()
    if task.phase is not Phase.SUCCEEDED and not task.is_complete:
        reason = f"the task is {task.phase} and has no video yet"
        return course, Fail(course.error(VideoNotReadyError, reason))
    if isinstance(course.fault, DownloadError):
        return course, Fail(course.fault)
    gone = course.error(VideoGoneError, "the task has succeeded, and no address of its file works")
    gone.__cause__ = course.fault
    return course, Fail(gone)


def _after_head(course: DownloadState, head: ResponseStarted) -> tuple[DownloadState, Action]:
    part, place = head.part, place_of(head.url)
    if part.status == 416:
        if 0 < course.size == part.total and place == course.place:
            return course, Complete()
        return _start_again(course, f"the server has no byte {course.size} of the file")
    if part.status == 206 and course.first and not _fits(course, part, place):
        return _start_again(course, "the file is another one than at the beginning")
    if part.status == 206 and (part.first != course.first or part.is_encoded):
        return _start_again(course, "another part came than was asked for")
    first = course.first if part.status == 206 else 0
    error = None if part.total is None else course.too_large(part.total)
    if error is not None:
        return course, Fail(error)
    course = attrs.evolve(
        course,
        size=first,
        place=place,
        validator=course.validator if first else part.validator,
        total=course.total if first and part.total is None else part.total,
        fault=None,
    )
    return course, WriteBody(first)


def _fits(course: DownloadState, part: ContentRange, place: str) -> bool:
    """Return whether a part belongs to what is here; of its ETag an answer must not be silent."""
    is_same = part.validator == course.validator
    if part.validator is None and course.validator is not None:
        is_same = not course.validator.startswith('"')
    is_as_long = part.total is None or course.total in (None, part.total)
    return is_same and is_as_long and place == course.place


def _start_again(course: DownloadState, reason: str) -> tuple[DownloadState, Action]:
    course = attrs.evolve(course, size=0, validator=None, total=None)
    return _try_again(course, course.interrupted(reason))


def _after_refusal(
    course: DownloadState, seen: ErrorResponse, *, now: float
) -> tuple[DownloadState, Action]:
    error, status = seen.error, seen.status
    if isinstance(error, TaskFailedError):
        return course, Fail(error)
    is_keyed = seen.is_own and not course.is_content and not course.is_bare
    if is_keyed and status in _KEY_REFUSED:
        # A signed link may lie on the service's own origin, and storage takes one credential only.
        return attrs.evolve(course, is_bare=True, fault=error), SendRequest()
    is_early = course.is_content and seen.is_own and (status in _EARLY or 200 <= status < 300)
    if is_early:
        is_last = bool(course.dead)  # a link has come, and was no good
        return _after_dead(course, error) if is_last else _after_early(course, error, now=now)
    if status in _PASSING or status >= 500:
        return _try_again(course, error, asked=seen.retry_after)
    if course.is_content and seen.is_own:
        return course, Fail(error)
    if course.is_content:
        return _try_again(course, error)  # the next redirect may lead to a link that works
    return _after_dead(course, error)


def _after_early(
    course: DownloadState, error: SoraError, *, now: float
) -> tuple[DownloadState, Action]:
    since = now if course.early_since is None else course.early_since
    course = attrs.evolve(course, early_since=since, fault=error)
    if now - since < EARLY:
        return course, RefreshUrl(spread(EARLY_INTERVAL))
    if isinstance(error, NotAVideoError):
        return course, Fail(error)
    reason = f"the service has no file of the task, which has succeeded: {error}"
    gone = course.error(VideoGoneError, reason)
    gone.__cause__ = error
    return course, Fail(gone)


def _after_dead(course: DownloadState, error: SoraError) -> tuple[DownloadState, Action]:
    """Ask for a fresh link in the place of one that gives no video."""
    dead = course.dead if course.url is None else course.dead | {course.url}
    # Of several, this one says the most: what came of the other addresses follows from it.
    first = course.fault if isinstance(course.fault, UnsafeURLError) else error
    course = attrs.evolve(course, dead=dead, links=course.links + 1, fault=first)
    return course, Fail(first) if course.links > MOST_LINKS else RefreshUrl()


def _advance(course: DownloadState, size: int) -> DownloadState:
    """Return what is known now that so many bytes are here; progress makes up for all before."""
    if size < course.furthest + PROGRESS:
        return attrs.evolve(course, size=size, furthest=max(size, course.furthest))
    return attrs.evolve(
        course,
        size=size,
        furthest=size,
        tries=0,
        links=0,
        dead=frozenset(),
        early_since=None,
    )


def _try_again(
    course: DownloadState, fault: SoraError, *, asked: float | None = None
) -> tuple[DownloadState, Action]:
    course = attrs.evolve(course, tries=course.tries + 1, fault=fault)
    asked = asked or 0.0
    if course.tries > MOST_TRIES or asked > LONGEST_ASKED:
        reason = getattr(fault, "reason", fault)  # what it advises is not for this error's reader
        error = course.interrupted(f"broken off {course.tries} times in a row: {reason}")
        error.__cause__ = fault
        return course, Fail(error)
    pause = course.errand.jitter(FAULT_INTERVALS[min(course.tries, len(FAULT_INTERVALS)) - 1])
    return course, SendRequest(max(pause, asked + course.errand.jitter(asked / 10)))


def _after_end(course: DownloadState, seen: ResponseEnded) -> tuple[DownloadState, Action]:
    total = course.total
    if total is not None and seen.size != total:
        reason = f"the answer ended after {seen.size} of {total} bytes"
        return _try_again(course, course.interrupted(reason))
    if not seen.missing:
        return course, Complete()
    reason = f"the file lacks {seen.missing} bytes at its end, by its own account"
    if total is None:
        return _try_again(course, course.interrupted(reason))
    if course.damages:
        return course, Fail(course.error(NotAVideoError, reason))
    return _start_again(attrs.evolve(course, damages=1), reason)
