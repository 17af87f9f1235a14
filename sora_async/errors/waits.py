"""
Errors that end a wait: with the task, or before it.

A job queue that stores errors as texts builds them again with a text in the place of the
snapshot; that text is shown as it is.
"""

from typing import ClassVar

import attrs

from ..models import TaskFailure, VideoTask
from .base import SoraError
from .responses import TaskNotFoundError


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.1f}".removesuffix(".0") + " s"


@attrs.define(slots=False, repr=False)
class TaskFailedError(SoraError):
    """
    The task failed, was cancelled or expired; there will be no video.

    Attributes:
        task: The last snapshot; its ``failure`` has code and message.
    """

    task: VideoTask

    @property
    def failure(self) -> TaskFailure:
        """Why the task failed, as far as the service says."""
        if not isinstance(self.task, VideoTask):
            return TaskFailure(None, str(self.task))
        return self.task.failure or TaskFailure()

    def __str__(self) -> str:
        if not isinstance(self.task, VideoTask):
            return f"a task failed: {self.task}"
        return f"task {self.task.id} failed ({self.task.status or 'no status'}): {self.failure}"


@attrs.define(slots=False, repr=False)
class VideoMissingError(SoraError):
    """
    The task succeeded without a ``video_url``, and the wait required one.

    Attributes:
        task: The last snapshot; the file may be at its ``content_url``.
    """

    task: VideoTask

    def __str__(self) -> str:
        if not isinstance(self.task, VideoTask):
            return f"a task succeeded, but its response has no video_url: {self.task}"
        return (
            f"task {self.task.id} succeeded, but its response has no video_url. "
            f"The file may be at {self.task.content_url}"
        )


@attrs.define(slots=False, repr=False)
class WaitInterruptedError(SoraError):
    """
    The wait is over, the task is not: wait again for *task_id*, here or in another process.

    Attributes:
        task_id: The id that was polled; "" as long as the create has no response.
        last: The last snapshot; None when there was none.
        elapsed: Seconds from the start of the wait to this error.
        polls: The number of polls.
        last_error: The newest fault of the outage in which the wait ended; also the
            error's cause. None when the service was well.
    """

    without_id: ClassVar[str] = "There is no task yet"

    task_id: str
    last: VideoTask | None = None
    elapsed: float = 0.0
    polls: int = 0
    last_error: SoraError | None = None

    def __str__(self) -> str:
        if not self.task_id:
            return f"{self.reason}. {self.without_id}"
        return (
            f"{self.reason} (task {self.task_id}, {self._known()}, polls: {self.polls}). "
            f"{self._outlook()}: wait_until_complete({self.task_id!r}) waits again"
        )

    def _known(self) -> str:
        if self.last is None:
            return "never seen"
        if not isinstance(self.last, VideoTask):
            return f"last seen: {self.last}"
        done = "" if self.last.progress is None else f" at {self.last.progress:.0%}"
        return f"last seen {self.last.phase}{done}"

    def _outlook(self) -> str:
        if self.last is not None:
            return "The task goes on"
        if isinstance(self.last_error, TaskNotFoundError):
            return "No such task was found so far"
        return "The task may go on"

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        return f"the wait ended after {_format_seconds(self.elapsed)}"


@attrs.define(slots=False, repr=False)
class WaitTimeoutError(WaitInterruptedError, TimeoutError):
    """
    The timeout of the wait expired, or the service asked for a pause longer than the time left.

    Attributes:
        retry_after: The seconds of that pause; None when the timeout expired.
    """

    without_id: ClassVar[str] = (
        "The create has no response yet and may still create a task: "
        "the task_id of its watch is set as soon as it has one"
    )

    retry_after: float | None = None

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        text = f"no video after {_format_seconds(self.elapsed)}"
        if self.retry_after is not None:
            text += f", and the service asks to wait {self.retry_after:.0f} s"
            return f"{text}, longer than the time left"
        return text if self.last_error is None else f"{text}; last error: {self.last_error}"


@attrs.define(slots=False, repr=False)
class OutageError(WaitInterruptedError):
    """
    No poll was successful for longer than the wait's ``outage_timeout``.

    Attributes:
        outage: The length of the outage in seconds, without the time spent waiting for
            ``Retry-After``.
    """

    outage: float = 0.0

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        outage = _format_seconds(self.outage)
        return f"no successful poll for {outage}; last error: {self.last_error}"


class ClientClosedError(WaitInterruptedError):
    """The client was closed during the wait."""

    without_id: ClassVar[str] = "The request was not sent"

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        return f"the client was closed after {_format_seconds(self.elapsed)} of waiting"
