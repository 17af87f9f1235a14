"""A request as it was received and recorded."""

from collections.abc import Mapping
from typing import Any

import attrs
from aiohttp import web

from ..profiles.routes import Endpoint, Routes
from ..profiles.task_state import UploadedFile
from .body_parser import read_body


@attrs.frozen(kw_only=True)
class RecordedRequest:
    """
    One request, as it arrived.

    Attributes:
        method: Such as "GET".
        path: The path as it was sent, percent signs and all, without the query.
        query: What followed the question mark; "" without one.
        endpoint: Which call it is: "poll" (GET /v1/videos/{id}), "create" (POST /v1/videos),
            "content" (GET /v1/videos/{id}/content), "list" (GET /v1/videos), "delete"
            (DELETE /v1/videos/{id}), "remix" (POST /v1/videos/{id}/remix), "character"
            (POST /v1/videos/characters, or GET with an id behind it), or "other". The paths are
            those of most servers; on a server without such a call it is "other".
        task_id: The id in the path or query, decoded; None without one. For "character" it is the
            character's.
        headers: The headers, to be looked up in any case. The key is among them, so neither they
            nor the body are part of the ``repr``.
        body: The whole body.
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
        The fields of the body, decoded at each access.

        Text from a form, a list where a name came more than once, and any value from JSON.

        Raises:
            ValueError: The body is neither a form nor a JSON object.
        """
        return self.decode()[0]

    @property
    def files(self) -> Mapping[str, UploadedFile]:
        """The files of a form, by the names of their fields; raises as :attr:`fields` does."""
        return self.decode()[1]

    def decode(self) -> tuple[dict[str, Any], dict[str, UploadedFile]]:
        """Return :attr:`fields` and :attr:`files`; raises as :attr:`fields` does."""
        return read_body(self.headers.get("Content-Type", ""), self.body)


KnownHeaders = dict[tuple[tuple[bytes, bytes], ...], Mapping[str, str]]


async def receive(request: web.BaseRequest, known: KnownHeaders, routes: Routes) -> RecordedRequest:
    """
    Read the whole *request*, and find its route among *routes*.

    A long test keeps a million of these, and most of them have the same headers: *known* holds
    one mapping of each kind, and new ones are added to it.
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
