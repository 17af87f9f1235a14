"""Errors as plain data for JSON and back, and the part of an event that a job shows."""

from collections.abc import Mapping
from typing import Any

import attrs

from .. import ProgressEvent, SoraError, VideoTask, errors

Data = dict[str, Any]


def error_to_data(error: SoraError) -> Data:
    """Return an error as plain data, with its message."""
    values = attrs.astuple(error, recurse=False)
    return {
        "error": type(error).__name__,
        "message": str(error),
        "values": [_to_data(value) for value in values],
    }


def error_from_data(data: Mapping[str, Any]) -> SoraError | None:
    """Return the error that data describes; None for a class that this version does not know."""
    kind = getattr(errors, data["error"], None)
    if not (isinstance(kind, type) and issubclass(kind, SoraError)):
        return None
    return kind(*map(_from_data, data["values"]))


def event_to_data(event: ProgressEvent) -> Data:
    """Return the state of a wait as plain data, without the body of the response."""
    return {
        "phase": None if event.phase is None else event.phase.value,
        "status": event.task.status,
        "progress": event.progress,
        "elapsed": round(event.elapsed, 3),
        "polls": event.polls,
        "eta": None if event.eta is None else attrs.asdict(event.eta),
        "stalled": event.stalled,
        "last_error": None if event.last_error is None else str(event.last_error),
    }


def _to_data(value: Any) -> Any:
    match value:
        case VideoTask():
            return {"task": value.to_dict()}
        case SoraError():
            return error_to_data(value)
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def _from_data(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if "task" in value:
        return VideoTask.from_dict(value["task"])
    return error_from_data(value)
