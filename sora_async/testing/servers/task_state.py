"""What a reply tells: one state of one task, before any server has spelled it."""

import enum
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args
from urllib.parse import quote

import attrs

from ..server.routes import Endpoint

FilePlace = Literal["cdn", "content"]
"""Where a file is downloaded from: the second origin, or the API's own endpoint."""

Shape = Literal["page", "relay", "openai", "unified", "vllm", "sglang", "litellm", "openrouter"]
"""
The kind of server: how it spells a task, which calls it has, and where they are.

``page``
    The API page's two examples: everything nested in ``detail.pending_info`` while the task is
    pending, with ``progress_pct`` from 0.0 to 1.0, and flat with ``video_url`` once it is done.
``relay``
    Flat from first to last: ``progress`` from 0 to 100, ``video_url`` null until it is done.
``openai``
    OpenAI's own video object: there never is a ``video_url``, the file is at ``/content``. The
    only one with all calls: list, delete, remix and characters. In JSON, ``seconds`` is text.
``unified``
    The other paths of the page's relay, JSON only: ``POST /v1/video/create``, with the seconds as
    a number in ``duration``, and ``GET /v1/video/query?id=``, which is nested as "page" and stays
    nested when it is done.
``vllm``
    vLLM-Omni: creates are forms and nothing else, the progress is 0 until the end, the file is at
    ``/content``, and a failed task comes as HTTP 400 or 500 with the task as its body.
``sglang``
    SGLang: the id is a bare UUID, a task is "queued" until it has ended, and the file is at
    ``url``; ``/content`` refuses then, and works for a task that has no URL.
``litellm``
    LiteLLM's proxy before OpenAI: the reply to each poll has a new id, which cannot be asked for.
``openrouter``
    OpenRouter, JSON only: under ``/api/v1/videos``, a create, with ``duration`` as "unified", is a
    202 with a ``polling_url``, and the file is at ``unsigned_urls``, which want the key.
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
class UploadedFile:
    """
    A file in a form.

    Attributes:
        name: Its file name, as it was on the wire.
        content_type: Its content type; "" where none was sent.
        body: Its bytes.
    """

    name: str
    content_type: str
    body: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class CreateCall:
    """
    What a task was asked for.

    Attributes:
        model: This and the next three are what replies repeat, as text.
        fields: All fields that came: text from a form, a list where a name came more than once,
            and any value from JSON.
        files: The files of the form, by the names of their fields.
    """

    model: str = "sora-2"
    prompt: str = "a paper boat in the rain"
    seconds: str = "10"
    size: str = "1280x720"
    fields: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    files: Mapping[str, UploadedFile] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class TaskFacts:
    """
    What a reply says of its task beyond the snapshot.

    Attributes:
        now: The time of the reply; this and the next two are seconds since 1970.
        created: When the task was made.
        ended: When the task was finished; of no meaning before.
        poll: The number of the poll, from 1.
        file_url: Where the CDN has the task's file.
        unknown_status: The status of the answer about a task that is not known.
        endpoint: What is being answered.
        api_url: The fake's own origin.
        is_absolute: Whether replies have that origin in front of paths on it.
        remixed_from: The id of the task that this one is a remix of.
    """

    task_id: str
    order: CreateCall
    shape: Shape
    now: float
    created: float
    ended: float
    poll: int
    file_url: str
    unknown_status: Literal[400, 404]
    endpoint: Endpoint = "poll"
    api_url: str = ""
    is_absolute: bool = False
    remixed_from: str | None = None

    @property
    def quoted_id(self) -> str:
        """The id as one part of a path."""
        return quote(self.task_id, safe="")


@attrs.frozen(kw_only=True)
class TaskState:
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
