"""
What a kind of server offers, and how it wants a create spelled: each kind as one page of data.

:data:`OPENAI` is what most servers speak. A server that speaks none of these is a
:class:`Dialect` of your own, most easily made of one that is near with :func:`attrs.evolve`.

Source: the pages and the code of the services, as they were on 2026-11-30; each dialect names its
own.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args
from urllib.parse import urlsplit

import attrs

from ..errors import InvalidArgumentError
from ..errors.base import check_bool
from ..models.repr import brief, shorten

ReferenceRole = Literal[
    "input_reference",
    "first_frame",
    "last_frame",
    "reference_images",
    "reference_videos",
    "reference_audio",
]
"""What a reference is for. Each is an argument of ``create_task``."""

REFERENCE_ROLES: tuple[ReferenceRole, ...] = get_args(ReferenceRole)

BodyEncoding = Literal["form", "json", "auto"]
CancelMethod = Literal["POST", "DELETE"]
ListPaging = Literal["cursor", "number"]

DialectName = Literal[
    "openai",
    "litellm",
    "vllm",
    "sglang",
    "unified",
    "newapi",
    "openrouter",
    "gateway",
    "ofox",
    "inworld",
    "tasks",
    "xai",
    "gemini",
    "ark",
    "minimax",
]
"""The dialects of this package, for type checkers."""


def _check_path(_: object, field: "attrs.Attribute[Any]", path: Any) -> None:
    if path is None and field.name not in _ALWAYS:
        return
    is_path = isinstance(path, str) and path.startswith("/") and path.isascii()
    if not is_path or ("{id}" in path) != (field.name in _ABOUT_ONE) or "#" in path:
        wanted = "a path with {id}" if field.name in _ABOUT_ONE else "a path"
        raise InvalidArgumentError(f"{field.name}: expected {wanted}, such as '/v1/videos'")


def _path(default: str | None) -> Any:
    return attrs.field(default=default, validator=_check_path)


def _check_word(words: object) -> Any:
    """Return the validator of an attribute that is one of the words of a Literal."""
    known = get_args(words)

    def check(_: object, field: "attrs.Attribute[Any]", word: Any) -> None:
        if word not in known:
            expected = f"expected one of {', '.join(known)}; got {shorten(word)}"
            raise InvalidArgumentError(f"{field.name}: {expected}")

    return check


def _check_bool(_: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    check_bool(field.name, value)


def _bool(*, default: bool) -> Any:
    return attrs.field(default=default, validator=_check_bool)


@attrs.frozen(kw_only=True)
class FieldSpelling:
    """
    How one argument of a create is sent.

    Attributes:
        name: The field's name in JSON.
        json: One value in JSON: any JSON value in which the text ``{value}`` stands for it. The
            value of a reference is its address, or its bytes as a ``data:`` URL. None: JSON
            cannot carry it.
        is_list: Whether the field holds a list, which several arguments may share.
        file_field: The name of the part of a form that holds the file; None: a form cannot
            carry a file of this kind.
        url_field: The name of the form field that holds an address; None: a form cannot carry one.
    """

    __repr__ = brief

    name: str
    json: Any = attrs.field(default="{value}", hash=False)
    is_list: bool = _bool(default=False)
    file_field: str | None = None
    url_field: str | None = None


@attrs.frozen(kw_only=True)
class Dialect:
    """
    How to speak with one kind of service.

    A path begins with a slash at the root of the service's address and may
    have a query. ``{id}`` in it is the id of a task or character. None stands
    for a call that such servers do not offer.

    Attributes:
        name: What it is called; ``SoraClient(dialect=name)`` for those of this package.
        create_path: ``POST`` a create to it.
        poll_path: ``GET`` it for a task.
        content_path: ``GET`` it for the file of a task.
        list_path: ``GET`` it for all tasks, in pages.
        delete_path: ``DELETE`` it.
        cancel_path: Request it to stop a task.
        cancel_method: ``"POST"``, or ``"DELETE"`` where a delete of a queued task cancels it.
            Then a cancel of a task that has ended deletes it.
        remix_path: ``POST`` a prompt to it.
        create_character_path: ``POST`` a video to it.
        get_character_path: ``GET`` it for a character.
        body: How a create is encoded: as a ``"form"`` (multipart/form-data), as ``"json"``, or
            ``"auto"``: a form where there is a file, else what the service last accepted.
        fields: How an argument is spelled, where that is not its own name: another name, or a
            :class:`~sora_async.dialects.FieldSpelling`. A reference that is not in it is
            not taken by the service.
        seconds_are_text: Whether ``seconds`` is sent as a text such as "10" and not as a number.
        polling_url: The field of a create's response that says where to poll;
            None when there is none. It is followed on the service's own origin only.
        deduplicates_creates: Whether a create that is sent again with the same
            ``Idempotency-Key`` makes no second task. Only then is one repeated.
        list_is_live: Whether the list shows the same status as a poll of one task.
        list_paging: How the list is paged: by ``after``, ``limit`` and ``order`` (``"cursor"``),
            or from the newest task on by ``page_num`` and ``page_size`` (``"number"``).
        list_ids_field: The query field, once for each id, that limits the list to some tasks;
            None when there is none.
        list_headers: Headers that the list wants beside the usual ones.
    """

    __repr__ = brief

    _shown: ClassVar[tuple[str, ...]] = ("name", "create_path", "poll_path")

    name: str
    create_path: str = _path("/v1/videos")
    poll_path: str = _path("/v1/videos/{id}")
    content_path: str | None = _path("/v1/videos/{id}/content")
    list_path: str | None = _path("/v1/videos")
    delete_path: str | None = _path("/v1/videos/{id}")
    cancel_path: str | None = _path(None)
    cancel_method: CancelMethod = attrs.field(default="POST", validator=_check_word(CancelMethod))
    remix_path: str | None = _path("/v1/videos/{id}/remix")
    create_character_path: str | None = _path("/v1/videos/characters")
    get_character_path: str | None = _path("/v1/videos/characters/{id}")
    body: BodyEncoding = attrs.field(default="auto", validator=_check_word(BodyEncoding))
    fields: Mapping[str, "str | FieldSpelling"] = attrs.field(factory=dict, hash=False)
    seconds_are_text: bool = _bool(default=True)
    polling_url: str | None = None
    deduplicates_creates: bool = _bool(default=False)
    list_is_live: bool = _bool(default=False)
    list_paging: ListPaging = attrs.field(default="cursor", validator=_check_word(ListPaging))
    list_ids_field: str | None = None
    list_headers: Mapping[str, str] = attrs.field(factory=dict, hash=False)

    def spelling(self, argument: str) -> FieldSpelling | None:
        """Return how an argument is spelled; None for a reference that is not taken."""
        found = self.fields.get(argument)
        if found is None and argument in REFERENCE_ROLES:
            return None
        return found if isinstance(found, FieldSpelling) else FieldSpelling(name=found or argument)

    @property
    def references(self) -> tuple[ReferenceRole, ...]:
        """Which references the service takes."""
        return tuple(role for role in REFERENCE_ROLES if role in self.fields)


_ALWAYS = frozenset({"create_path", "poll_path"})
_ABOUT_ONE = frozenset(
    {
        *("poll_path", "content_path", "delete_path", "cancel_path", "remix_path"),
        "get_character_path",
    }
)


def _without_calls(*kept: str) -> dict[str, Any]:
    """Return None for the paths of all calls but create, poll and those named."""
    calls = ("content", "list", "delete", "remix", "create_character", "get_character")
    return {f"{call}_path": None for call in calls if call not in kept}


_OPENAI_REFERENCE = FieldSpelling(
    name="input_reference", json={"image_url": "{value}"}, file_field="input_reference"
)

OPENAI = Dialect(
    name="openai",
    fields={"input_reference": _OPENAI_REFERENCE, "first_frame": _OPENAI_REFERENCE},
)
"""
OpenAI's own format, and that of those who copy it.

