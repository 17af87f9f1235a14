"""A task, as far as the service tells of it."""

import enum
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from .repr import brief

if TYPE_CHECKING:
    from .detail import Detail


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

    __repr__ = brief

    code: str | None = None
    message: str | None = None

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.message) if part) or "no reason given"


@attrs.frozen
class Cost:
    """
    What a task costs, as the service says.

    Attributes:
        amount: How much.
        unit: A currency such as "USD", or "credits"; None when the service does not say.
    """

    __repr__ = brief

    amount: float
    unit: str | None = None

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit or ''}".rstrip()


@attrs.frozen(kw_only=True)
class VideoTask:
    """
    One snapshot of a video task. A field is None when the server sent none.

    Attributes:
        id: The id that was asked for. What the server calls the task may
            differ, lack a prefix or be missing, and is only in *raw*.
        status: The server's own word, untouched; "" when it sent none.
        phase: Our reading of the whole response: queued, running, succeeded or failed.
        progress: The part done, from 0.0 to 1.0; None after a failure. It may
            stall or go back; :attr:`ProgressEvent.progress` does not.
        video_url: Where the finished video is. Its presence, and not
            *status*, is what makes a task complete. Such links expire. A service that sends
            the video itself, as base64, has it here as a ``data:`` URL.
        video_urls: *video_url*, and the addresses of all other videos that the response names.
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
        estimated_time: The seconds that the service expects the task to take.
        cost: The price of the task.
        usage: What the task has used, as the service says, such as tokens or credits.
        poll_after: The seconds the server asks to be left alone before the
            next poll; None when it asked nothing.
        raw: The whole response, untouched. A task holds the bytes of its JSON, which
            take a quarter of the memory, and reads them at the first access.

    Source: the API page "query task", and the responses in ``tests/responses``.
    """

    id: str
    status: str = ""
    phase: Phase = Phase.QUEUED
    progress: float | None = None
    video_url: str | None = None
    video_urls: tuple[str, ...] = attrs.field(
        default=attrs.Factory(
            lambda self: () if self.video_url is None else (self.video_url,), takes_self=True
        )
    )
    content_url: str | None = None
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
    estimated_time: float | None = None
    cost: Cost | None = None
    usage: Mapping[str, Any] | None = attrs.field(default=None, eq=False)
    poll_after: float | None = attrs.field(default=None, eq=False)
    _raw: Mapping[str, Any] | bytes = attrs.field(factory=dict, eq=False)
    """Bytes are the body of a good response as it came; any other response is a mapping."""

    __repr__ = brief

    _shown: ClassVar[tuple[str, ...]] = (
        *("id", "status", "phase", "progress", "video_url", "content_url", "failure"),
        "queue_position",
    )
    """The attributes in the repr: the whole snapshot would fill a screen."""

    @property
    def is_complete(self) -> bool:
        """Whether there is a video to fetch at *video_url*."""
        return self.video_url is not None

    def to_dict(self) -> dict[str, Any]:
        """
        Return the snapshot as plain data that JSON can carry, for a file, a queue or a database.

        There is a key for each attribute above. Moments are ISO 8601 in UTC, *phase* is its
        word, *failure* has ``code`` and ``message``, and *raw* is a copy of the whole response,
        of which *detail* is read again; a number that JSON has no word for is None there.
        A later version may add keys, and changes none.
        """
        from .serialization import task_to_data

        return task_to_data(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "VideoTask":
        """
        Return the snapshot that :meth:`to_dict` made plain, equal to what it was.

        Args:
            data: As :meth:`to_dict` made it, by way of JSON or not. Keys of a later version are
                left out; one that is missing, except *id* and *phase*, is a field without a value.

        Raises:
            ValueError: The data is damaged, or of something else; it says where.
        """
        from .serialization import task_from_data

        return task_from_data(data)

    @cached_property
    def raw(self) -> Mapping[str, Any]:
        """The whole response, untouched, as ``json`` reads it."""
        if not isinstance(self._raw, bytes):
            return self._raw
        response: Mapping[str, Any] = json.loads(self._raw)
        return response

    @cached_property
    def detail(self) -> "Detail":
        """
        The API page's ``detail`` tree, typed; structured at the first access, by cattrs.

        A service that sends no such tree gives an empty one. No value in it
        can make this raise: what has another type than ours is None here and
        still in *raw*.
        """
        from .detail_decoder import find_detail, structure_detail

        return structure_detail(find_detail(self.raw))


@attrs.frozen(kw_only=True)
class Character:
    """
    Somebody or something from a video, to be named in prompts.

    Attributes:
        id: The service's id.
        name: What it was given; None when the server does not say.
        created_at: When it was made, in UTC.
        raw: The whole response, untouched.
    """

    __repr__ = brief

    id: str
    name: str | None = None
    created_at: datetime | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, eq=False, repr=False)
