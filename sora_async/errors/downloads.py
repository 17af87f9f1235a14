"""Errors of a download."""

import errno
from typing import ClassVar

import attrs

from .base import SoraError


@attrs.define(slots=False, repr=False)
class DownloadError(SoraError):
    """
    The video was not saved; as far as is known, the task still has it.

    There is never an incomplete file at the path. The bytes received so far are in a part file
    beside it, and the next download of the same task to the same path resumes there.

    Attributes:
        task_id: The task whose video it is.
        path: The path the video was to be saved at.
        reason: What went wrong, in words.
        url: The address of the file without its query; None before the first request.
    """

    advice: ClassVar[str] = "Download it again"

    task_id: str
    path: str
    reason: str
    url: str | None = None

    def __str__(self) -> str:
        where = f"{self.path}, from {self.url}" if self.url else self.path
        which = f"task {self.task_id}, " if self.task_id else ""  # not created yet
        return f"{self.reason} ({which}to {where}). {self.advice}"


@attrs.define(slots=False, repr=False)
class OutputExistsError(DownloadError, FileExistsError):
    """There is already a file at the path; it was not changed."""

    advice: ClassVar[str] = 'Choose another path, or set if_exists="overwrite" or "skip"'

    def __attrs_post_init__(self) -> None:
        """Set the attributes of every :exc:`OSError`."""
        self.errno, self.strerror, self.filename = errno.EEXIST, self.reason, self.path


@attrs.define(slots=False, repr=False)
class FileWriteError(DownloadError, OSError):
    """
    The file cannot be written: no directory, no permission, or another download is writing it.

    Attributes:
        code: The ``errno`` of the system's error; None when the system reported none.
    """

    advice: ClassVar[str] = "Fix the path or its directory, and download it again"

    code: int | None = None

    def __attrs_post_init__(self) -> None:
        """Set the attributes of every :exc:`OSError`."""
        self.errno, self.strerror, self.filename = self.code, self.reason, self.path


class DiskFullError(FileWriteError):
    """There is no space for the file: the disk, a quota or a file size limit is reached."""

    advice: ClassVar[str] = "Free some space, and download it again: it resumes"


class VideoNotReadyError(DownloadError):
    """The task has no video yet; it is still queued or running."""

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Pass download() the wait for it: client.wait_until_complete(task_id)"


class VideoGoneError(DownloadError):
    """No URL of the video works, not even a fresh one."""

    advice: ClassVar[str] = "Ask the service's support for it, or create the video again"


class VariantMissingError(DownloadError):
    """The service does not have the file that ``variant`` names; the video is not affected."""

    advice: ClassVar[str] = "Pass another variant, or None for the video"


class NotAVideoError(DownloadError):
    """The address returned a web page, an error or a picture instead of a video."""

    advice: ClassVar[str] = "Check what the address returns, and download it again later"


@attrs.define(slots=False, repr=False)
class VideoTooLargeError(DownloadError):
    """
    The file is larger than ``max_size``.

    Attributes:
        size: Its size in bytes, or the bytes received when the limit was exceeded.
    """

    advice: ClassVar[str] = "Set a larger max_size="

    size: int = 0


class UnsafeURLError(DownloadError):
    """A URL leads to a private address, where no public service has its videos."""

    advice: ClassVar[str] = "Set allow_private=True if you trust the service"


@attrs.define(slots=False, repr=False)
class DownloadInterruptedError(DownloadError):
    """
    The connection broke repeatedly, or the client was closed.

    Attributes:
        received: The bytes in the part file.
        total: The size of the whole file in bytes; None when it is unknown.
    """

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Download it again: it resumes where it stopped"

    received: int = 0
    total: int | None = None


class DownloadTimeoutError(DownloadInterruptedError, TimeoutError):
    """The timeout of the download expired."""
