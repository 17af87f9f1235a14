"""What is known, in words for a line; whatever a server sent is made harmless first."""

from .. import (
    ClientClosedError,
    ConnectionFailedError,
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


def find_phase(event: ProgressEvent | None) -> Phase | None:
    """Return the phase, None while the service has said nothing of the task."""
    if event is None or (event.fault is not None and not event.task.raw):
        return None
    return event.task.phase


def find_address(task: VideoTask | None) -> str:
    """Return where the video is; "" when the service has named no place."""
    return clean((task and (task.video_url or task.content_url)) or "")


def note(event: ProgressEvent) -> str:
    """Return what is special about an event, in a few words."""
    task = event.task
    if event.fault is not None:
        return _note_fault(event.fault)
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
            fault = f"; {clean(str(error.fault))}" if error.fault else ""
            return f"no video in time, {_tell_last(error)}{fault}"
        case WaitTimeoutError(retry_after=seconds):
            return f"the service asks for {seconds:.0f} s of silence, {_tell_last(error)}"
        case OutageError():
            return clean(f"no good answer for {error.outage:.0f} s: {error.fault}")
        case _:
            return clean(str(error))


def _tell_last(error: WaitInterruptedError) -> str:
    if error.last is None:
        return "never seen"
    return f"last seen {error.last.phase} {tell_part(error.last.progress)}".rstrip()
