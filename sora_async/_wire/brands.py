"""What kind of ISO base media file one is, by the brand in its first box."""

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

BRANDED = frozenset({*_BRANDS.values(), "video/mp4"})
"""The media types that a brand tells."""


def find_branded_type(head: bytes) -> str | None:
    """
    Return the media type of an ISO base media file that begins with these bytes, None if none does.

    Source: ISO/IEC 14496-12, section 4.3 (``ftyp``).
    """
    return _BRANDS.get(head[8:12], "video/mp4") if head[4:8] == b"ftyp" else None
