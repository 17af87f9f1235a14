"""
What a download does after each observation: go on, start again, get a fresh URL, or give up.

One pure function, as :mod:`sora_async._polling.decide` is for waits: it reads no clock and sends
nothing.

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
from ..schedule.backoff import FAULT_INTERVALS
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
    digest_url,
)

MAX_FAILURES = 8
"""Failed requests in a row, without progress, after which a download gives up."""

MAX_REFRESHES = 4
"""Fresh URLs in a row, without progress, after which a download gives up."""

MIN_PROGRESS = 64 * 1024
"""Bytes beyond all earlier ones that count as progress. Otherwise a server that sends one byte and
breaks off would be asked for ever."""

NOT_READY_GRACE = 45.0
"""Seconds for which ``/content`` may lack the file of a task that has succeeded: as long as a wait
waits for the URL."""

NOT_READY_INTERVAL = 3.0
"""Seconds between two requests within that grace period, before jitter."""

MAX_RETRY_AFTER = 120.0
"""The longest ``Retry-After``, in seconds, that a download waits for; for a longer one it ends."""

_NOT_READY_STATUSES = frozenset({400, 404, 409, 422, 425})
_TRANSIENT_STATUSES = frozenset({408, 425, 429})
_KEY_REFUSED_STATUSES = frozenset({400, 401, 403})

NextStep = tuple[DownloadState, Action]


def decide(state: DownloadState, seen: Observation, *, now: float) -> NextStep:
    """
    Return the state after an observation, and what to do next.

    Args:
        state: The state before.
        seen: A snapshot of the task, or what came of a request for the file.
        now: The time on any clock that only goes forward.
    """
    match seen:
        case VideoTask():
            return _after_task(state, seen)
        case ResponseStarted():
            return _after_response_started(state, seen)
        case ErrorResponse():
            return _after_error_response(state, seen, now=now)
        case UrlInstead():
            return _after_url_instead(state, seen)
        case ConnectionBroken():
            return _retry(_update_size(state, seen.size), seen.error)
        case TaskUnavailable():
            return _after_task_unavailable(state, seen)
        case ResponseEnded():
            return _after_response_ended(_update_size(state, seen.size), seen)
        case UnsafeURLError():
            return _after_failed_url(state, seen)


def _after_task(state: DownloadState, task: VideoTask) -> NextStep:
    if task.phase is Phase.FAILED:
        return state, Fail(TaskFailedError(task))
    chosen = _choose_url(state, task)
    if chosen is not None:
        return chosen, SendRequest()
    if task.phase is not Phase.SUCCEEDED and not task.is_complete:
        reason = f"the task is {task.phase} and has no video yet"
        return state, Fail(state.make_error(VideoNotReadyError, reason))
    if isinstance(state.last_error, DownloadError):
        return state, Fail(state.last_error)
    reason = "the task has succeeded, and no address of its file works"
    return state, _fail(state.make_error(VideoGoneError, reason), cause=state.last_error)


def _choose_url(state: DownloadState, task: VideoTask) -> DownloadState | None:
    """Choose the address: the URL first, for some services have no ``/content`` beside it."""
    content, variant = task.content_url, state.request.variant
    if variant is not None and content is not None:
        content = f"{content}?variant={quote(variant, safe='')}"
    for url in (task.video_url if variant is None else None, content):
        if url is not None and url not in state.failed_urls:
            return attrs.evolve(state, url=url, is_content=url is content, without_key=False)
    return None


def _after_response_started(state: DownloadState, head: ResponseStarted) -> NextStep:
    part, digest = head.part, digest_url(head.url)
    if part.status == 416:
        return _after_range_refused(state, part, digest)
    if part.status != 206:
        return _begin_body(state, part, digest, offset=0)
    if state.resume_offset and not _continues(state, part, digest):
        return _start_again(state, "the file is not the one of the bytes received so far")
    if part.first != state.resume_offset or part.is_encoded:
        return _start_again(state, "the response has another part than the one requested")
    return _begin_body(state, part, digest, offset=state.resume_offset)


def _after_range_refused(state: DownloadState, part: ContentRange, digest: str) -> NextStep:
    """Take 416 for "you have it all" if the size agrees; otherwise the part file is useless."""
    if 0 < state.size == part.total and digest == state.url_digest:
        return state, Complete()
    return _start_again(state, f"the server has no byte {state.size} of the file")


def _begin_body(state: DownloadState, part: ContentRange, digest: str, *, offset: int) -> NextStep:
    error = None if part.total is None else state.find_size_error(part.total)
    if error is not None:
        return state, Fail(error)
    state = attrs.evolve(
        state,
        size=offset,
        url_digest=digest,
        validator=state.validator if offset else part.validator,
        total=state.total if offset and part.total is None else part.total,
        last_error=None,
    )
    return state, WriteBody(offset)


def _continues(state: DownloadState, part: ContentRange, digest: str) -> bool:
    """Return whether a 206 continues the part file; it may leave out a date, but not an ETag."""
    if part.validator is None:
        is_same_version = state.validator is None or not state.validator.startswith('"')
    else:
        is_same_version = part.validator == state.validator
    is_same_length = part.total is None or state.total in (None, part.total)
    return is_same_version and is_same_length and digest == state.url_digest


def _start_again(state: DownloadState, reason: str) -> NextStep:
    """Drop the part file's bytes, and request the whole file."""
    state = attrs.evolve(state, size=0, validator=None, total=None)
    return _retry(state, state.make_interrupted(reason))


