"""What is known of a download, what it may see, and what may be decided: plain values."""

from typing import TypeVar

import attrs

from ..errors import (
    DownloadError,
    DownloadInterruptedError,
    SoraError,
    UnsafeURLError,
    VideoTooLargeError,
)
from ..models import VideoTask
from .address_guard import without_query
from .content_range import ContentRange
from .request import DownloadRequest

AnyError = TypeVar("AnyError", bound=DownloadError)


@attrs.frozen(kw_only=True)
class DownloadState:
    """
    What is known of a download.

    Attributes:
        url: The address to ask; None before the first is known.
        is_content: Whether it is the service's own ``/content``.
        is_bare: Whether it is asked without the key, although it is on the service's origin.
        size: Bytes that are here.
        place: Of which address they are, see :func:`~sora_async._download.address_guard.place_of`.
        validator: Of which version of the file they are; None when it cannot be told.
        total: Bytes of the whole file, None when it is not known.
        furthest: The most bytes that have ever been here.
        tries: Breaks in a row without progress.
        links: Fresh links in a row without progress.
        damages: How often the file came whole and lacked its end all the same.
        dead: Addresses that gave no video.
        early_since: When ``/content`` first did not have the file yet.
        fault: The newest trouble; None while all is well.
    """

    request: DownloadRequest
    url: str | None = None
    is_content: bool = False
    is_bare: bool = False
    size: int = 0
    place: str = ""
    validator: str | None = None
    total: int | None = None
    furthest: int = 0
    tries: int = 0
    links: int = 0
    damages: int = 0
    dead: frozenset[str] = frozenset()
    early_since: float | None = None
    fault: SoraError | None = None

    @property
    def first(self) -> int:
        """The first byte to ask for: what is here is of no use if its version cannot be told."""
        return self.size if self.validator is not None else 0

    @property
    def shown(self) -> str | None:
        """The address, for an error."""
        return None if self.url is None else without_query(self.url)

    def too_large(self, size: int) -> VideoTooLargeError | None:
        """Return the error for a file of so many bytes, None if it may have as many."""
        most = self.request.max_size
        if most is None or size <= most:
            return None
        reason = f"the video has {size} bytes or more, and {most} are allowed"
        return VideoTooLargeError(
            self.request.task_id, self.request.path, reason, self.shown, size=size
        )

    def error(self, kind: type[AnyError], reason: str) -> AnyError:
        """Return an error of this download."""
        return kind(self.request.task_id, self.request.path, reason, self.shown)

    def interrupted(
        self, reason: str, kind: type[DownloadInterruptedError] = DownloadInterruptedError
    ) -> DownloadInterruptedError:
        """Return the error of a download that can go on later."""
        request = self.request
        return kind(request.task_id, request.path, reason, self.shown, self.size, self.total)


@attrs.frozen(kw_only=True)
class ResponseStarted:
    """The beginning of an answer that has the file, or a part: from *url*, redirects followed."""

    url: str
    part: ContentRange


@attrs.frozen(kw_only=True)
class ErrorResponse:
    """
    An answer that has no video.

    Attributes:
        status: The HTTP status; of a good one the body was no video.
        error: What it says, as an error of ours.
        is_own: Whether the service itself gave it.
        retry_after: Seconds of silence that it asks for.
    """

    status: int
    error: SoraError
    is_own: bool
    retry_after: float | None = None


@attrs.frozen
class UrlInstead:
    """The service's ``/content`` names an address instead of giving the file."""

    url: str


@attrs.frozen
class ConnectionBroken:
    """The connection broke, or no byte came for too long; so many bytes are here."""

    fault: SoraError
    size: int


@attrs.frozen
class ResponseEnded:
    """
    The answer has ended as one should.

    Attributes:
        size: Bytes that are here.
        missing: Bytes that lack at the end, by the file's own account.
    """

    size: int
    missing: int = 0


@attrs.frozen
class TaskUnavailable:
    """The service did not tell of the task, and may do so later."""

    fault: SoraError


Observation = (
    VideoTask
    | ResponseStarted
    | ErrorResponse
    | UrlInstead
    | ConnectionBroken
    | ResponseEnded
    | TaskUnavailable
    | UnsafeURLError
)


@attrs.frozen
class SendRequest:
    """Ask the address, after so many seconds."""

    seconds: float = 0.0


@attrs.frozen
class RefreshUrl:
    """Ask the task again for a link, after so many seconds."""

    seconds: float = 0.0


@attrs.frozen
class WriteBody:
    """Take the answer's body; its first byte has this place in the file."""

    first: int


@attrs.frozen
class Complete:
    """The file is all here."""


@attrs.frozen
class Fail:
    """The download ends with an error."""

    error: SoraError


Action = SendRequest | RefreshUrl | WriteBody | Complete | Fail
