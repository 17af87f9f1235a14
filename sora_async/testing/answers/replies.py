"""The answers that arrive whole and yet are no snapshot of the task."""

import asyncio
import zlib
from collections.abc import Mapping
from typing import Final

import attrs
from aiohttp import web

from ..servers.shapes import tell_unknown_task
from .answer import Answer, begin, named, say
from .http_message import JSON_TYPE, Body, Message, make_message, tell_status


@named
def unknown_task() -> Answer:
    """Answer as about a task that is not known; the fake's *unknown_status* says how."""
    return Answer(message=tell_unknown_task)


@named
def http_error(
    status: int, body: Body | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """
    Answer with an HTTP status.

    Args:
        status: The status, 200 too.
        body: Bytes, text, or anything else as JSON; None means OpenAI's error object.
        headers: Headers to add or override, such as ``{"Retry-After": "20"}``.
    """
    message = tell_status(status) if body is None else make_message(body, status=status)
    return say(message.with_headers(headers or {}))


@named
def html(status: int = 200) -> Answer:
    """Answer with a web page, as behind a wrong base URL (200) or from a gateway (502)."""
    return say(make_message(_PAGE, status=status, kind="text/html; charset=UTF-8"))


@named
def raw(body: Body, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """
    Answer with any body that calls itself JSON, for those that are none or are dangerous.

    Args:
        body: Bytes, text, or anything else as JSON; ``raw(b'{"progress": NaN}')``.
        status: The status.
        headers: Headers to add or override.
    """
    return say(make_message(body, status=status, kind=JSON_TYPE).with_headers(headers or {}))


@named
def redirect(location: str, status: int = 307) -> Answer:
    """
    Answer that the task is elsewhere.

    Args:
        location: A path on the same origin, or a URL; one on the fake's *cdn_url* is on another
            origin, whose *cdn_requests* show what a client sent there.
        status: 301, 302, 303, 307 or 308.
    """
    return say(make_message(b"", status=status).with_headers({"Location": location}))


@named
def gzipped(answer: Answer) -> Answer:
    """Answer as *answer* does, compressed with gzip whether the client asked for it or not."""
    return attrs.evolve(answer, message=lambda facts: answer.message(facts).compressed())


@named
def slow(seconds: float, answer: Answer) -> Answer:
    """Answer as *answer* does, after *seconds* of silence."""
    return attrs.evolve(answer, delay=answer.delay + seconds)


@named
def gzip_bomb(size: int) -> Answer:
    """
    Answer with gzip that is about a thousandth of what it unpacks to.

    What it unpacks to is sound JSON: white space, and an empty object at the end. It is made
    while it is sent, a mebibyte at a time, so the fake itself never holds it.

    Args:
        size: The size in bytes once unpacked, 2 at least.
    """

    async def deliver(request: web.BaseRequest, message: Message) -> web.StreamResponse:
        zipped = message.with_headers({"Content-Encoding": "gzip"})
        response = await begin(request, zipped, size=None)
        packer = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
        for start in range(0, size - len(_OBJECT), _BLOCK):
            blank = b" " * min(_BLOCK, size - len(_OBJECT) - start)
            await response.write(packer.compress(blank) + packer.flush(zlib.Z_SYNC_FLUSH))
            # So little is written that write() alone would never let anyone else run.
            await asyncio.sleep(0)
        await response.write(packer.compress(_OBJECT) + packer.flush())
        return response

    return attrs.evolve(say(make_message(b"")), deliver=deliver)


_PAGE: Final = (
    '<!doctype html><html lang="zh"><head><meta charset="utf-8"/><title>New API</title></head>'
    "<body><noscript>You need to enable JavaScript to run this app.</noscript>"
    '<div id="root"></div></body></html>'
)
_OBJECT: Final = b"{}"
_BLOCK: Final = 1 << 20
