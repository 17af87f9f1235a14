"""Whether bytes are a video, what they are if not, and whether one is all there."""

from collections.abc import Callable

from ..models.json_fields import read_mapping, read_url
from .brands import find_branded_type
from .json import is_html, parse_json
from .media_types import find_media_type
from .task_decoder import open_envelope
from .video_url import find_video_url

ENOUGH = 512
"""Bytes of a beginning after which no more are needed to tell what it is."""

_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""With which a QuickTime file may begin. Source: QuickTime File Format Specification, "Atoms"."""

_SIGNATURES = (
    (b"OggS", "video/ogg"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
)

_LINK_KEYS = ("download_url", "downloadUrl", "signed_url", "presigned_url", "link", "href")
"""Beside the many places of a task's URL, where an answer of ``/content`` may have one."""


def find_video_type(head: bytes) -> str | None:
    """
    Return the media type of a video that begins with these bytes, None if none does.

    Source: :rfc:`8794`, section 11.2 (EBML); the WHATWG MIME Sniffing Standard, section 6.2.
    """
    branded = find_branded_type(head)
    if branded is not None:
        return branded if branded.startswith("video/") else None
    if head[4:8] in _BOXES:
        return "video/quicktime"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "video/x-msvideo"
    if head[:1] == b"G" == head[188:189]:
        return "video/mp2t"
    return next((name for start, name in _SIGNATURES if head.startswith(start)), None)


def describe_stranger(head: bytes) -> str:
    """Return what a body is that is no video, in words."""
    if not head.strip():
        return "an empty body"
    if is_html(head):
        return "a web page" if b"<html" in head[:ENOUGH].lower() else "a text with markup"
    if head.lstrip()[:1] in (b"{", b"["):
        return "JSON"
    if find_media_type(head, None) or find_branded_type(head) or head.startswith(b"BM"):
        return "a picture or a sound"
    return "something that is no video"


def is_text(head: bytes) -> bool:
    """Return whether a body is what a service says and not what it was asked for."""
    return not head.strip() or is_html(head) or head.lstrip()[:1] in (b"{", b"[")


def read_link(body: bytes, *, url: str) -> str | None:
    """
    Return the URL of the file that an answer names instead of being it, None if it names none.

    Args:
        body: JSON, or the URL alone as text.
        url: What was asked for; never the file.
    """
    try:
        value = parse_json(body)
    except ValueError:
        return read_url(body.decode("utf-8", "replace"))
    if not isinstance(value, dict):
        return read_url(value)
    inner = open_envelope(value)
    found = find_video_url(inner, url=url, has_succeeded=True)
    places = (value, inner, read_mapping(value.get("data")))
    links = (read_url(place.get(key)) for place in places for key in _LINK_KEYS)
    return found or next(filter(None, links), None)


def missing_bytes(read: Callable[[int, int], bytes], size: int) -> int:
    """
    Return how many bytes an MP4 or QuickTime file lacks at its end, by its own account.

    A service may cut a file and tell the length of what it has left; each box says how long it
    is. A file of another kind, or one that is none of ours to judge, lacks nothing.

    Source: ISO/IEC 14496-12, section 4.2 (boxes).

    Args:
        read: Returns so many bytes (second) from a position (first).
        size: Of the file that is here.
    """
    if find_video_type(read(0, ENOUGH)) not in ("video/mp4", "video/quicktime"):
        return 0
    position = 0
    while size - position >= 16:
        head = read(position, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or not all(0x20 <= byte < 0x7F for byte in head[4:8]):
            return 0  # the last box reaches to the end of the file, or this is no box
        position += length
    return max(0, position - size)