def _after_error_response(state: DownloadState, seen: ErrorResponse, *, now: float) -> NextStep:
    if isinstance(seen.error, TaskFailedError):
        return state, Fail(seen.error)
    if _is_key_refused(state, seen):
        return attrs.evolve(state, without_key=True, last_error=seen.error), SendRequest()
    if state.is_content and seen.from_service:
        return _after_content_error(state, seen, now=now)
    if _is_transient(seen.status):
        return _retry(state, seen.error, retry_after=seen.retry_after)
    if state.is_content:
        return _retry(state, seen.error)  # the next redirect may lead to a link that works
    return _after_failed_url(state, seen.error)


def _is_key_refused(state: DownloadState, seen: ErrorResponse) -> bool:
    """
    Return whether a signed link on the service's origin may work without the key.

    Storage takes one credential only: the signature, or the key.
    """
    was_sent_with_key = seen.from_service and not state.is_content and not state.without_key
    return was_sent_with_key and seen.status in _KEY_REFUSED_STATUSES


def _is_transient(status: int) -> bool:
    return status in _TRANSIENT_STATUSES or status >= 500


def _after_content_error(state: DownloadState, seen: ErrorResponse, *, now: float) -> NextStep:
    """Decide after the service's ``/content`` has answered without a video."""
    if seen.status in _NOT_READY_STATUSES or 200 <= seen.status < 300:
        if state.failed_urls:  # there was a link already, so the file is not late
            return _after_failed_url(state, seen.error)
        return _after_not_ready(state, seen.error, now=now)
    if _is_transient(seen.status):
        return _retry(state, seen.error, retry_after=seen.retry_after)
    return state, Fail(seen.error)


def _after_not_ready(state: DownloadState, error: SoraError, *, now: float) -> NextStep:
    since = now if state.not_ready_since is None else state.not_ready_since
    state = attrs.evolve(state, not_ready_since=since, last_error=error)
    if now - since < NOT_READY_GRACE:
        return state, RefreshUrl(spread(NOT_READY_INTERVAL))
    if isinstance(error, NotAVideoError):
        return state, Fail(error)
    reason = f"the service has no file of the task, which has succeeded: {error}"
    return state, _fail(state.make_error(VideoGoneError, reason), cause=error)


def _after_url_instead(state: DownloadState, seen: UrlInstead) -> NextStep:
    if seen.url in state.failed_urls:
        reason = "/content names a link that has failed already"
        return _after_failed_url(state, state.make_error(VideoGoneError, reason))
    return attrs.evolve(state, url=seen.url, is_content=False, without_key=False), SendRequest()


def _after_failed_url(state: DownloadState, error: SoraError) -> NextStep:
    """Ask for a fresh URL, in place of one that serves no video."""
    failed = state.failed_urls if state.url is None else state.failed_urls | {state.url}
    # An unsafe URL says the most: what came of the other addresses follows from it.
    shown = state.last_error if isinstance(state.last_error, UnsafeURLError) else error
    state = attrs.evolve(state, failed_urls=failed, refreshes=state.refreshes + 1, last_error=shown)
    return state, Fail(shown) if state.refreshes > MAX_REFRESHES else RefreshUrl()


def _after_task_unavailable(state: DownloadState, seen: TaskUnavailable) -> NextStep:
    state, action = _retry(state, seen.error)
    return state, RefreshUrl(action.delay) if isinstance(action, SendRequest) else action


def _update_size(state: DownloadState, size: int) -> DownloadState:
    """Return the state with *size* bytes in the part file; progress resets what failed before."""
    if size < state.peak_size + MIN_PROGRESS:
        return attrs.evolve(state, size=size, peak_size=max(size, state.peak_size))
    return attrs.evolve(
        state,
        size=size,
        peak_size=size,
        failures=0,
        refreshes=0,
        failed_urls=frozenset(),
        not_ready_since=None,
    )


def _retry(state: DownloadState, error: SoraError, *, retry_after: float | None = None) -> NextStep:
    """Request the address again after a pause, unless it has failed too often."""
    state = attrs.evolve(state, failures=state.failures + 1, last_error=error)
    requested = retry_after or 0.0
    if state.failures > MAX_FAILURES or requested > MAX_RETRY_AFTER:
        reason = getattr(error, "reason", error)  # its advice is for those who get the error itself
        reason = f"{state.failures} requests in a row failed: {reason}"
        return state, _fail(state.make_interrupted(reason), cause=error)
    jitter = state.request.jitter
    pause = jitter(FAULT_INTERVALS[min(state.failures, len(FAULT_INTERVALS)) - 1])
    return state, SendRequest(max(pause, requested + jitter(requested / 10)))


def _after_response_ended(state: DownloadState, seen: ResponseEnded) -> NextStep:
    total = state.total
    if total is not None and seen.size != total:
        reason = f"the response ended after {seen.size} of {total} bytes"
        return _retry(state, state.make_interrupted(reason))
    if not seen.missing:
        return state, Complete()
    reason = f"the file's own boxes say that it lacks {seen.missing} bytes at its end"
    if total is None:
        return _retry(state, state.make_interrupted(reason))
    if state.truncations:
        return state, Fail(state.make_error(NotAVideoError, reason))
    return _start_again(attrs.evolve(state, truncations=1), reason)


def _fail(error: SoraError, *, cause: SoraError | None) -> Fail:
    error.__cause__ = cause
    return Fail(error)
