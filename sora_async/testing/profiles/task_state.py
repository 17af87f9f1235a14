"""The state of a task, before any kind of server has spelled it."""

import enum
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args
from urllib.parse import quote

import attrs

from .routes import Endpoint

FilePlace = Literal["cdn", "content"]
"""Where a file is downloaded from: the second origin, or the API's own endpoint."""

Shape = Literal["page", "relay", "openai", "unified", "vllm", "sglang", "litellm", "openrouter"]
"""
The kind of server: how it spells a task, which calls it has, and where they are.

``page``
    The API page's two examples: everything nested in ``detail.pending_info`` while the task is
    pending, with ``progress_pct`` from 0.0 to 1.0, and flat with ``video_url`` once it is done.
``relay``
    Always flat: ``progress`` from 0 to 100, ``video_url`` null until it is done.
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
    LiteLLM's proxy before OpenAI: the response to each poll has a new id, which cannot be polled.
``openrouter``
    OpenRouter, JSON only: under ``/api/v1/videos``, a create, with ``duration`` as "unified", is a
    202 with a ``polling_url``, and the file is at ``unsigned_urls``, which want the key.
"""

Phase = Literal["queued", "running", "succeeded", "failed"]

ON_CDN: Final = "cdn"
"""Instead of a URL: the task's file on the fake's own CDN."""


class _Absent(enum.Enum):
    ABSENT = enum.auto()

    def __repr__(self) -> str:
        return self.name


ABSENT: Final = _Absent.ABSENT
"""The value that removes a raw field from a response: ``running(0.3, id=ABSENT)``."""


@attrs.frozen(kw_only=True)
class UploadedFile:
    """
    A file in a form.

    Attributes:
        name: Its file name, as it was sent.
        content_type: Its content type; "" where none was sent.
        body: Its bytes.
    """

    name: str
    content_type: str
    body: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class CreateCall:
    """
    The arguments of the create that made a task.

    Attributes:
        model: This and the next three are what responses repeat, as text.
        fields: All fields of the body: text from a form, a list where a name came more than once,
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
    What a response says of its task beside the state.

    Attributes:
        create: What the task was created with.
        shape: The kind of server.
        now: The time of the response; this and the next two are seconds since 1970.
        created_at: When the task was created.
        ended_at: When the task ended; undefined before.
        poll: The number of the poll, from 1.
        file_url: The URL of the task's file on the CDN.
        unknown_status: The status of the response about an unknown task.
        endpoint: The call that this is a response to.
        api_url: The fake's own origin.
        absolute_urls: Whether URLs on that origin are given whole, and not as paths.
        remixed_from: The id of the task that this one is a remix of.
    """

    task_id: str
    create: CreateCall
    shape: Shape
    now: float
    created_at: float
    ended_at: float
    poll: int
    file_url: str
    unknown_status: Literal[400, 404]
    endpoint: Endpoint = "poll"
    api_url: str = ""
    absolute_urls: bool = False
    remixed_from: str | None = None

    @property
    def quoted_id(self) -> str:
        """The id as one segment of a path."""
        return quote(self.task_id, safe="")


@attrs.frozen(kw_only=True)
class TaskState:
    """
    One state of a task.

    Attributes:
        phase: The phase.
        progress: The part done, from 0.0 to 1.0; None: the server sends none.
        url: The URL of the video; "cdn" stands for the fake's own CDN.
        code: The code of a failure.
        message: The message of a failure.
        shape: The kind of server that spells it; None: the fake's own.
        fields: Raw fields, merged into the body.
    """

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
    """
    Check that *shape* is a known one.

    Raises:
        ValueError: It is not; the message names those that are.
    """
    if shape not in get_args(Shape):
        raise ValueError(f"shape is one of {', '.join(get_args(Shape))}; not {shape!r}")
