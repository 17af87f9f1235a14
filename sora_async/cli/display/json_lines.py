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
from .format import find_phase
from .renderer import Renderer, RowEvent, RowOutcome

Value = str | int | float | bool | None | dict[str, "Value"]


class JsonLines(Renderer):
    """Tasks as JSON on stdout: a record for each event, and a ``result`` for each end."""

    def event(self, name: str, event: RowEvent) -> None:
        """Print an event."""
        if isinstance(event, DownloadEvent):
            _print_download(event)
        else:
            _print_event(event)

    def settle(self, outcome: RowOutcome) -> None:
        """Print the end of a task."""
        super().settle(outcome)
        task, file = outcome.task, outcome.file
        print_record(
            "result",
            id=outcome.task_id or None,
            outcome=outcome.word,
            video_url=task.video_url if task else None,
            content_url=task.content_url if task else None,
            failure=_describe_failure(task.failure if task else None),
            error=describe_error(outcome.error),
            elapsed=round(outcome.elapsed, 3),
            polls=outcome.polls,
            path=str(file.path) if file else None,
            size=file.size if file else None,
            line=outcome.line,
        )


def _print_event(event: ProgressEvent) -> None:
    task = event.task
    print_record(
        "event",
        id=task.id,
        phase=find_phase(event),
        status=task.status,
        progress=event.progress,
        elapsed=round(event.elapsed, 3),
        polls=event.polls,
        queue_position=task.queue_position,
        last_error=describe_error(event.last_error),
        recovered_after=_round(event.recovered_after),
    )


def _print_download(event: DownloadEvent) -> None:
    print_record(
        "download",
        id=event.task_id,
        received=event.received,
        total=event.total,
        elapsed=round(event.elapsed, 3),
        last_error=describe_error(event.last_error),
    )


def print_task(task: VideoTask) -> None:
    """Print a snapshot."""
    print_record(
        "task",
        id=task.id,
        phase=task.phase,
        status=task.status,
        progress=task.progress,
        video_url=task.video_url,
        content_url=task.content_url,
        failure=_describe_failure(task.failure),
        model=task.model,
        prompt=task.prompt,
        enhanced_prompt=task.enhanced_prompt,
        size=task.size,
        seconds=task.seconds,
        created_at=_describe_moment(task.created_at),
        completed_at=_describe_moment(task.completed_at),
        expires_at=_describe_moment(task.expires_at),
        updated_at=_describe_moment(task.updated_at),
        queue_position=task.queue_position,
    )


def print_record(
    kind: Literal["event", "download", "result", "task", "stage", "summary", "error"],
    **values: Value | Phase,
) -> None:
    """Print one object, in ASCII: a server's text can neither break the line nor the encoding."""
    print(json.dumps({"type": kind, **values}, allow_nan=False), flush=True)


def describe_error(error: SoraError | None) -> Value:
    """Return an error as an object; what only replies have is null where there was none."""
    if error is None:
        return None
    answer = error if isinstance(error, ResponseError) else None
    named = error if isinstance(error, ResponseError | CreateOutcomeUnknownError) else None
    reply = error if isinstance(error, InvalidResponseError) else named
    return {
        "type": type(error).__name__,
        "message": str(error),
        "transient": error.transient,
        "status": reply.status if reply else None,
        "code": answer.code if answer else None,
        "request_id": named.request_id if named else None,
        "retry_after": answer.retry_after if answer else None,
    }


def _describe_failure(failure: TaskFailure | None) -> Value:
    return {"code": failure.code, "message": failure.message} if failure else None


def _describe_moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
