"""What a client sent: the request as it is recorded, and the order that a create holds."""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import unquote

import attrs
from aiohttp import web

from ._snapshots import Order

Endpoint = Literal["poll", "create", "content", "other"]


@attrs.frozen(kw_only=True)
class Request:
    """
    One request, as it arrived.

    Attributes:
        method: Such as "GET".
        path: The path as it was on the wire, percent signs and all, without the query.
        query: What followed the question mark; "" without one.
        endpoint: What was asked for: "poll" (GET /v1/videos/{id}), "create" (POST /v1/videos),
            "content" (GET /v1/videos/{id}/content) or "other".
        task_id: The id in the path, decoded; None where the path has none.
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


KnownHeaders = dict[tuple[tuple[bytes, bytes], ...], Mapping[str, str]]


async def receive(request: web.BaseRequest, known: KnownHeaders) -> Request:
    """
    Read *request* to its end.

    A long test keeps a million of these, and most of them have the same headers: *known* holds
    one mapping of each, and gets those that are new.
    """
    if request.headers.get("Expect", "").lower() == "100-continue":
        assert request.transport is not None, "a handler is cancelled when its connection is lost"
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    path, endpoint, task_id = _find_endpoint(request.method, request.rel_url.raw_path)
    return Request(
        method=request.method,
        path=path,
        query=request.rel_url.raw_query_string,
        endpoint=endpoint,
        task_id=task_id,
        headers=known.setdefault(request.raw_headers, request.headers),
        body=await request.content.read(),
    )


@functools.lru_cache(maxsize=4096)
def _find_endpoint(method: str, path: str) -> tuple[str, Endpoint, str | None]:
    """Return the path, and what it asks for. It is split before an id in it is decoded."""
    match method, path.split("/"):
        case "GET", ["", "v1", "videos", name] if name:
            return path, "poll", unquote(name)
        case "GET", ["", "v1", "videos", name, "content"] if name:
            return path, "content", unquote(name)
        case "POST", ["", "v1", "videos"]:
            return path, "create", None
    return path, "other", None


def read_order(request: Request) -> Order:
    """
    Return what a create asks for; fields that the fake does not know are left out.

    Raises:
        ValueError: The body is neither a form nor a JSON object, or has no prompt.
    """
    kind = request.headers.get("Content-Type", "")
    if boundary := re.match(r'multipart/form-data;.*boundary="?([^";]+)', kind, re.IGNORECASE):
        fields = dict(_read_form(request.body, boundary[1].encode()))
    else:
        fields = _read_json(request.body)
    if not fields.get("prompt"):
        raise ValueError("prompt is required")
    names = [field.name for field in attrs.fields(Order) if fields.get(field.name)]
    return Order(**{name: str(fields[name]) for name in names})


def _read_json(body: bytes) -> dict[str, Any]:
    fields = json.loads(body)
    if not isinstance(fields, dict):
        raise ValueError("the body is not a JSON object")
    return fields


def _read_form(body: bytes, boundary: bytes) -> Iterator[tuple[str, str]]:
    """Yield the text fields of a multipart body; files are passed over."""
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'[ ;]name="?([^";]+)', head)
        if name and b"filename" not in head:
            yield name[1].decode(), value.removesuffix(b"\r\n").decode()
