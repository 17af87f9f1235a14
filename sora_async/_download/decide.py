"""
What a download does after each observation: go on, start again, get a fresh URL, or give up.

One pure function, as :mod:`sora_async._polling.decide` is for waits: it reads no clock and sends
nothing.

Source: what servers were seen to answer, in "What servers really do" in the docs.
"""

from urllib.parse import quote

import attrs

from .._polling.fault_policy import URL_GRACE
from ..errors import (
    DownloadError,
    DownloadInterruptedError,
    InvalidResponseError,
    NotAVideoError,
    SoraError,
    TaskFailedError,
    UnsafeURLError,
    VariantMissingError,
    VideoGoneError,
    VideoNotReadyError,
)
from ..models import Phase, VideoTask
from ..schedule import spread
from ..schedule.backoff import fault_interval
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
"""Failed requests to one address in a row, without progress, after which it is given up."""

MAX_REFRESHES = 4
"""Failed addresses in a row, without progress, after which a download gives up."""

MAX_LINKS = 2
"""Failed links in a row after which ``/content`` is asked first, if the service has it."""

LINK_GRACE = URL_GRACE
"""Seconds for which a link may fail, before another address is tried: as long as ``/content`` may
lack the file, since a file host may be as late."""

MIN_PROGRESS = 64 * 1024
"""Bytes beyond all earlier ones that count as progress. Otherwise a server that sends one byte and
breaks off would be asked for ever."""

NOT_READY_GRACE = URL_GRACE
"""Seconds for which ``/content`` may lack the file of a task that has succeeded."""

NOT_READY_INTERVAL = 3.0
"""Seconds between two requests within that grace period, before jitter."""

MAX_RETRY_AFTER = 120.0
"""The longest ``Retry-After``, in seconds, that a download waits for; for a longer one it ends."""

_NOT_READY_STATUSES = frozenset({400, 404, 409, 422, 425})
_TRANSIENT_STATUSES = frozenset({408, 425, 429})
_LINK_NOT_READY_STATUSES = frozenset({404, 409, 425})
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
            return _after_response_started(state, seen, now=now)
        case ErrorResponse():
            return _after_error_response(state, seen, now=now)
        case UrlInstead():
            return _after_url_instead(state, seen)
        case ConnectionBroken():
            return _retry(_update_size(state, seen.size), seen.error, now=now)
        case TaskUnavailable():
            return _after_task_unavailable(state, seen)
        case ResponseEnded():
            return _after_response_ended(_update_size(state, seen.size), seen, now=now)
        case _:
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
    return _give_up(state)


def _choose_url(state: DownloadState, task: VideoTask) -> DownloadState | None:
    """Choose the address: the URL first, for some services have no ``/content`` beside it."""
    content, variant = task.content_url, state.request.variant
    if variant is not None and content is not None:
        content = f"{content}?variant={quote(variant, safe='')}"
    urls = [task.video_url if variant is None else None, content]
    if state.refreshes >= MAX_LINKS:
        urls.reverse()
    for url in urls:
        if url is not None and url not in state.failed_urls:
            return _use_url(state, url, is_content=url is content)
    return None


def _use_url(state: DownloadState, url: str, *, is_content: bool) -> DownloadState:
    return attrs.evolve(
        state, url=url, is_content=is_content, without_key=False, failing_since=None
    )


def _give_up(state: DownloadState) -> NextStep:
    """
    End with the error that says the most, when no address is left.

    As long as one of them may work later, this is no :exc:`VideoGoneError`: its advice is to make
    the video again, which costs money.
    """
    error = state.last_error
    if state.transient_error is not None and not isinstance(error, UnsafeURLError):
        return state, Fail(state.transient_error)
    is_gone = isinstance(error, VideoGoneError) or not isinstance(error, DownloadError)
    variant = state.request.variant
    if is_gone and variant is not None:
        reason = f"the service has no {variant!r} of the task"
        return state, _fail(state.make_error(VariantMissingError, reason), cause=error)
    if isinstance(error, DownloadError):
        return state, Fail(error)
    reason = f"the task has succeeded, and no address of its file works: {error}"
    return state, _fail(state.make_error(VideoGoneError, reason), cause=error)


def _after_response_started(state: DownloadState, head: ResponseStarted, *, now: float) -> NextStep:
    part, digest = head.part, digest_url(head.url)
    if part.status == 416:
        if _has_whole_file(state, head, digest):
            return state, Complete()
        reason = f"the server has no byte {state.size} of the file"
        return _start_again(state, reason, now=now)
    if part.status != 206:
        return _begin_body(state, part, digest, offset=0)
    if state.resume_offset and not _continues(state, part, digest):
        reason = "the file is not the one of the bytes received so far"
        return _start_again(state, reason, now=now)
    if part.first != state.resume_offset or part.is_encoded:
        reason = "the response has another part than the one requested"
        return _start_again(state, reason, now=now)
    return _begin_body(state, part, digest, offset=state.resume_offset)


def _has_whole_file(state: DownloadState, head: ResponseStarted, digest: str) -> bool:
    """
    Return whether a 416 means that the part file has all bytes.

    The server's present word is not enough: the size must be that of the first response as well,
    and the file's own boxes must agree.
    """
    part = head.part
    is_same_file = digest == state.url_digest and part.validator in (None, state.validator)
    is_same_size = 0 < state.size == part.total and state.total in (None, part.total)
    return is_same_file and is_same_size and not head.missing


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


def _start_again(state: DownloadState, reason: str, *, now: float) -> NextStep:
    """Drop the part file's bytes, and request the whole file."""
    state = attrs.evolve(state, size=0, validator=None, total=None)
    return _retry(state, state.make_interrupted(reason), now=now)


