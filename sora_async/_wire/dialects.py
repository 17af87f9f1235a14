"""
What a kind of server offers, and how it wants an order spelled: each kind as one page of data.

:data:`OPENAI` is what most servers speak, :data:`UNIFIED` the other format of the API page's
relay, and :data:`OPENROUTER` that of openrouter.ai. A server that speaks yet another one is a
:class:`Dialect` of your own.
"""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs

from ..errors import InvalidArgumentError
from ..models.repr import brief

__all__ = ["DIALECTS", "OPENAI", "OPENROUTER", "UNIFIED", "Dialect"]

_BODIES = ("multipart", "json")


def _check_path(_: object, field: "attrs.Attribute[Any]", path: Any) -> None:
    if path is None and field.name not in _ALWAYS:
        return
    is_path = isinstance(path, str) and path.startswith("/") and path.isascii()
    if not is_path or ("{id}" in path) != (field.name in _ABOUT_ONE) or "#" in path:
        wanted = "a path with {id}" if field.name in _ABOUT_ONE else "a path"
        raise InvalidArgumentError(f"{field.name}: expected {wanted}, such as '/v1/videos'")


def _path(default: str) -> Any:
    return attrs.field(default=default, validator=_check_path)


def _check_body(_: object, __: object, body: Any) -> None:
    if body not in _BODIES:
        raise InvalidArgumentError(f"body: expected one of {', '.join(_BODIES)}; got {body!r}")


@attrs.frozen(kw_only=True)
class Dialect:
    """
    One way to speak with a service.

    A path begins with a slash at the root of the service's address and may
    have a query. ``{id}`` in it is the id of a task or character. None stands
    for a call that such servers do not offer.

    Attributes:
        name: What it is called; ``SoraClient(dialect=name)`` for those of this package.
        create_path: ``POST`` an order to it.
        poll_path: ``GET`` it for a task.
        content_path: ``GET`` it for the file of a task.
        list_path: ``GET`` it for all tasks, in pages.
        delete_path: ``DELETE`` it.
        remix_path: ``POST`` a prompt to it.
        create_character_path: ``POST`` a video to it.
        get_character_path: ``GET`` it for a character.
        body: How an order is sent, unless :meth:`SoraClient.create_task
            <sora_async.SoraClient.create_task>` is told otherwise.
        names: What an order's fields are called, where that is not our name.
        seconds_are_text: Whether ``seconds`` is sent as a text such as "10" and not as a number.
        reference: How a reference is written in JSON: any JSON value in which
            the text ``{url}`` stands for its address, or for its bytes as a ``data:`` URL.
        polling_url: The field of a create's reply that says where to poll;
            None when the reply has none. It is followed on the service's own origin only.
    """

    def __repr__(self) -> str:
        """Return its name, and how a task is created and polled."""
        return brief(self, ("name", "create_path", "poll_path"))

    name: str
    create_path: str = _path("/v1/videos")
    poll_path: str = _path("/v1/videos/{id}")
    content_path: str | None = _path("/v1/videos/{id}/content")
    list_path: str | None = _path("/v1/videos")
    delete_path: str | None = _path("/v1/videos/{id}")
    remix_path: str | None = _path("/v1/videos/{id}/remix")
    create_character_path: str | None = _path("/v1/videos/characters")
    get_character_path: str | None = _path("/v1/videos/characters/{id}")
    body: Literal["multipart", "json"] = attrs.field(default="multipart", validator=_check_body)
    names: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    seconds_are_text: bool = True
    reference: Any = attrs.field(default="{url}", hash=False)
    polling_url: str | None = None


_ALWAYS = frozenset({"create_path", "poll_path"})
_ABOUT_ONE = frozenset(
    {"poll_path", "content_path", "delete_path", "remix_path", "get_character_path"}
)

OPENAI = Dialect(name="openai", reference={"image_url": "{url}"})
"""
OpenAI's own format, and that of those who copy it.

Source: openai-python, ``resources/videos``, and the API page "query task".
"""

UNIFIED = Dialect(
    name="unified",
    create_path="/v1/video/create",
    poll_path="/v1/video/query?id={id}",
    content_path=None,
    list_path=None,
    delete_path=None,
    remix_path=None,
    create_character_path=None,
    get_character_path=None,
    body="json",
    names={"seconds": "duration", "input_reference": "images"},
    seconds_are_text=False,
    reference=["{url}"],
)
"""
The other format of the API page's relay; chosen for an address that ends in ``/v1/video``.

Source: that relay's pages, and the replies in ``tests/responses``.
"""

OPENROUTER = Dialect(
    name="openrouter",
    create_path="/api/v1/videos",
    poll_path="/api/v1/videos/{id}",
    content_path="/api/v1/videos/{id}/content",
    list_path=None,
    delete_path=None,
    remix_path=None,
    create_character_path=None,
    get_character_path=None,
    body="json",
    names={"seconds": "duration", "input_reference": "input_references"},
    seconds_are_text=False,
    reference=[{"type": "image_url", "image_url": {"url": "{url}"}}],
    polling_url="polling_url",
)
"""
That of openrouter.ai; chosen for an address there.

Source: its documentation, "Video generation".
"""

DIALECTS: Mapping[str, Dialect] = {one.name: one for one in (OPENAI, UNIFIED, OPENROUTER)}
"""Those of this package, by their names."""


def find_dialect(dialect: object, *, base_url: str) -> Dialect:
    """
    Return a dialect by itself or by its name; None chooses it by the service's address.

    Raises:
        InvalidArgumentError: There is none of this name.
    """
    if isinstance(dialect, Dialect):
        return dialect
    if dialect is None:
        return _guess(base_url)
    found = DIALECTS.get(dialect) if isinstance(dialect, str) else None
    if found is None:
        raise InvalidArgumentError(
            f"dialect: expected a Dialect or one of {', '.join(DIALECTS)}; got {dialect!r}"
        )
    return found


def _guess(base_url: str) -> Dialect:
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if host == "openrouter.ai" or host.endswith(".openrouter.ai"):
        return OPENROUTER
    return UNIFIED if parts.path.endswith(UNIFIED.create_path.removesuffix("/create")) else OPENAI
