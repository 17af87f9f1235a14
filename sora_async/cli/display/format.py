"""What is known, in words for a line; whatever a server sent is made harmless first."""

from ... import (
    ClientClosedError,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    DownloadError,
    OutageError,
    OutputExistsError,
    Phase,
    ProgressEvent,
    ResponseError,
    SoraError,
    TaskFailedError,
    TaskNotFoundError,
    UnsafeURLError,
    VideoNotReadyError,
    VideoTask,
    VideoTooLargeError,
    WaitInterruptedError,
    WaitTimeoutError,
)


def clean(text: str) -> str:
    """
    Return a text in one line and without anything that steers a terminal.

    Line breaks, escapes, other control characters and those that turn the
    direction of writing become spaces; runs of spaces become one.
    """
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def shorten(text: str, width: int) -> str:
    """Return a text cut in its middle to a number of characters: ids differ at both ends."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def tell_seconds(seconds: float) -> str:
    """Return a length as ``12.3 s``, and from a minute on as ``4:26`` or ``1:04:26``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def tell_part(part: float | None) -> str:
    """Return a part done as ``45%``; never 100 % before the end."""
    return "" if part is None else f"{int(part * 100 + 1e-9)}%"


def tell_size(size: float) -> str:
    """Return a number of bytes as ``12.3 MB``, in powers of 1000."""
    unit, factor = _find_unit(size)
    return f"{size / factor:.0f} {unit}" if unit == "B" else f"{size / factor:.1f} {unit}"


def tell_parts(received: int, total: int | None) -> str:
    """Return how much of a file has come, as ``12.3 of 45.6 MB``."""
    if total is None:
        return tell_size(received)
    unit, factor = _find_unit(total)
    digits = 0 if unit == "B" else 1
    return f"{received / factor:.{digits}f} of {total / factor:.{digits}f} {unit}"


def _find_unit(size: float) -> tuple[str, float]:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return unit, factor
    return "B", 1.0


def count(number: int, thing: str) -> str:
    """Return a number of things: ``1 task``, ``3 tasks``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def find_phase(event: ProgressEvent | None) -> Phase | None:
    """Return the phase, None while the service has said nothing of the task."""
    if event is None or (event.last_error is not None and not event.task.raw):
        return None
    return event.task.phase


def find_address(task: VideoTask | None) -> str:
    """Return where the video is; "" when the service has named no place."""
    return clean((task and (task.video_url or task.content_url)) or "")


def note(event: ProgressEvent) -> str:
    """Return what is special about an event, in a few words."""
    task = event.task
    if event.last_error is not None:
        return _note_fault(event.last_error)
    if event.recovered_after is not None:
        return f"recovered after {tell_seconds(event.recovered_after)}"
    if task.phase is Phase.SUCCEEDED and not task.is_complete:
        return "no URL yet"
    if task.queue_position is not None and task.phase is Phase.QUEUED:
        return f"{task.queue_position} ahead of it"
    return ""


def _note_fault(fault: SoraError) -> str:
    if isinstance(fault, TaskNotFoundError):
        return "not known yet"
    if isinstance(fault, ResponseError):
        return f"{fault.status}, retrying"
    if isinstance(fault, ConnectionFailedError):
        return "no reply, retrying"
    return "garbled, retrying"


def explain(error: SoraError) -> str:
    """Return why there is no video, in one line; how to wait again is left to the caller."""
    match error:
        case TaskFailedError():
            return clean(str(error.failure))
        case ClientClosedError():
            return "the task goes on"
        case WaitTimeoutError(retry_after=None):
            fault = f"; {clean(str(error.last_error))}" if error.last_error else ""
            return f"no video in time, {_tell_last(error)}{fault}"
        case WaitTimeoutError(retry_after=seconds):
            return f"the service asks for {seconds:.0f} s of silence, {_tell_last(error)}"
        case CreateOutcomeUnknownError():
            return clean(_explain_doubt(error))
        case DownloadError():
            return clean(f"{error.path}: {error.reason}. {_advise(error)}")
        case OutageError():
            return clean(f"no good answer for {error.outage:.0f} s: {error.last_error}")
        case _:
            return clean(str(error))


def _tell_last(error: WaitInterruptedError) -> str:
    if error.last is None:
        return "never seen"
    return f"last seen {error.last.phase} {tell_part(error.last.progress)}".rstrip()


def _explain_doubt(error: CreateOutcomeUnknownError) -> str:
    """Return what is known of an order without an answer, and how to look for its task."""
    known = "" if error.request_id is None else f" (request id: {error.request_id})"
    made = "there may be a task, and it may be charged"
    if not error.is_whole:
        made = "there is hardly a task, as a part of the order was still to be sent"
    look = '"sora-async list" shows the newest tasks, where the service has a list'
    if not error.is_listed:
        look = "this service has no list, so look on its own pages"
    return (
        f"what came of the order is not known{known}: {error.reason.rstrip('.。')}; {made}. "
        f"Look before you create it again: {look}"
    )


def _advise(error: DownloadError) -> str:
    """Return what to do about a download that failed, in words of the command."""
    match error:
        case OutputExistsError():
            return "Choose another path, or say --if-exists overwrite or skip"
        case VideoNotReadyError():
            return "Wait for the task: sora-async wait --download"
        case VideoTooLargeError():
            return "Say a larger --max-size"
        case UnsafeURLError():
            return "Say --allow-private if the service is one you trust"
        case _:
            return error.advice