def _after_error_response(state: DownloadState, seen: ErrorResponse, *, now: float) -> NextStep:
    if isinstance(seen.error, TaskFailedError):
        return state, Fail(seen.error)
    if _is_key_refused(state, seen):
        return attrs.evolve(state, without_key=True, last_error=seen.error), SendRequest()
    if state.is_content and seen.from_service:
        return _after_content_error(state, seen, now=now)
    if _is_transient(seen.status):
        return _retry(state, seen.error, retry_after=seen.retry_after, now=now)
    if state.is_content or seen.status in _LINK_NOT_READY_STATUSES:
        # The next redirect may lead to a link that works, and a file host may be late.
        return _retry(state, seen.error, now=now)
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
        return _after_not_ready(state, seen.error, now=now)
    is_challenge = isinstance(seen.error, InvalidResponseError)
    if is_challenge or _is_transient(seen.status):
        return _retry(state, seen.error, retry_after=seen.retry_after, now=now)
    if state.transient_error is not None:
        return _give_up(state)
    return state, Fail(seen.error)


def _after_not_ready(state: DownloadState, error: SoraError, *, now: float) -> NextStep:
    since = now if state.not_ready_since is None else state.not_ready_since
    state = attrs.evolve(_note_error(state, error), not_ready_since=since)
    if now - since < NOT_READY_GRACE:
        return state, RefreshUrl(spread(NOT_READY_INTERVAL))
    return _give_up(state)


def _after_url_instead(state: DownloadState, seen: UrlInstead) -> NextStep:
    if seen.url in state.failed_urls:
        reason = "/content names a link that has failed already"
        return _after_failed_url(state, state.make_error(VideoGoneError, reason))
    return _use_url(state, seen.url, is_content=False), SendRequest()


def _after_failed_url(state: DownloadState, error: SoraError) -> NextStep:
    """Ask for a fresh URL, in place of one that serves no video."""
    failed = state.failed_urls if state.url is None else state.failed_urls | {state.url}
    state = attrs.evolve(
        _note_error(state, error), failed_urls=failed, failures=0, refreshes=state.refreshes + 1
    )
    return (state, RefreshUrl()) if state.refreshes <= MAX_REFRESHES else _give_up(state)


def _note_error(state: DownloadState, error: SoraError) -> DownloadState:
    """Return the state with its newest error, or an unsafe URL: the others follow from that."""
    if isinstance(state.last_error, UnsafeURLError):
        return state
    return attrs.evolve(state, last_error=error)


def _after_task_unavailable(state: DownloadState, seen: TaskUnavailable) -> NextStep:
    state = attrs.evolve(state, failures=state.failures + 1, last_error=seen.error)
    if state.failures >= MAX_FAILURES:
        return state, Fail(_make_interrupted(state, seen.error))
    return state, RefreshUrl(_choose_pause(state))


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
        failing_since=None,
        not_ready_since=None,
        transient_error=None,
    )


def _retry(
    state: DownloadState, error: SoraError, *, now: float, retry_after: float | None = None
) -> NextStep:
    """Request the address again after a pause; if it has failed for too long, try another one."""
    since = now if state.failing_since is None else state.failing_since
    state = attrs.evolve(state, failures=state.failures + 1, failing_since=since, last_error=error)
    requested = retry_after or 0.0
    is_over = state.failures >= MAX_FAILURES or requested > MAX_RETRY_AFTER
    if not state.is_content and (is_over or now - since >= LINK_GRACE):
        if not isinstance(error, VideoGoneError):
            state = attrs.evolve(state, transient_error=_make_interrupted(state, error))
        return _after_failed_url(state, error)
    if is_over:
        return state, Fail(_make_interrupted(state, error))
    jittered = requested + state.request.jitter(requested / 10)
    pause = _choose_pause(state) if state.is_content else _choose_link_pause(state)
    return state, SendRequest(max(pause, jittered))


def _choose_pause(state: DownloadState) -> float:
    return state.request.jitter(fault_interval(state.failures))


def _choose_link_pause(state: DownloadState) -> float:
    """
    Return a pause so long that a link is requested :data:`MAX_FAILURES` times within its grace.

    The lower ends of the pauses after the first, half of 2, 4, 8, 16, 30 and 30 s, make 45 s.
    """
    if state.failures == 1:
        return _choose_pause(state)
    half = fault_interval(state.failures + 1) / 2
    return half + state.request.jitter(half)


def _make_interrupted(state: DownloadState, error: SoraError) -> DownloadInterruptedError:
    """Return the error of an address that failed too often; it may work later."""
    # Without its advice, which is for those who get the error itself.
    reason = getattr(error, "outcome", None) or getattr(error, "reason", error)
    interrupted = state.make_interrupted(f"{state.failures} requests in a row failed: {reason}")
    interrupted.__cause__ = error
    return interrupted


def _after_response_ended(state: DownloadState, seen: ResponseEnded, *, now: float) -> NextStep:
    total = state.total
    if total is not None and seen.size != total:
        reason = f"the response ended after {seen.size} of {total} bytes"
        return _retry(state, state.make_interrupted(reason), now=now)
    if not seen.missing:
        return state, Complete()
    reason = f"the file's own boxes say that it lacks {seen.missing} bytes at its end"
    if total is None:
        return _retry(state, state.make_interrupted(reason), now=now)
    if state.truncations:
        return _after_failed_url(state, state.make_error(NotAVideoError, reason))
    return _start_again(attrs.evolve(state, truncations=1), reason, now=now)


def _fail(error: SoraError, *, cause: SoraError | None) -> Fail:
    error.__cause__ = cause
    return Fail(error)
