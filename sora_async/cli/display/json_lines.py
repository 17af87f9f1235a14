"""The output for programs: one JSON object a line; docs/how-to/command.rst promises its keys."""

import json
from datetime import datetime
from typing import Literal

from ... import (
    CreateOutcomeUnknownError,
    DownloadEvent,
    InvalidResponseError,
    Phase,
    ProgressEvent,
    ResponseError,
    SoraError,
    TaskFailure,
    VideoTask,
)
from .messages import use_command_terms
from .reporter import Reporter
from .states import TaskResult, TaskUpdate

Kind = Literal[
    "event",
    "download",
    "result",
    "task",
    "stage",
    "summary",
    "deleted",
    "cancelled",
    "dialect",
    "doctor",
    "error",
]

Value = str | int | float | bool | None | dict[str, "Value"]


class JsonReporter(Reporter):
    """Prints tasks as JSON on stdout: an object for each event, and a ``result`` for each end."""

    def update(self, name: str, update: TaskUpdate) -> None:
        """Print an event."""
        if isinstance(update, DownloadEvent):
            _print_download(update)
        else:
            _print_event(update)

    def finish(self, result: TaskResult) -> None:
        """Print the end of a task."""
        super().finish(result)
        task, file = result.task, result.file
        print_object(
            "result",
            id=result.task_id or None,
            outcome=result.outcome,
            video_url=task.video_url if task else None,
            content_url=task.content_url if task else None,
            failure=_encode_failure(task.failure if task else None),
            error=encode_error(result.error),
            elapsed=round(result.elapsed, 3),
            polls=result.polls,
            path=str(file.path) if file else None,
            size=file.size if file else None,
            line=result.line,
        )


def _print_event(event: ProgressEvent) -> None:
    task = event.task
    print_object(
        "event",
        id=task.id,
        phase=event.phase,
        status=task.status,
        progress=event.progress,
        elapsed=round(event.elapsed, 3),
        polls=event.polls,
        queue_position=task.queue_position,
        last_error=encode_error(event.last_error),
        recovered_after=_round(event.recovered_after),
    )


def _print_download(event: DownloadEvent) -> None:
    print_object(
        "download",
        id=event.task_id,
        received=event.received,
        total=event.total,
        elapsed=round(event.elapsed, 3),
        last_error=encode_error(event.last_error),
    )


def print_task(task: VideoTask) -> None:
    """Print a snapshot."""
    print_object(
        "task",
        id=task.id,
        phase=task.phase,
        status=task.status,
        progress=task.progress,
        video_url=task.video_url,
        content_url=task.content_url,
        failure=_encode_failure(task.failure),
        model=task.model,
        prompt=task.prompt,
        enhanced_prompt=task.enhanced_prompt,
        size=task.size,
        seconds=task.seconds,
        created_at=_encode_time(task.created_at),
        completed_at=_encode_time(task.completed_at),
        expires_at=_encode_time(task.expires_at),
        updated_at=_encode_time(task.updated_at),
        queue_position=task.queue_position,
    )


def print_object(kind: Kind, **values: Value | Phase) -> None:
    """Print one object, in ASCII: text from a server cannot break the line or the encoding."""
    print(json.dumps({"type": kind, **values}, allow_nan=False), flush=True)


def encode_error(error: SoraError | None) -> Value:
    """Return an error as an object; what only a response says is null without one."""
    if error is None:
        return None
    answered = error if isinstance(error, ResponseError) else None
    named = error if isinstance(error, ResponseError | CreateOutcomeUnknownError) else None
    response = error if isinstance(error, InvalidResponseError) else named
    return {
        "type": type(error).__name__,
        "message": use_command_terms(str(error)),
        "transient": error.transient,
        "status": response.status if response else None,
        "code": answered.code if answered else None,
        "request_id": named.request_id if named else None,
        "retry_after": answered.retry_after if answered else None,
    }


def _encode_failure(failure: TaskFailure | None) -> Value:
    return {"code": failure.code, "message": failure.message} if failure else None


def _encode_time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
