"""Snapshots and errors as plain data that JSON can carry, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from .. import Phase, ProgressEvent, SoraError, TaskFailure, VideoTask, errors

Data = dict[str, Any]


def task_to_data(task: VideoTask) -> Data:
    """Return a snapshot as plain data, the service's own answer included."""
    data = {
        field.name: _to_data(getattr(task, field.name))
        for field in attrs.fields(VideoTask)
        if field.name != "_raw"
    }
    return {**data, "raw": dict(task.raw)}


def task_from_data(data: Mapping[str, Any]) -> VideoTask:
    """Return the snapshot that was made plain; what a newer version added is left out."""
    known: Data = {
        field.name: data[field.name] for field in attrs.fields(VideoTask) if field.name in data
    }
    for name in ("created_at", "completed_at", "expires_at", "updated_at"):
        known[name] = datetime.fromisoformat(known[name]) if known.get(name) else None
    failure = known.get("failure")
    known["failure"] = TaskFailure(failure["code"], failure["message"]) if failure else None
    known["phase"] = Phase(known["phase"])
    return VideoTask(**known, raw=data.get("raw") or {})


def error_to_data(error: SoraError) -> Data:
    """Return an error as plain data, its sentence for people included."""
    values = attrs.astuple(error, recurse=False)
    return {
        "error": type(error).__name__,
        "message": str(error),
        "values": [_to_data(value) for value in values],
    }


def error_from_data(data: Mapping[str, Any]) -> SoraError | None:
    """Return the error that was made plain; None for a class that this version does not know."""
    kind = getattr(errors, data["error"], None)
    if not (isinstance(kind, type) and issubclass(kind, SoraError)):
        return None
    return kind(*map(_from_data, data["values"]))


def event_to_data(event: ProgressEvent) -> Data:
    """Return what is new of a wait, without the service's own answer."""
    return {
        "phase": event.task.phase.value,
        "status": event.task.status,
        "progress": event.progress,
        "elapsed": round(event.elapsed, 3),
        "polls": event.polls,
        "remaining": event.remaining,
        "stalled": event.stalled,
        "fault": None if event.fault is None else str(event.fault),
    }


def _to_data(value: Any) -> Any:
    match value:
        case VideoTask():
            return {"task": task_to_data(value)}
        case SoraError():
            return error_to_data(value)
        case TaskFailure():
            return {"code": value.code, "message": value.message}
        case datetime():
            return value.isoformat()
        case Phase():
            return value.value
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def _from_data(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return task_from_data(value["task"]) if "task" in value else error_from_data(value)
