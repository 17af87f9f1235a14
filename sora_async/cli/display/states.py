"""The words for the state of a task, the same in tables, lines, summaries and JSON."""

from dataclasses import dataclass
from typing import Final, Literal

from ... import (
    ClientClosedError,
    CreateOutcomeUnknownError,
    DownloadEvent,
    ProgressEvent,
    SoraError,
    TaskFailedError,
    VideoFile,
    VideoTask,
    WaitInterruptedError,
    WaitTimeoutError,
)

STATES: Final = {
    "creating": "magenta",
    "waiting": "dim",
    "queued": "dim",
    "running": "cyan",
    "downloading": "blue",
    "succeeded": "green",
    "failed": "red",
    "timeout": "yellow",
    "interrupted": "yellow",
    "uncertain": "red",
    "error": "red",
}
"""
Every state with its colour, in the order in which totals count them.

``waiting`` is a task of which the service has said nothing yet, ``uncertain`` a create that may or
may not have made a task.
"""

Stage = Literal["creating", "waiting", "downloading"]
"""What the command does for a task that has not ended; the stages of a batch."""

EndState = Literal["succeeded", "failed", "timeout", "interrupted", "uncertain", "error"]
"""The states in which the command is done with a task."""

TaskUpdate = ProgressEvent | DownloadEvent
"""What is reported of a task before it ends."""


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """
    How a task ended for those who watch it.

    Attributes:
        task_id: "" when no task is known.
        last: The newest event of its wait; None when the service never answered.
        error: Why there is no video; None when there is one.
        elapsed: Seconds from the first thing done for it to the last.
        file: The downloaded video; None when none was asked for, or it failed.
        label: The name of its row; "" for the task's id.
        line: Its line in the prompt file of a batch, from 1.
        note: What is shown in the place of the error's text; "" for that text.
    """

    task_id: str
    last: ProgressEvent | None
    error: SoraError | None
    elapsed: float
    file: VideoFile | None = None
    label: str = ""
    line: int | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """The name of its row."""
        return self.label or self.task_id

    @property
    def outcome(self) -> EndState:
        """Its state; also the ``outcome`` of ``--json``."""
        match self.error:
            case None:
                return "succeeded"
            case TaskFailedError():
                return "failed"
            case WaitTimeoutError():
                return "timeout"
            case ClientClosedError():
                return "interrupted"
            case CreateOutcomeUnknownError():
                return "uncertain"
            case _:
                return "error"

    @property
    def may_go_on(self) -> bool:
        """Whether only the wait ended, and the service may still be making the video."""
        return isinstance(self.error, WaitInterruptedError)

    @property
    def polls(self) -> int:
        """The number of polls of its wait."""
        return self.last.polls if self.last else 0

    @property
    def task(self) -> VideoTask | None:
        """The last snapshot."""
        if isinstance(self.error, TaskFailedError):
            return self.error.task
        if self.last is not None:
            return self.last.task
        return self.file.task if self.file else None


def make_interruption(task_id: str, last: ProgressEvent | None) -> ClientClosedError:
    """Return the error with which a wait would end if its client were closed now."""
    if last is None:
        return ClientClosedError(task_id)
    task = None if last.phase is None else last.task
    return ClientClosedError(task_id, task, last.elapsed, last.polls, last.last_error)
