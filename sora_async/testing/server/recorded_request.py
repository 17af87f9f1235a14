"""What a client sent: the request as it is recorded, and the order that a create holds."""

from collections.abc import Mapping
from typing import Any, Final

import attrs
from aiohttp import web

from ..servers.server_profile import ServerProfile
from ..servers.task_state import CreateCall, UploadedFile
from .body_parser import read_body, read_kind
from .routes import Endpoint, Routes


@attrs.frozen(kw_only=True)
class RecordedRequest:
    """
    One request, as it arrived.

    Attributes:
        method: Such as "GET".
        path: The path as it was on the wire, percent signs and all, without the query.
        query: What followed the question mark; "" without one.
        endpoint: What was asked for: "poll" (GET /v1/videos/{id}), "create" (POST /v1/videos),
            "content" (GET /v1/videos/{id}/content), "list" (GET /v1/videos), "delete"
            (DELETE /v1/videos/{id}), "remix" (POST /v1/videos/{id}/remix), "character"
            (POST /v1/videos/characters, or GET with an id behind it), or "other". The paths are
            those of most servers; a server that lacks one has "other" there.
        task_id: The id that was asked for, decoded; None without one. It is the character's
            where one is asked for.
        headers: The headers, to be looked up in any case. The key is among them, so neither they
            nor the body are part of the ``repr``.
        body: The body, read to its end.
    """

    method: str
    path: str
    query: str = ""
    endpoint: Endpoint = "other"
    task_id: str | None = None
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(default=b"", repr=False)

    @property
    def fields(self) -> Mapping[str, Any]:
        """
        The fields of the body, read anew each time.

        Text from a form, a list where a name came more than once, and any value from JSON.

        Raises:
            ValueError: The body is neither a form nor a JSON object.
        """
        return _read(self)[0]

    @property
    def files(self) -> Mapping[str, UploadedFile]:
        """The files of a form by the names of their fields; raises as :attr:`fields` does."""
        return _read(self)[1]


KnownHeaders = dict[tuple[tuple[bytes, bytes], ...], Mapping[str, str]]


async def receive(request: web.BaseRequest, known: KnownHeaders, routes: Routes) -> RecordedRequest:
    """
    Read *request* to its end, and find out which of *routes* it takes.

    A long test keeps a million of these, and most of them have the same headers: *known* holds
    one mapping of each, and gets those that are new.
    """
    if request.headers.get("Expect", "").lower() == "100-continue":
        assert request.transport is not None, "a handler is cancelled when its connection is lost"
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    query = request.rel_url.raw_query_string
    path, endpoint, task_id = routes.find(request.method, request.rel_url.raw_path, query)
    return RecordedRequest(
        method=request.method,
        path=path,
        query=query,
        endpoint=endpoint,
        task_id=task_id,
        headers=known.setdefault(request.raw_headers, request.headers),
        body=await request.content.read(),
    )


def read_order(
    request: RecordedRequest, server: ServerProfile, *, is_remix: bool = False
) -> CreateCall:
    """
    Return what a create asks for.

    Args:
        request: The create.
        server: The server that reads it; it may take forms only, or JSON only.
        is_remix: Whether it is a remix, which is JSON or a form everywhere.

    Raises:
        ValueError: The server does not take such a body, cannot read it, or misses the prompt.
    """
    kind = read_kind(request.headers.get("Content-Type", ""))
    if kind not in server.bodies and not is_remix:
        raise ValueError(f"the body is no {'form' if kind == 'json' else 'JSON'}: Field required")
    fields, files = _read(request)
    if not fields.get("prompt"):
        raise ValueError("prompt is required")
    sent = {name: fields.get(server.names.get(name, name)) for name in REPEATED}
    wanted = server.seconds_type
    if kind == "json" and wanted and not isinstance(sent["seconds"], wanted | None):
        name = server.names.get("seconds", "seconds")
        right = "text" if wanted is str else "a whole number"
        raise ValueError(f"Invalid type for '{name}': expected {right}")
    repeated: Any = {name: str(value) for name, value in sent.items() if value}
    return CreateCall(**repeated, fields=fields, files=files)


def _read(request: RecordedRequest) -> tuple[dict[str, Any], dict[str, UploadedFile]]:
    return read_body(request.headers.get("Content-Type", ""), request.body)


REPEATED: Final = ("model", "prompt", "seconds", "size")
"""What replies repeat of an order."""
