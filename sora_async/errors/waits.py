"""
Errors that end a wait: with the task, or before it.

Where a queue of tasks keeps errors as texts, and makes them anew of these, a snapshot comes back
as a text: it is shown as it is.
"""

from typing import ClassVar

import attrs

from ..models import TaskFailure, VideoTask
from .base import SoraError


@attrs.define(slots=False, repr=False)
class TaskFailedError(SoraError):
    """
    The task has failed, was cancelled or has expired; there will be no video.

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
        """Return which task failed and why."""
        if not isinstance(self.task, VideoTask):
            return f"a task failed: {self.task}"
        return f"task {self.task.id} failed ({self.task.status or 'no status'}): {self.failure}"


@attrs.define(slots=False, repr=False)
class VideoMissingError(SoraError):
    """
    The task has succeeded but no ``video_url`` came, and the wait was told to want one.

    Attributes:
        task: The last snapshot; the file may be at its ``content_url``.
    """

    task: VideoTask

    def __str__(self) -> str:
        """Return which task it is and where its file may be."""
        if not isinstance(self.task, VideoTask):
            return f"a task has succeeded, but its answer names no video_url: {self.task}"
        return (
            f"task {self.task.id} has succeeded, but its answer names no video_url. "
            f"The file may be at {self.task.content_url}"
        )


@attrs.define(slots=False, repr=False)
class WaitInterruptedError(SoraError):
    """
    The wait is over, the task is not: wait again for *task_id*, here or in another process.

    Attributes:
        task_id: The id that was asked for; "" when there is none yet, as long
            as a create has not been answered.
        last: The last good snapshot; None when the task was never seen.
        elapsed: Seconds from the start of the wait to this error.
        polls: How many times the task was asked for.
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
        """Return why the wait ended, what was last known, and how to wait again."""
        if not self.task_id:
            return f"{self.reason}. {self.without_id}"
        return (
            f"{self.reason} (task {self.task_id}, {self._known()}, polls: {self.polls}). "
            f"The task goes on: wait_until_complete({self.task_id!r}) waits again"
        )

    def _known(self) -> str:
        if self.last is None:
            return "never seen"
        if not isinstance(self.last, VideoTask):
            return f"last seen: {self.last}"
        done = "" if self.last.progress is None else f" at {self.last.progress:.0%}"
        return f"last seen {self.last.phase}{done}"

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        return f"the wait ended after {self.elapsed:.1f} s"


@attrs.define(slots=False, repr=False)
class WaitTimeoutError(WaitInterruptedError, TimeoutError):
    """
    The timeout of the wait ran out, or the service asked for more silence than was left of it.

    Attributes:
        retry_after: The seconds of silence that the service asked for; None when time ran out.
    """

    without_id: ClassVar[str] = (
        "The create has not been answered yet, and may still make a task: "
        "the task_id of its watch tells as soon as it has"
    )

    retry_after: float | None = None

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        text = f"no video after {self.elapsed:.1f} s"
        if self.retry_after is not None:
            text += f", and the service asks for {self.retry_after:.0f} s of silence"
            return f"{text}, more than is left of the timeout"
        return text if self.last_error is None else f"{text}, last: {self.last_error}"


@attrs.define(slots=False, repr=False)
class OutageError(WaitInterruptedError):
    """
    The service gave no good answer for longer than the wait's ``outage_timeout``.

    Attributes:
        outage: How long there was no good answer, in seconds, without the
            silences that the service asked for.
    """

    outage: float = 0.0

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        return f"no good answer for {self.outage:.1f} s, last: {self.last_error}"


class ClientClosedError(WaitInterruptedError):
    """The client was closed during the wait."""

    without_id: ClassVar[str] = "The request was not sent"

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        return f"the client was closed after {self.elapsed:.1f} s of waiting"
