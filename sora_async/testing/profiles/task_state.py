"""The state of a task, before any kind of server has spelled it."""

import enum
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args
from urllib.parse import quote

import attrs

from .routes import Endpoint

FilePlace = Literal["cdn", "content"]
"""Where a file is downloaded from: the second origin, or the API's own endpoint."""

Shape = Literal[
    "page",
    "relay",
    "openai",
    "unified",
    "vllm",
    "sglang",
    "litellm",
    "openrouter",
    "ofox",
    "llmgateway",
    "inworld",
    "merge",
    "tasks",
    "xai",
    "gemini",
    "ark",
    "minimax",
    "newapi",
    "kie",
]
"""
The kind of server: how it spells a task, which calls it has, and where they are.

``page``
    The API page's two examples, and the default: everything nested in ``detail.pending_info``
    while the task is pending, with ``progress_pct`` from 0.0 to 1.0, and flat with ``video_url``
    once it is done. It has list, delete and remix, so that every command works with it.
``relay``
    A relay built on new-api: always flat, ``progress`` from 0 to 100, ``video_url`` null until it
    is done. It has no list and no delete, and its errors are in Chinese.
``openai``
    OpenAI's own video object: there never is a ``video_url``, the file is at ``/content``. The
    only one with all calls: list, delete, remix, edits, extensions and characters. In JSON,
    ``seconds`` is text.
``unified``
    The other paths of the page's relay, JSON only: ``POST /v1/video/create``, with the seconds as
    a number in ``duration``, and ``GET /v1/video/query?id=``, which is nested as "page" and stays
    nested when it is done.
``vllm``
    vLLM-Omni: creates are forms and nothing else, the progress is 0 until the end, the file is at
    ``/content``, and a failed task comes as HTTP 400 or 500 with the task as its body.
``sglang``
    SGLang: the id is a bare UUID, and a task is "queued" until it has ended. In its cloud mode the
    file is at ``url``, and ``/content`` is a 400. A task without a URL, as of
    ``Scenario(url_delay=None)``, is one of its local mode: ``/content`` has the file.
``litellm``
    LiteLLM's proxy before OpenAI: the response to each poll has a new id, which cannot be polled;
    a wrong key is a 400, an unknown id a 500; a list needs the header ``custom-llm-provider``,
    ignores its parameters and has other ids.
``openrouter``
    OpenRouter, JSON only: under ``/api/v1/videos``, a create, with ``duration`` as "unified", is a
    202 with a ``polling_url``, and the file is at ``unsigned_urls``, which need the key.
``ofox``
    The same under ``/v1/videos``, with a cancel that a running task refuses with 400.
``llmgateway``, ``inworld``, ``merge``
    OpenAI's object, JSON only; a form is a 400, 415 or 422. Inworld has list, delete, cancel and
    ``Idempotency-Key``; the list of Merge shows the state of the newest poll.
``tasks``
    evolink, APIMart and ToAPIs, JSON only: ``POST /v1/videos/generations`` and
    ``GET /v1/tasks/{id}``; the URL is in ``results``.
``xai``
    xAI, JSON only: ``POST /v1/videos/generations`` returns only a ``request_id``, and
    ``GET /v1/videos/{id}`` is "pending" or "done", with ``video.url``.
``gemini``
    Gemini's OpenAI endpoint, forms only: under ``/v1beta/openai/videos``, "processing" until the
    end; the ``url`` is on the service's own origin and needs the key.
``ark``
    Volcengine Ark, JSON only: ``/api/v3/contents/generations/tasks``, the prompt among
    ``content``, the URL in ``content.video_url``; a delete cancels a queued task, and its list has
    numbered pages and the filter ``filter.task_ids``.
``minimax``
    MiniMax's V2, JSON only: ``POST /v2/video_generation`` returns only a ``task_id``, and
    ``GET /v2/query/video_generation/{id}`` has the task under ``task``, with ``content.url``; a
    delete and a list are as Ark's.
``newapi``
    new-api's other paths, JSON only: ``/v1/video/generations``, with a ``task_id`` and an
    ``error`` of code 0 in every response.
``kie``
    kie.ai, JSON only: ``POST /api/v1/jobs/createTask`` and ``GET /api/v1/jobs/recordInfo``, all in
    an envelope, the URL in JSON inside of a text.
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
        unknown_status: The status of the response about an unknown task; None: the server's own.
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
    unknown_status: Literal[400, 404] | None
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
