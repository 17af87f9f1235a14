"""Files of any size as a CDN serves them: made while they are sent, with all that can go wrong."""

import functools
import re
import struct
from collections.abc import Mapping
from typing import Final, Literal

import attrs
from aiohttp import web

from .answer import Answer, named, say
from .http_message import Message, make_message
from .network_faults import hang_up, reset_connection, wait_for_the_end
from .sample_video import MOVIE

Kind = Literal["mp4", "mov", "webm"]
Validator = Literal["etag", "weak", "date"]
Framing = Literal["length", "chunked", "close"]


@attrs.frozen(kw_only=True)
class ServedVideo:
    """
    A video file that is nowhere: any part of it can be made at any time, and is always the same.

    Attributes:
        size: Bytes of the whole, 64 at least.
        version: Two versions of a film differ in nearly all of their bytes.
    """

    size: int
    kind: Kind = "mp4"
    version: int = 1

    def __attrs_post_init__(self) -> None:
        if self.size < 64:
            raise ValueError(f"a film has 64 bytes at least, not {self.size}")

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from *start* to *stop*."""
        stop = min(stop, self.size)
        first = start // _BLOCK
        blocks = [self._block(number) for number in range(first, -(-stop // _BLOCK))]
        return b"".join(blocks)[start - first * _BLOCK : stop - first * _BLOCK]

    def _block(self, number: int) -> bytes:
        head = _head(self.kind, self.size) if number == 0 else b""
        stamp = struct.pack(">QQ", self.version, number)
        return (head + stamp + _noise(self.version))[:_BLOCK]


@functools.lru_cache(maxsize=64)
def _head(kind: Kind, size: int) -> bytes:
    """Return the beginning of a film, up to where its content lies."""
    if kind == "webm":
        return _WEBM
    head = _MOV if kind == "mov" else _MP4
    if size >= len(head) + len(MOVIE) + 16:
        head += MOVIE
    # A box whose size does not fit into 32 bits says so with a 1, and has it behind its name.
    return head + struct.pack(">I4sQ", 1, b"mdat", size - len(head))


@functools.lru_cache(maxsize=8)
def _noise(version: int) -> bytes:
    """Return a block that has nothing in common with those of other versions."""
    return bytes((number * (2 * version + 1) + version) % 251 for number in range(_BLOCK))


def make_video(size: int = 100_000, *, kind: Kind = "mp4", version: int = 1) -> bytes:
    """Return the whole file that :func:`video_file` serves, to compare with what has arrived."""
    return ServedVideo(size=size, kind=kind, version=version).read(0, size)


@attrs.frozen(kw_only=True)
class _Manner:
    """How a film is served; each field is an argument of :func:`video_file`."""

    film: ServedVideo
    etag: str | None
    modified: str | None
    ranges: bool
    framing: Framing
    claimed: int
    ends_after: int | None
    end: Literal["reset", "close", "stall"]


@named
def video_file(
    size: int = 100_000,
    *,
    kind: Kind = "mp4",
    version: int = 1,
    validator: Validator | None = "etag",
    ranges: bool = True,
    framing: Framing = "length",
    claimed: int | None = None,
    reset_after: int | None = None,
    close_after: int | None = None,
    stall_after: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """
    Answer a download with a video, or with the range of it that is asked for.

    It is made while it is sent, 64 KiB at a time, so a gigabyte takes no memory.

    Args:
        size: Bytes of the whole file.
        kind: "mp4", "mov" or "webm".
        version: Which of the films of this size; another one has another validator.
        validator: By what a client may know the file again: "etag", "weak" for a weak ETag,
            "date" for a Last-Modified, or None for neither.
        ranges: Whether the server knows Range; if not, it sends the whole, always.
        framing: How the end of the body is told: "length" by Content-Length, "chunked" by chunks,
            "close" by nothing but the end of the connection.
        claimed: The size that the headers tell, where it is not the true one.
        reset_after: After so many bytes of this one answer's body the connection is reset.
        close_after: After so many, it is closed in good order.
        stall_after: After so many, nothing more comes.
        headers: Headers to add or override.
    """
    ends = {"reset": reset_after, "close": close_after, "stall": stall_after}
    chosen = [(end, after) for end, after in ends.items() if after is not None]
    if len(chosen) > 1:
        raise ValueError("a file breaks in one way only: reset_after, close_after or stall_after")
    end, ends_after = chosen[0] if chosen else ("close", None)
    etag = f'"{kind}-{size}-{version}"'
    manner = _Manner(
        film=ServedVideo(size=size, kind=kind, version=version),
        etag={"etag": etag, "weak": f"W/{etag}"}.get(validator or ""),
        modified=f"Thu, 01 Jan 2026 08:00:{version % 60:02} GMT" if validator == "date" else None,
        ranges=ranges,
        framing=framing,
        claimed=size if claimed is None else claimed,
        ends_after=ends_after,
        end=end,  # type: ignore[arg-type]  # a key of the dict above
    )
    message = make_message(b"", kind=_TYPES[kind]).with_headers(headers or {})
    return attrs.evolve(say(message), deliver=functools.partial(_deliver, manner))


async def _deliver(
    manner: _Manner, request: web.BaseRequest, message: Message
) -> web.StreamResponse:
    start = _find_start(manner, request)
    if start >= manner.film.size:
        headers = {"Content-Range": f"bytes */{manner.claimed}"}
        return web.Response(status=416, headers={**_describe(manner, message), **headers})
    headers = _describe(manner, message)
    if start:
        headers["Content-Range"] = f"bytes {start}-{manner.claimed - 1}/{manner.claimed}"
    if manner.framing == "close":
        return await _deliver_unframed(manner, request, headers, start)
    response = web.StreamResponse(status=206 if start else message.status, headers=headers)
    if manner.framing == "length":
        response.content_length = manner.claimed - start
    await response.prepare(request)
    stop = manner.film.size if manner.ends_after is None else start + manner.ends_after
    for position in range(start, min(stop, manner.film.size), _BLOCK):
        await response.write(manner.film.read(position, min(position + _BLOCK, stop)))
    if manner.ends_after is None and manner.claimed <= manner.film.size:
        return response
    if manner.end == "stall":
        await wait_for_the_end()
    await (reset_connection if manner.end == "reset" else hang_up)(request)
    return response  # pragma: no cover - the client has gone by then


async def _deliver_unframed(
    manner: _Manner, request: web.BaseRequest, headers: Mapping[str, str], start: int
) -> web.StreamResponse:
    """Answer in a way that aiohttp's server does not: without a word on where the body ends."""
    assert request.transport is not None, "a handler is cancelled when its connection is lost"
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    head = f"HTTP/1.1 {206 if start else 200} OK\r\n{''.join(lines)}Connection: close\r\n\r\n"
    stop = manner.film.size if manner.ends_after is None else start + manner.ends_after
    request.transport.write(head.encode() + manner.film.read(start, stop))
    await hang_up(request)


def _describe(manner: _Manner, message: Message) -> dict[str, str]:
    told = {
        "Accept-Ranges": "bytes" if manner.ranges else "none",
        "ETag": manner.etag,
        "Last-Modified": manner.modified,
    }
    return {**{name: text for name, text in told.items() if text is not None}, **message.headers}


def _find_start(manner: _Manner, request: web.BaseRequest) -> int:
    """Return the byte that a request wants first, 0 where the whole is to be sent."""
    asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    condition = request.headers.get("If-Range")
    if asked is None or not manner.ranges:
        return 0
    # A weak validator never matches here: RFC 9110, section 13.1.5.
    if condition is not None and condition not in (manner.etag, manner.modified):
        return 0
    return 0 if condition is not None and condition.startswith("W/") else int(asked[1])


_BLOCK: Final = 1 << 16
_MP4: Final = struct.pack(">I", 28) + b"ftypisom" + struct.pack(">I", 0x200) + b"isomiso2mp41"
_MOV: Final = struct.pack(">I", 20) + b"ftypqt  " + struct.pack(">I", 0x200) + b"qt  "
_WEBM: Final = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"
_TYPES: Final = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}
