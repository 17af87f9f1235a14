"""What a reply tells: one state of one task, before any server has spelled it."""

import enum
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import attrs

Shape = Literal["page", "relay", "openai"]
"""
How a server spells a task.

``page``
    The API page's two examples: everything nested in ``detail.pending_info`` while the task is
    pending, with ``progress_pct`` from 0.0 to 1.0, and flat with ``video_url`` once it is done.
``relay``
    Flat from first to last: ``progress`` from 0 to 100, ``video_url`` null until it is done.
``openai``
    OpenAI's own video object: there never is a ``video_url``, the file is at ``/content``.
"""

Phase = Literal["queued", "running", "succeeded", "failed"]

ON_CDN: Final = "cdn"
"""In the place of a URL: the task's file on the fake's own CDN."""


class _Absent(enum.Enum):
    ABSENT = enum.auto()

    def __repr__(self) -> str:
        return self.name


ABSENT: Final = _Absent.ABSENT
"""The value of a raw field that a reply is to lack: ``running(0.3, id=ABSENT)``."""


@attrs.frozen(kw_only=True)
class Order:
    """What a task was asked for, as its server repeats it; *seconds* is text there."""

    model: str = "sora-2"
    prompt: str = "a paper boat in the rain"
    seconds: str = "10"
    size: str = "1280x720"


@attrs.frozen(kw_only=True)
class Facts:
    """
    What a reply says of its task beyond the snapshot.

    Attributes:
        now: The time of the reply; this and the next two are seconds since 1970.
        created: When the task was made.
        ended: When the task was finished; of no meaning before.
        poll: The number of the poll, from 1.
        file_url: Where the CDN has the task's file.
        unknown_status: The status of the answer about a task that is not known.
    """

    task_id: str
    order: Order
    shape: Shape
    now: float
    created: float
    ended: float
    poll: int
    file_url: str
    unknown_status: Literal[400, 404]


@attrs.frozen(kw_only=True)
class Snapshot:
    """One state of a task. *fields* are laid over the body; without a *shape* it is the fake's."""

    phase: Phase
    progress: float | None = None
    url: str | None = None
    code: str | None = None
    message: str | None = None
    shape: Shape | None = None
    fields: Mapping[str, Any]

    def __attrs_post_init__(self) -> None:
        if self.progress is not None and not 0.0 <= self.progress <= 1.0:
            raise ValueError(f"progress is from 0.0 to 1.0, not {self.progress!r}")
        if self.shape is not None:
            check_shape(self.shape)


def check_shape(shape: str) -> None:
    """Raise a ValueError that names the shapes unless *shape* is one of them."""
    if shape not in get_args(Shape):
        raise ValueError(f"shape is one of {', '.join(get_args(Shape))}; not {shape!r}")
