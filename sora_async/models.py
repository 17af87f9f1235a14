"""What the server knows of a task, in plain units: seconds, UTC moments, progress 0.0 to 1.0."""

import enum
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from .detail import Detail
    from .errors import SoraError

__all__ = [
    "Character",
    "DownloadEvent",
    "Phase",
    "ProgressEvent",
    "TaskFailure",
    "VideoFile",
    "VideoTask",
]


class Phase(enum.StrEnum):
    """Our reading of a server's status word; a word we have never seen means "still going"."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@attrs.frozen
class TaskFailure:
    """
    Why a task failed, as far as the server says.

    Attributes:
        code: The server's word for the reason, such as "moderation_blocked".
        message: The server's sentence for people, in any language.
    """

    code: str | None = None
    message: str | None = None

    def __str__(self) -> str:
        """Return code and message in one line."""
        return ": ".join(part for part in (self.code, self.message) if part) or "no reason given"


def _without_query(url: str | None) -> str:
    """Return a URL for the eye: what follows the path of a signed link is a secret."""
    path, found, _ = (url or "").partition("?")
    return repr(path + "?…" if found else url)


@attrs.frozen(kw_only=True)
class VideoTask:
    """
    One snapshot of a video task. A field is None when the server sent none.

    Attributes:
        id: The id that was asked for. What the server calls the task may
            differ, lack a prefix or be missing, and is only in *raw*.
        status: The server's own word, untouched; "" when it sent none.
        phase: Our reading of the whole answer: queued, running, succeeded or failed.
        progress: The part done, from 0.0 to 1.0; None after a failure. It may
            stall or go back; :attr:`ProgressEvent.progress` does not.
        video_url: Where the finished video is. Its presence, and not
            *status*, is what makes a task complete. Such links expire.
        content_url: Where the service itself serves the file of a task that
            has succeeded; it wants the API key, as *video_url* may not.
        failure: Why the task failed; None unless *phase* is failed.
        model: Free text, as the service spells it.
        prompt: What the video was to show.
        enhanced_prompt: What the service made of the prompt.
        size: ``"1280x720"`` or a word such as ``"small"``.
        seconds: The length of the video.
        created_at: When the task was made, in UTC.
        completed_at: When it ended, in UTC.
        expires_at: When the file will be gone, in UTC.
        updated_at: When the server last touched this task, in UTC. Two
            snapshots that differ only in it are equal.
        queue_position: How many tasks are before this one.
        poll_after: The seconds the server asks to be left alone before the
            next poll; None when it asked nothing.
        raw: The whole answer, untouched. A task holds the bytes of its JSON, which
            take a quarter of the memory, and reads them at the first access.

    Source: the API page "query task", and the replies in ``tests/replies``.
    """

    id: str
    status: str = ""
    phase: Phase = Phase.QUEUED
    progress: float | None = None
    video_url: str | None = attrs.field(default=None, repr=_without_query)
    content_url: str | None = attrs.field(default=None, repr=_without_query)
    failure: TaskFailure | None = None
    model: str | None = None
    prompt: str | None = None
    enhanced_prompt: str | None = None
    size: str | None = None
    seconds: float | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    updated_at: datetime | None = attrs.field(default=None, eq=False)
    queue_position: int | None = None
    poll_after: float | None = attrs.field(default=None, eq=False, repr=False)
    _raw: Mapping[str, Any] | bytes = attrs.field(factory=dict, eq=False, repr=False)
    """Bytes are the very body of a good reply; a mapping is the answer of any other kind."""

    @classmethod
    def _of_poll(cls, **known: Any) -> "VideoTask":
        """
        Return a snapshot of which only this is known yet; the rest is in *raw*.

        To read all fields of every answer would take twice the time, and a sixth of the memory.
        """
        task = cls.__new__(cls)
        for name, fill in _SLOTS_OF_A_POLL:
            fill(task, known[name])
        return task

    if not TYPE_CHECKING:  # pragma: no branch - or any name would pass for a field

        def __getattr__(self, name: str) -> Any:
            """Read what no poll has need of, at the first use of any of it."""
            if name not in _LATER:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            from ._wire import describe_task

            for field, value in describe_task(self._raw).items():
                _set(self, field, value)
            return object.__getattribute__(self, name)

    def _glance(self) -> Mapping[str, Any]:
        """
        Return the fields that no poll has need of, and keep none of them.

        The texts of ten thousand first snapshots, let go of one after the other, would leave
        holes in the memory that nothing else fits into.
        """
        from ._wire import describe_task

        try:
            return {name: object.__getattribute__(self, name) for name in _LATER}
        except AttributeError:
            return describe_task(self._raw)

    @property
    def is_complete(self) -> bool:
        """Whether there is a video to fetch at *video_url*."""
        return self.video_url is not None

    @cached_property
    def raw(self) -> Mapping[str, Any]:
        """The whole answer, untouched, as ``json`` reads it."""
        if not isinstance(self._raw, bytes):
            return self._raw
        answer: Mapping[str, Any] = json.loads(self._raw)
        return answer

    @cached_property
    def detail(self) -> "Detail":
        """
        The API page's ``detail`` tree, typed; structured at the first access, by cattrs.

        A service that sends no such tree gives an empty one. No value in it
        can make this raise: what has another type than ours is None here and
        still in *raw*.
        """
        from ._structure import read_detail

        return read_detail(self.raw)


@attrs.frozen(kw_only=True)
class Character:
    """
    Somebody or something from a video, to be named in prompts.

    Attributes:
        id: The service's id.
        name: What it was given; None when the server does not say.
        created_at: When it was made, in UTC.
        raw: The whole answer, untouched.
    """

    id: str
    name: str | None = None
    created_at: datetime | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, eq=False, repr=False)


_set = object.__setattr__

_OF_A_POLL = (
    *("id", "status", "phase", "progress", "video_url", "content_url", "failure"),
    *("queue_position", "poll_after", "raw"),
)
_LATER = {field.name for field in attrs.fields(VideoTask) if field.alias not in _OF_A_POLL}
_SLOTS_OF_A_POLL = tuple(
    (field.alias, getattr(VideoTask, field.name).__set__)
    for field in attrs.fields(VideoTask)
    if field.alias in _OF_A_POLL
)
"""How each is filled, by its slot itself: to look that up again for every poll takes time."""


@attrs.frozen(kw_only=True)
class ProgressEvent:
    """
    One news of a wait.

    Attributes:
        task: The newest good snapshot.
        progress: The largest part done that was seen so far, 0.0 to 1.0;
            None while the server has named none. It never goes back.
        elapsed: Seconds since this wait began.
        polls: How many times the task has been asked for.
        fault: Why the wait is degraded: the newest fault since the last good
            answer. None while all is well.
        remaining: The seconds within which the video comes with a probability
            of 50 % and of 90 %, going by tasks of its kind before; None when
            too little is known of them.
        stalled: Whether nothing has moved for longer than in 98 of 100 of them.
        recovered_after: Seconds from the first of the faults before this event
            to it; None for an event that follows none.
    """

    task: VideoTask
    progress: float | None
    elapsed: float
    polls: int
    fault: "SoraError | None" = None
    recovered_after: float | None = None
    remaining: tuple[float, float] | None = None
    stalled: bool = False

    @property
    def is_degraded(self) -> bool:
        """Whether the service does not answer at the moment and the wait goes on all the same."""
        return self.fault is not None

    def __str__(self) -> str:
        """Return the event as one line for a log or a terminal."""
        done = "  ?" if self.progress is None else f"{self.progress:4.0%}"
        line = (
            f"{self.task.id}  {self.task.phase:<9} {done}  {self.elapsed:.1f} s  poll {self.polls}"
        )
        if self.fault is not None:
            return f"{line}  degraded: {self.fault}"
        if self.recovered_after is not None:
            return f"{line}  recovered after {self.recovered_after:.1f} s"
        return line


@attrs.frozen(kw_only=True)
class DownloadEvent:
    """
    One news of a download.

    Attributes:
        task_id: Whose video it is.
        received: Bytes of the file that are here. It goes back when the file has to be fetched
            from its beginning again.
        total: Bytes of the whole file; None while nobody has told.
        elapsed: Seconds since the download began.
        fault: Why the download is held up; None while bytes come.
    """

    task_id: str
    received: int
    total: int | None
    elapsed: float
    fault: "SoraError | None" = None

    def __str__(self) -> str:
        """Return the event as one line for a log or a terminal."""
        done = f"{self.received / self.total:4.0%}" if self.total else "  ?"
        line = f"{self.task_id}  {done}  {self.received} bytes  {self.elapsed:.1f} s"
        if self.fault is None:
            return line
        # What some errors advise is for those who get the error itself.
        return f"{line}  held up: {getattr(self.fault, 'reason', self.fault)}"


@attrs.frozen(kw_only=True)
class VideoFile:
    """
    A video on the disk.

    Attributes:
        path: Where it is.
        size: Its size in bytes.
        content_type: What it is, by its first bytes, such as ``video/mp4``; None where they
            tell nothing.
        task: The snapshot that led to it; None where a file was there already and no task was
            asked for.
    """

    path: Path
    size: int
    content_type: str | None
    task: VideoTask | None = None
