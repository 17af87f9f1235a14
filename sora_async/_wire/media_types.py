"""The media type of a file: by its first bytes, and by its name where those do not tell."""

import mimetypes

from .json import is_html

HEAD = 4096
"""Bytes of a file to upload that are read to find its type."""

ENOUGH = 512
"""Bytes that are enough to tell whether a file is a video."""

_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""With which a QuickTime file may begin. Source: QuickTime File Format Specification, "Atoms"."""

_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic-sequence",
    b"mif1": "image/heif",
    b"msf1": "image/heif-sequence",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
"""All others are MP4. Source: ISO/IEC 23008-12, annex B, and IANA's list of media types."""

_RIFF = {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
)
"""
Source: the WHATWG standard "MIME Sniffing", section 6; TIFF 6.0, section 2; Adobe's FLV format,
annex E; ISO/IEC 13818-1; Microsoft's ASF format, section 10; id3.org; :rfc:`9639`.
"""

_BINARY_TYPES = frozenset({"application/octet-stream", "binary/octet-stream", "application/mp4"})
"""Types of files of which a server does not know what they are; S3 names the second."""

_SUFFIXES = {
    "image/jpeg": "jpg",
    "image/bmp": "bmp",
    "video/quicktime": "mov",
    "video/x-msvideo": "avi",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
}

_SIGNED = frozenset(
    {
        *_BRANDS.values(),
        *_RIFF.values(),
        *(kind for _, kind in _SIGNATURES),
        *("video/mp4", "video/webm", "image/bmp"),
    }
)
"""The kinds that their first bytes tell: a name alone does not make a file one of them."""


def find_media_type(head: bytes, name: str | None = None) -> str | None:
    """
    Return the content type of an image, video or sound; None when the file is none of them.

    The first bytes decide. A name does only for kinds that have no signature
    here: a web page that was saved as ``photo.png`` is no image.

    Args:
        head: How the file begins.
        name: Its name, if it has one.

    Source: :rfc:`8794`, section 11.2 (EBML); the WHATWG standard "MIME Sniffing", section 6.2.
    """
    branded = _find_branded_type(head)
    if branded is not None:
        return branded
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] in _BOXES:
        return "video/quicktime"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head.startswith(b"OggS"):
        is_sound = b"vorbis" in head[:64] or b"OpusHead" in head[:64]
        return "audio/ogg" if is_sound else "video/ogg"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "image/bmp"
    if head[:1] == b"G" == head[188:189]:
        return "video/mp2t"
    guess = mimetypes.guess_type(name or "")[0] or ""
    is_media = guess.startswith(("image/", "video/", "audio/"))
    return guess if is_media and guess not in _SIGNED else None


def is_convincing(head: bytes) -> bool:
    """Return whether bytes that a text may stand for by chance are an image, video or sound."""
    kind = find_media_type(head)
    return kind is not None and (kind != "image/png" or head[12:16] == b"IHDR")


def find_video_type(head: bytes) -> str | None:
    """Return the media type of a video that begins with these bytes, None if none does."""
    kind = find_media_type(head)
    return kind if kind is not None and kind.startswith("video/") else None


def make_name(kind: str, stem: str) -> str:
    """Return a name for a file that has none; some servers go by its ending."""
    return f"{stem}.{_SUFFIXES.get(kind, kind.partition('/')[2])}"


def is_video_type(content_type: str) -> bool:
    """
    Return whether a response with this ``Content-Type`` may be a video, as far as that tells.

    Args:
        content_type: The header; "" where there is none.
    """
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("video/") or kind in _BINARY_TYPES


def describe_content(head: bytes) -> str:
    """Return what a body that is not a video is, in words."""
    if not head.strip():
        return "an empty body"
    if is_html(head):
        return "a web page" if b"<html" in head[:ENOUGH].lower() else "a text with markup"
    if head.lstrip()[:1] in (b"{", b"["):
        return "JSON"
    if find_media_type(head) or head.startswith(b"BM"):
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