Most relays of this format have no list; for a service whose list is live, such as Azure's, use
``attrs.evolve(OPENAI, list_is_live=True)``.

Source: openai-python, ``resources/videos``, and the API page "query task".
"""

LITELLM = attrs.evolve(OPENAI, name="litellm", list_headers={"custom-llm-provider": "openai"})
"""
LiteLLM's proxy. Its list wants the provider in a header: change *list_headers* for another one.

Source: LiteLLM 1.106 to 1.110, ``proxy/video_endpoints``.
"""

VLLM = attrs.evolve(
    OPENAI,
    name="vllm",
    body="form",
    list_is_live=True,
    remix_path=None,
    create_character_path=None,
    get_character_path=None,
    fields={
        role: attrs.evolve(_OPENAI_REFERENCE, json=None)
        for role in ("input_reference", "first_frame")
    },
)
"""
vLLM-Omni, which takes forms only.

Source: vLLM-Omni 0.30, ``entrypoints/openai``.
"""

SGLANG = attrs.evolve(
    VLLM,
    name="sglang",
    fields={
        role: attrs.evolve(_OPENAI_REFERENCE, json=None, url_field="reference_url")
        for role in ("input_reference", "first_frame")
    },
)
"""
SGLang, which takes forms, and a reference by address as ``reference_url``.

