"""Errors of a download."""

import errno
from typing import ClassVar

import attrs

from .base import SoraError


@attrs.define(slots=False, repr=False)
class DownloadError(SoraError):
    """
    The video is not on the disk; the task still has it, as far as is known.

    Nothing half done ever stands under the path. What has been received is in a part file
    beside it, and the next download of the same task to the same path goes on from there.

    Attributes:
        task_id: Whose video it is.
        path: Where it was to go.
        reason: What went wrong, in words.
        url: Where it was fetched from, without what follows the path; None before any request.
    """

    advice: ClassVar[str] = "Download it again"

    task_id: str
    path: str
    reason: str
    url: str | None = None

    def __str__(self) -> str:
        """Return what went wrong, with which video, and what to do."""
        where = f"{self.path}, from {self.url}" if self.url else self.path
        which = f"task {self.task_id}, " if self.task_id else ""  # not ordered yet
        return f"{self.reason} ({which}to {where}). {self.advice}"


@attrs.define(slots=False, repr=False)
class OutputExistsError(DownloadError, FileExistsError):
    """There is a file under the path already; it was not touched."""

    advice: ClassVar[str] = 'Choose another path, or say if_exists="overwrite" or "skip"'

    def __attrs_post_init__(self) -> None:
        """Fill in what every :exc:`OSError` has."""
        self.errno, self.strerror, self.filename = errno.EEXIST, self.reason, self.path


@attrs.define(slots=False, repr=False)
class FileWriteError(DownloadError, OSError):
    """
    The file cannot be written: no such directory, no right to it, or another download writes it.

    Attributes:
        code: The number of the system's error, as in :exc:`OSError`; None when it was not its.
    """

    advice: ClassVar[str] = "Mend the path or its directory, and download it again"

    code: int | None = None

    def __attrs_post_init__(self) -> None:
        """Fill in what every :exc:`OSError` has."""
        self.errno, self.strerror, self.filename = self.code, self.reason, self.path


class DiskFullError(FileWriteError):
    """There is no room for the file: on the disk, in the quota, or under a limit of its size."""

    advice: ClassVar[str] = "Make room, and download it again: it goes on from where it stopped"


class VideoNotReadyError(DownloadError):
    """The task has no video yet; it goes on."""

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Give download() the wait for it: client.wait_until_complete(task_id)"


class VideoGoneError(DownloadError):
    """No link to the video works, not even one the service has just given."""

    advice: ClassVar[str] = "Ask the service's support for it, or make the video anew"


class NotAVideoError(DownloadError):
    """What is there is a web page, an error or a picture, and no video."""

    advice: ClassVar[str] = "Look at what the address shows, and download it again later"


@attrs.define(slots=False, repr=False)
class VideoTooLargeError(DownloadError):
    """
    The file is larger than was allowed.

    Attributes:
        size: Its size in bytes, or how many had come when it was more than allowed.
    """

    advice: ClassVar[str] = "Say a larger max_size="

    size: int = 0


class UnsafeURLError(DownloadError):
    """A link leads to what no video of a public service can be at: an address inside a network."""

    advice: ClassVar[str] = "Say allow_private=True if the service is one you trust"


@attrs.define(slots=False, repr=False)
class DownloadInterruptedError(DownloadError):
    """
    The connection broke again and again, or the client was closed.

    Attributes:
        received: Bytes that are in the part file.
        total: The size of the whole file, None when it is not known.
    """

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Download it again: it goes on from where it stopped"

    received: int = 0
    total: int | None = None


class DownloadTimeoutError(DownloadInterruptedError, TimeoutError):
    """The timeout of the download ran out."""
