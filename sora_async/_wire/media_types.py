"""What kind of file an upload is: by how it begins, and by its name where that does not tell."""

import mimetypes

from .brands import BRANDED, find_branded_type

HEAD = 4096
"""Bytes of a file that are looked at."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
"""Source: the signatures in the WHATWG standard "MIME Sniffing"."""

_ENDINGS = {
    "image/jpeg": "jpg",
    "video/quicktime": "mov",
}

_SIGNED = BRANDED | {"image/webp", *(kind for _, kind in _SIGNATURES)}


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
    branded = find_branded_type(head)
    if branded is not None:
        return branded if _is_media(branded) else None
    guess = mimetypes.guess_type(name or "")[0] or ""
    return guess if _is_media(guess) and guess not in _SIGNED else None


def _is_media(kind: str) -> bool:
    return kind.startswith(("image/", "video/"))


def make_name(kind: str, stem: str) -> str:
    """Return a name for a file that has none; some servers go by its ending."""
    return f"{stem}.{_ENDINGS.get(kind, kind.partition('/')[2])}"