Source: SGLang 0.5.23, ``entrypoints/openai/video_api``.
"""

_IMAGES = FieldSpelling(name="images", is_list=True)

UNIFIED = Dialect(
    name="unified",
    create_path="/v1/video/create",
    poll_path="/v1/video/query?id={id}",
    **_without_calls(),
    body="json",
    fields={
        "seconds": "duration",
        "input_reference": _IMAGES,
        "first_frame": _IMAGES,
        "reference_images": _IMAGES,
    },
    seconds_are_text=False,
)
"""
The other format of the API page's relay; chosen for an address that ends in ``/v1/video``.

Source: that relay's pages, and the responses in ``tests/responses``.
"""

NEWAPI = attrs.evolve(
    UNIFIED,
    name="newapi",
    create_path="/v1/video/generations",
    poll_path="/v1/video/generations/{id}",
)
"""
The other format of new-api, beside OpenAI's.

Source: new-api, ``router/video-router.go`` and ``docs``.
"""


def _openrouter_item(kind: str, **more: str) -> FieldSpelling:
    return FieldSpelling(
        name="frame_images" if more else "input_references",
        json={"type": kind, kind: {"url": "{value}"}, **more},
        is_list=True,
    )


OPENROUTER = Dialect(
    name="openrouter",
    create_path="/api/v1/videos",
    poll_path="/api/v1/videos/{id}",
    content_path="/api/v1/videos/{id}/content",
    **_without_calls("content"),
    body="json",
    fields={
        "seconds": "duration",
        "first_frame": _openrouter_item("image_url", frame_type="first_frame"),
        "last_frame": _openrouter_item("image_url", frame_type="last_frame"),
        "input_reference": _openrouter_item("image_url"),
        "reference_images": _openrouter_item("image_url"),
        "reference_videos": _openrouter_item("video_url"),
        "reference_audio": _openrouter_item("audio_url"),
    },
    seconds_are_text=False,
    polling_url="polling_url",
)
"""
That of openrouter.ai; chosen for an address there.

Source: its documentation, "Video generation".
"""

GATEWAY = attrs.evolve(
    OPENROUTER,
    name="gateway",
    create_path="/v1/videos",
    poll_path="/v1/videos/{id}",
    content_path="/v1/videos/{id}/content",
)
"""
LLM Gateway, Merge, phaseo and others that take JSON alone, with OpenRouter's words under ``/v1``.

Source: their API references.
"""

OFOX = attrs.evolve(GATEWAY, name="ofox", cancel_path="/v1/videos/{id}/cancel")
"""
ofox: OpenRouter's shape under ``/v1``, and a cancel.

Source: its API reference.
"""

INWORLD = attrs.evolve(
    GATEWAY,
    name="inworld",
    list_path="/v1/videos",
    delete_path="/v1/videos/{id}",
    cancel_path="/v1/videos/{id}/cancel",
    deduplicates_creates=True,
)
"""
Inworld, which makes one task for all creates with the same ``Idempotency-Key``.

Source: its API reference: "a retry returns the original job"; "Delete video" is for ended ones.
"""

_IMAGE_URLS = FieldSpelling(name="image_urls", is_list=True)

TASKS = Dialect(
    name="tasks",
    create_path="/v1/videos/generations",
    poll_path="/v1/tasks/{id}",
    **_without_calls(),
    body="json",
    fields={
        "seconds": "duration",
        "input_reference": _IMAGE_URLS,
        "first_frame": _IMAGE_URLS,
        "reference_images": _IMAGE_URLS,
    },
    seconds_are_text=False,
)
"""
evolink, APIMart, ToAPIs: videos are created in one place, and all tasks are asked for in another.

Source: their API references, "Get task detail".
"""

XAI = Dialect(
    name="xai",
    create_path="/v1/videos/generations",
    poll_path="/v1/videos/{id}",
    **_without_calls(),
    cancel_path="/v1/videos/{id}/cancel",
    body="json",
    fields={
        "seconds": "duration",
        "input_reference": FieldSpelling(name="image", json={"url": "{value}"}),
        "first_frame": FieldSpelling(name="image", json={"url": "{value}"}),
        "reference_images": FieldSpelling(
            name="reference_images", json={"url": "{value}"}, is_list=True
        ),
        "reference_videos": FieldSpelling(name="video", json={"url": "{value}"}),
    },
    seconds_are_text=False,
)
"""
xAI's Grok; chosen for an address at ``x.ai``.

