"""The media type of a file: by its first bytes, and by its name where those do not tell."""

import mimetypes

from .json import is_html

HEAD = 4096
"""Bytes of a file to upload that are read to find its type."""

ENOUGH = 512
"""Bytes that are enough to tell whether a file is a video."""

_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""With which a QuickTime file may begin. Source: QuickTime File Format Specification, "Atoms"."""

_VIDEO_SIGNATURES = (
    (b"OggS", "video/ogg"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
)

_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic-sequence",
    b"mif1": "image/heif",
    b"msf1": "image/heif-sequence",
    b"M4A ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
"""All others are MP4. Source: ISO/IEC 23008-12, annex B, and IANA's list of media types."""

_BRANDED = frozenset({*_BRANDS.values(), "video/mp4"})
"""The media types that a brand tells."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
"""Source: the signatures in the WHATWG standard "MIME Sniffing"."""

_SUFFIXES = {
    "image/jpeg": "jpg",
    "video/quicktime": "mov",
}

_SIGNED = _BRANDED | {"image/webp", *(kind for _, kind in _SIGNATURES)}


def find_media_type(head: bytes, name: str | None) -> str | None:
    """
    Return the content type of an image or video, None when the file is neither.

    The signature decides. A name does only for kinds that have no signature
    here: a web page that was saved as ``photo.png`` is no image.

    Args:
        head: How the file begins.
        name: Its name, if it has one.
    """
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    branded = _find_branded_type(head)
    if branded is not None:
        return branded if _is_media(branded) else None
    guess = mimetypes.guess_type(name or "")[0] or ""
    return guess if _is_media(guess) and guess not in _SIGNED else None


def _is_media(kind: str) -> bool:
    return kind.startswith(("image/", "video/"))


def make_name(kind: str, stem: str) -> str:
    """Return a name for a file that has none; some servers go by its ending."""
    return f"{stem}.{_SUFFIXES.get(kind, kind.partition('/')[2])}"


def find_video_type(head: bytes) -> str | None:
    """
    Return the media type of a video that begins with these bytes, None if none does.

    Source: :rfc:`8794`, section 11.2 (EBML); the WHATWG MIME Sniffing Standard, section 6.2.
    """
    branded = _find_branded_type(head)
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
    return next((name for start, name in _VIDEO_SIGNATURES if head.startswith(start)), None)


def describe_content(head: bytes) -> str:
    """Return what a body that is not a video is, in words."""
    if not head.strip():
        return "an empty body"
    if is_html(head):
        return "a web page" if b"<html" in head[:ENOUGH].lower() else "a text with markup"
    if head.lstrip()[:1] in (b"{", b"["):
        return "JSON"
    if find_media_type(head, None) or _find_branded_type(head) or head.startswith(b"BM"):
        return "a picture or a sound"
    return "a file that is not a video"


def is_text(head: bytes) -> bool:
    """Return whether a body is text (JSON, a web page, nothing) instead of a file."""
    return not head.strip() or is_html(head) or head.lstrip()[:1] in (b"{", b"[")


def _find_branded_type(head: bytes) -> str | None:
    """
    Return the media type of an ISO base media file that begins with these bytes, None if none does.

    Source: ISO/IEC 14496-12, section 4.3 (``ftyp``).
    """
    return _BRANDS.get(head[8:12], "video/mp4") if head[4:8] == b"ftyp" else None
