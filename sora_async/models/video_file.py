"""A video on the disk."""

from pathlib import Path

import attrs

from .repr import brief
from .task import VideoTask


@attrs.frozen(kw_only=True)
class VideoFile:
    """
    A video on the disk.

    Attributes:
        path: Where it is.
        size: Its size in bytes.
        content_type: What it is, by its first bytes, such as ``video/mp4``; None where they
            tell nothing.
        task: The snapshot that led to it; None where a file was there already and no task was
            asked for.
    """

    __repr__ = brief

    path: Path
    size: int
    content_type: str | None
    task: VideoTask | None = None
