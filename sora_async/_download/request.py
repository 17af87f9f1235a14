"""What to download, and where to."""

from typing import Literal

import attrs
import backoff

from ..models.repr import brief
from ..schedule import Jitter

IfExists = Literal["error", "overwrite", "skip"]
"""What a download does about a file that is already under its path."""


@attrs.frozen(kw_only=True)
class DownloadRequest:
    """
    What to download, and where to.

    Attributes:
        task_id: The task whose video it is.
        path: The file to write.
        max_size: The most bytes the file may have; None for no limit.
        variant: Another file of the task that ``/content`` serves; None for the video.
        jitter: Turns the upper end of a pause into the pause.
    """

    __repr__ = brief

    task_id: str
    path: str
    max_size: int | None = None
    variant: str | None = None
    jitter: Jitter = backoff.full_jitter

    @property
    def source(self) -> str:
        """What a part file must be of, so that this download can resume it."""
        return self.task_id if self.variant is None else f"{self.task_id} {self.variant}"
