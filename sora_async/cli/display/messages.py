"""Events and errors in words, one line each."""

import re
from typing import Final

from ... import (
    ClientClosedError,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    DownloadError,
    OutageError,
    Phase,
    ProgressEvent,
    ResponseError,
    SoraError,
    TaskFailedError,
    TaskNotFoundError,
    VideoTask,
    WaitInterruptedError,
    WaitTimeoutError,
)
from .format import clean, format_percent, format_seconds


def find_address(task: VideoTask | None) -> str:
    """Return the address of the video; "" when the service has named none."""
    return clean((task and (task.video_url or task.content_url)) or "")


def describe_event(event: ProgressEvent) -> str:
    """Return what is special about an event in a few words; "" when nothing is."""
    task = event.task
    if event.last_error is not None:
        return _describe_retry(event.last_error)
    if event.recovered_after is not None:
        return f"recovered after {format_seconds(event.recovered_after)}"
    if task.phase is Phase.SUCCEEDED:
        return "" if task.is_complete else "no URL yet"
    if event.stalled:
        return "slower than usual"
    if task.queue_position is not None and task.phase is Phase.QUEUED:
        return f"{task.queue_position} ahead in queue"
    if event.eta is not None and task.phase is not Phase.FAILED:
        return f"about {format_seconds(event.eta.p50)} left"
    return ""


def _describe_retry(error: SoraError) -> str:
    if isinstance(error, TaskNotFoundError):
        return "not found yet"
    if isinstance(error, ResponseError):
        return f"HTTP {error.status}, retrying"
    if isinstance(error, ConnectionFailedError):
        return "no response, retrying"
    return "invalid response, retrying"


def describe_error(error: SoraError) -> str:
    """Return why there is no video, without what to do about it."""
    match error:
        case TaskFailedError():
            return clean(str(error.failure))
        case ClientClosedError():
            return _describe_interruption(error)
        case WaitTimeoutError(retry_after=float() | int() as seconds):
            last = _describe_last(error)
            return f"the service asked for a pause of {format_seconds(seconds)}, {last}"
        case WaitTimeoutError():
            last_error = f"; {error.last_error}" if error.last_error else ""
            return clean(f"no video before the timeout, {_describe_last(error)}{last_error}")
        case CreateOutcomeUnknownError():
            return clean(_describe_unknown_create(error))
        case DownloadError():
            return clean(f"{error.path}: {error.reason}")
        case ConnectionFailedError():
            return clean(f"no response from {error.url}: {error.reason}")
        case ResponseError(status=int() as status) if status:
            return clean(f"HTTP {status}: {error.message or error.code or 'no reason given'}")
        case OutageError():
            return clean(
                f"no usable response for {format_seconds(error.outage)}: {error.last_error}"
            )
        case _:
            return clean(str(error))


def explain_error(error: SoraError) -> str:
    """Return why there is no video and what to do, in terms of the command."""
    match error:
        case CreateOutcomeUnknownError():
            look = '"sora-async list" shows the newest tasks, if the service has a list'
            if not error.is_listed:
                look = "this service has no list, so look on its website"
            what = use_command_terms(describe_error(error))
            return f"{what}. Check before you create it again: {look}"
        case DownloadError():
            return f"{describe_error(error)}. {use_command_terms(error.advice)}"
        case TaskFailedError() | WaitInterruptedError():
            return use_command_terms(describe_error(error))
        case _:
            return use_command_terms(clean(str(error)))


_COMMAND_TERMS: Final = {
    r"\bpass the key as api_key=": "set it in SORA_API_KEY",
    r"\bpass api_key=": "use --api-key",
    r"\bpass dialect=": "use --dialect",
    r"\bPass dialect=": "Use --dialect",
    r"\bpass base_url=": "use --base-url",
    r"\bpass allow_plain_http=True": "use --allow-plain-http",
    r"\bpass ssl= with a context that trusts it, or set SSL_CERT_FILE": "set SSL_CERT_FILE",
    r"; give an http:// proxy, or pass session= with a connector of aiohttp-socks": (
        "; use an http:// proxy"
    ),
    r"\bbase_url\b(?! \(SORA_BASE_URL\))": "--base-url (SORA_BASE_URL)",
    r"\bbase_url\b(?= \(SORA_BASE_URL\))": "--base-url",
    r"\bapi_key\b": "--api-key (SORA_API_KEY)",
    r"^output_dir:": "--out:",
    r"^path:": "--out:",
    r"^task_id\b": "ID",
    r"\blist_tasks\(\)": '"sora-async list"',
    r"\bwait_until_complete\('(.+?)'\)": r'"sora-async wait \1"',
    r"^Pass download\(\) the wait for it: .*": "Wait for the task: sora-async wait --download",
    r"\bset if_exists=\"overwrite\" or \"skip\"": "use --if-exists overwrite or --if-exists skip",
    r"\bSet a larger max_size=": "Use a larger --max-size",
    r"\bSet allow_private=True": "Use --allow-private",
    r", or send JSON \(as_json=True\)": ", or use another --dialect",
    r"\bsend JSON \(as_json=True\)": "use a --dialect that sends JSON",
}
"""Python's names in messages of the library, as patterns, and what the command calls them."""


def use_command_terms(text: str) -> str:
    """Return a message of the library with options and variables in the place of arguments."""
    for pattern, term in _COMMAND_TERMS.items():
        text = re.sub(pattern, term, text)
    return text


def _describe_interruption(error: ClientClosedError) -> str:
    if error.last is not None:
        return "the task goes on"
    if isinstance(error.last_error, TaskNotFoundError):
        return "no such task was found so far"
    return "the task may go on"


def _describe_last(error: WaitInterruptedError) -> str:
    if error.last is None:
        return "never seen"
    return f"last seen {error.last.phase} {format_percent(error.last.progress)}".rstrip()


def _describe_unknown_create(error: CreateOutcomeUnknownError) -> str:
    is_known = error.request_id is not None and error.request_id not in error.reason
    known = f" (request id: {error.request_id})" if is_known else ""
    made = "there may be a task, and it may be charged"
    if not error.is_whole:
        made = "probably no task was created: the request was not sent completely"
    return f"the outcome of the create is unknown{known}: {error.reason.rstrip('.。')}; {made}"
