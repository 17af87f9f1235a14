"""What is to be downloaded, and where to."""

from typing import Literal

import attrs
import backoff

from ..models.repr import brief
from ..schedule import Jitter

IfExists = Literal["error", "overwrite", "skip"]
"""What a download does about a file that is under its path already."""


@attrs.frozen(kw_only=True)
class DownloadRequest:
    """
    What is fetched, and where to.

    Attributes:
        task_id: Whose video it is.
        path: Where it is to go.
        max_size: The most bytes it may have; None for any number.
        variant: Another file than the video that ``/content`` has; None for the video.
        jitter: Makes a pause of every upper end.
    """

    __repr__ = brief

    task_id: str
    path: str
    max_size: int | None = None
    variant: str | None = None
    jitter: Jitter = backoff.full_jitter

    @property
    def source(self) -> str:
        """What a part file has to be of, to be gone on with."""
        return self.task_id if self.variant is None else f"{self.task_id} {self.variant}"
