"""What kind of file an upload is: by how it begins, and by its name where that does not tell."""

import mimetypes

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

_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"qt  ": "video/quicktime",
}
"""Of files whose first box is ``ftyp``; all others are MP4. Source: ISO/IEC 14496-12."""

_ENDINGS = {
    "image/jpeg": "jpg",
    "video/quicktime": "mov",
}

_SIGNED = frozenset({*(kind for _, kind in _SIGNATURES), *_BRANDS.values()}) | {
    "image/webp",
    "video/mp4",
}


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
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    guess = mimetypes.guess_type(name or "")[0] or ""
    is_media = guess.startswith(("image/", "video/"))
    return guess if is_media and guess not in _SIGNED else None


def make_name(kind: str, stem: str) -> str:
    """Return a name for a file that has none; some servers go by its ending."""
    return f"{stem}.{_ENDINGS.get(kind, kind.partition('/')[2])}"
