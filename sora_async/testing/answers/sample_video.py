"""The small video that every task serves unless the test says otherwise."""

import struct
from typing import Final


def _box(kind: bytes, content: bytes) -> bytes:
    """Return a box of an ISO base media file: its size, its kind, its content."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def _movie_header() -> bytes:
    """Return an ``mvhd`` box of version 0: one second long, of no tracks."""
    times = struct.pack(">5I", 0, 0, 0, 1000, 1000)
    rate_and_volume = struct.pack(">IH10x", 1 << 16, 1 << 8)
    matrix = struct.pack(">9I24x", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    next_track = struct.pack(">I", 1)
    return _box(b"mvhd", times + rate_and_volume + matrix + next_track)


MOVIE: Final = _box(b"moov", _movie_header())
"""The box that describes the video."""

VIDEO: Final = (
    _box(b"ftyp", b"isom" + struct.pack(">I", 0x200) + b"isomiso2avc1mp41")
    + MOVIE
    + _box(b"mdat", b"sora_async.testing" * 64)
)
"""
A valid MP4 file of about 1.3 kB, without any tracks.

Source: ISO/IEC 14496-12, sections 4.3 (``ftyp``) and 8.2 (``moov``, ``mvhd``).
"""