Source: docs.x.ai, "Video generation".
"""

GEMINI = Dialect(
    name="gemini",
    create_path="/v1beta/openai/videos",
    poll_path="/v1beta/openai/videos/{id}",
    **_without_calls(),
    body="form",
    fields={
        role: attrs.evolve(_OPENAI_REFERENCE, json=None)
        for role in ("input_reference", "first_frame")
    },
)
"""
Gemini's OpenAI-compatible endpoint; chosen for an address with ``/v1beta/openai``.

Its videos are on its own origin and want the key, which is sent there.

Source: ai.google.dev, "OpenAI compatibility".
"""


def _ark_item(kind: str, role: str | None = None) -> FieldSpelling:
    json = {"type": kind, kind: {"url": "{value}"}}
    return FieldSpelling(
        name="content", json=json if role is None else {**json, "role": role}, is_list=True
    )


ARK = Dialect(
    name="ark",
    create_path="/api/v3/contents/generations/tasks",
    poll_path="/api/v3/contents/generations/tasks/{id}",
    list_path="/api/v3/contents/generations/tasks",
    delete_path="/api/v3/contents/generations/tasks/{id}",
    **_without_calls("list", "delete"),
    list_is_live=True,
    list_paging="number",
    list_ids_field="filter.task_ids",
    body="json",
    fields={
        "prompt": FieldSpelling(
            name="content", json={"type": "text", "text": "{value}"}, is_list=True
        ),
        "seconds": "duration",
        "aspect_ratio": "ratio",
        "input_reference": _ark_item("image_url"),
        "first_frame": _ark_item("image_url", "first_frame"),
        "last_frame": _ark_item("image_url", "last_frame"),
        "reference_images": _ark_item("image_url", "reference_image"),
        "reference_videos": _ark_item("video_url", "reference_video"),
        "reference_audio": _ark_item("audio_url", "reference_audio"),
    },
    seconds_are_text=False,
)
"""
Volcengine Ark (Seedance); chosen for an address with ``/api/v3``.

Source: Volcengine's API reference, "Create a video generation task" and "List video generation
tasks".
"""

MINIMAX = attrs.evolve(
    ARK,
    name="minimax",
    list_is_live=False,  # nobody has looked
    create_path="/v2/video_generation",
    poll_path="/v2/query/video_generation/{id}",
    list_path="/v2/query/video_generation",
    delete_path="/v2/video_generation/{id}",
    cancel_path="/v2/video_generation/{id}",
    cancel_method="DELETE",
)
"""
MiniMax's video generation V2 (H3); chosen for an address there.

A create is spelled as Ark's. V1 has other calls: the result of a task of the older Hailuo models
names a file, whose address another request returns.

Source: platform.minimax.io, "Create video generation task" and "Cancel or delete task".
"""

DIALECTS: Mapping[str, Dialect] = {
    one.name: one
    for one in (
        *(OPENAI, LITELLM, VLLM, SGLANG, UNIFIED, NEWAPI, OPENROUTER, GATEWAY, OFOX, INWORLD),
        *(TASKS, XAI, GEMINI, ARK, MINIMAX),
    )
}
"""Those of this package, by their names."""

DOMAINS: Mapping[str, Dialect] = {
    "openrouter.ai": OPENROUTER,
    "x.ai": XAI,
    "minimax.io": MINIMAX,
    "minimax.cn": MINIMAX,
    "minimaxi.com": MINIMAX,
}
"""The dialects that a host name tells, also one of a subdomain."""

PATH_ENDS: Mapping[str, Dialect] = {
    "/v1/video": UNIFIED,
    "/v1beta/openai": GEMINI,
    "/api/v3": ARK,
    "/v1/tasks": TASKS,
}
"""The dialects that the end of an address's path tells."""


def find_dialect(dialect: object) -> Dialect:
    """
    Return a dialect by itself or by its name.

    Raises:
        InvalidArgumentError: There is none of this name.
    """
    if isinstance(dialect, Dialect):
        return dialect
    found = DIALECTS.get(dialect) if isinstance(dialect, str) else None
    if found is None:
        raise InvalidArgumentError(
            f"dialect: expected a Dialect or one of {', '.join(DIALECTS)}; got {dialect!r:.80}"
        )
    return found


def find_dialect_of_host(url: str) -> Dialect | None:
    """Return the dialect of the service that a host belongs to; None for any other host."""
    host = urlsplit(url).hostname or ""
    for domain, dialect in DOMAINS.items():
        if host == domain or host.endswith(f".{domain}"):
            return dialect
    return None


def guess_dialect(base_url: str) -> Dialect:
    """Return the dialect for an address; :data:`OPENAI` by default."""
    dialect = find_dialect_of_host(base_url)
    if dialect is not None:
        return dialect
    path = urlsplit(base_url).path
    for end, dialect in PATH_ENDS.items():
        if path.endswith(end):
            return dialect
    return OPENAI
