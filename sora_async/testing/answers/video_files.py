"""Video files of any size, made while they are sent, and the ways in which a download breaks."""

import functools
import re
import struct
from collections.abc import Mapping
from typing import Final, Literal

import attrs
from aiohttp import web

from ..profiles.http_message import Message, make_message
from .answer import Answer, answer_factory, fixed_answer
from .network_faults import close_connection, reset_connection, wait_for_disconnect
from .sample_video import MOVIE

Kind = Literal["mp4", "mov", "webm"]
Validator = Literal["etag", "weak", "date"]
Framing = Literal["length", "chunked", "close"]


@attrs.frozen(kw_only=True)
class ServedVideo:
    """
    A video file that is computed: any part of it can be made at any time, always the same.

    Attributes:
        size: Bytes of the whole file, 64 at least.
        kind: Which container.
        version: Two versions differ in nearly all of their bytes.
    """

    size: int
    kind: Kind = "mp4"
    version: int = 1

    def __attrs_post_init__(self) -> None:
        if self.size < 64:
            raise ValueError(f"a video file has 64 bytes at least, not {self.size}")

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
    """Return the beginning of a file, up to its content."""
    if kind == "webm":
        return _WEBM
    head = _MOV if kind == "mov" else _MP4
    if size >= len(head) + len(MOVIE) + 16:
        head += MOVIE
    # A size of 1 means that the true size follows the name, in 64 bits.
    return head + struct.pack(">I4sQ", 1, b"mdat", size - len(head))


@functools.lru_cache(maxsize=8)
def _noise(version: int) -> bytes:
    """Return a block that differs in every byte from those of other versions."""
    return bytes((number * (2 * version + 1) + version) % 251 for number in range(_BLOCK))


def make_video(size: int = 100_000, *, kind: Kind = "mp4", version: int = 1) -> bytes:
    """Return the whole file that :func:`video_file` serves, to compare a download with."""
    return ServedVideo(size=size, kind=kind, version=version).read(0, size)


@attrs.frozen(kw_only=True)
class _Options:
    """How a file is served; each field is an argument of :func:`video_file`."""

    video: ServedVideo
    etag: str | None
    modified: str | None
    ranges: bool
    framing: Framing
    claimed: int
    ends_after: int | None
    end: Literal["reset", "close", "stall"]


@answer_factory
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
    Answer a download with a video, or with the requested range of it.

    The file is made while it is sent, 64 KiB at a time, so a gigabyte takes no memory.

    Args:
        size: Bytes of the whole file.
        kind: "mp4", "mov" or "webm".
        version: Which of the files of this size; another one has another validator.
        validator: How a client recognises the file: "etag", "weak" for a weak ETag,
            "date" for a Last-Modified, or None for neither.
        ranges: Whether the server supports Range; if not, it always sends the whole file.
        framing: How the end of the body is marked: "length" by Content-Length, "chunked" by chunks,
            "close" only by the end of the connection.
        claimed: The size in the headers, where it is not the true one.
        reset_after: The bytes of this response's body after which the connection is reset.
        close_after: The bytes after which it is closed normally.
        stall_after: The bytes after which nothing more is sent.
        headers: Headers to add or override.
    """
    ends = {"reset": reset_after, "close": close_after, "stall": stall_after}
    chosen = [(end, after) for end, after in ends.items() if after is not None]
    if len(chosen) > 1:
        raise ValueError("give only one of reset_after, close_after and stall_after")
    end, ends_after = chosen[0] if chosen else ("close", None)
    etag = f'"{kind}-{size}-{version}"'
    options = _Options(
        video=ServedVideo(size=size, kind=kind, version=version),
        etag={"etag": etag, "weak": f"W/{etag}"}.get(validator or ""),
        modified=f"Thu, 01 Jan 2026 08:00:{version % 60:02} GMT" if validator == "date" else None,
        ranges=ranges,
        framing=framing,
        claimed=size if claimed is None else claimed,
        ends_after=ends_after,
        end=end,  # type: ignore[arg-type]  # a key of the dict above
    )
    message = make_message(b"", content_type=_TYPES[kind]).with_headers(headers or {})
    return attrs.evolve(fixed_answer(message), deliver=functools.partial(_deliver, options))


async def _deliver(
    options: _Options, request: web.BaseRequest, message: Message
) -> web.StreamResponse:
    start = _find_start(options, request)
    if start >= options.video.size:
        headers = {"Content-Range": f"bytes */{options.claimed}"}
        return web.Response(status=416, headers={**_headers(options, message), **headers})
    headers = _headers(options, message)
    if start:
        headers["Content-Range"] = f"bytes {start}-{options.claimed - 1}/{options.claimed}"
    if options.framing == "close":
        return await _deliver_unframed(options, request, headers, start)
    response = web.StreamResponse(status=206 if start else message.status, headers=headers)
    if options.framing == "length":
        response.content_length = options.claimed - start
    await response.prepare(request)
    stop = options.video.size if options.ends_after is None else start + options.ends_after
    for position in range(start, min(stop, options.video.size), _BLOCK):
        await response.write(options.video.read(position, min(position + _BLOCK, stop)))
    if options.ends_after is None and options.claimed <= options.video.size:
        return response
    if options.end == "stall":
        await wait_for_disconnect()
    await (reset_connection if options.end == "reset" else close_connection)(request)
    return response  # pragma: no cover - the client has gone by then


async def _deliver_unframed(
    options: _Options, request: web.BaseRequest, headers: Mapping[str, str], start: int
) -> web.StreamResponse:
    """Send a body without Content-Length and chunks, which aiohttp's server does not do."""
    assert request.transport is not None, "a handler is cancelled when its connection is lost"
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    head = f"HTTP/1.1 {206 if start else 200} OK\r\n{''.join(lines)}Connection: close\r\n\r\n"
    stop = options.video.size if options.ends_after is None else start + options.ends_after
    request.transport.write(head.encode() + options.video.read(start, stop))
    await close_connection(request)


def _headers(options: _Options, message: Message) -> dict[str, str]:
    optional = {
        "Accept-Ranges": "bytes" if options.ranges else "none",
        "ETag": options.etag,
        "Last-Modified": options.modified,
    }
    return {
        **{name: text for name, text in optional.items() if text is not None},
        **message.headers,
    }


def _find_start(options: _Options, request: web.BaseRequest) -> int:
    """Return the first byte that a request asks for; 0: the whole file."""
    requested = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    condition = request.headers.get("If-Range")
    if requested is None or not options.ranges:
        return 0
    # A weak validator never matches here: RFC 9110, section 13.1.5.
    if condition is not None and condition not in (options.etag, options.modified):
        return 0
    return 0 if condition is not None and condition.startswith("W/") else int(requested[1])


_BLOCK: Final = 1 << 16
_MP4: Final = struct.pack(">I", 28) + b"ftypisom" + struct.pack(">I", 0x200) + b"isomiso2mp41"
_MOV: Final = struct.pack(">I", 20) + b"ftypqt  " + struct.pack(">I", 0x200) + b"qt  "
_WEBM: Final = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"
_TYPES: Final = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}
