"""The state of a download, what it observes, and what it does next: plain values."""

import hashlib
from typing import TypeVar

import attrs

from .._wire.redaction import without_query
from ..errors import (
    DownloadError,
    DownloadInterruptedError,
    SoraError,
    UnsafeURLError,
    VideoTooLargeError,
)
from ..models import VideoTask
from .content_range import ContentRange
from .request import DownloadRequest

AnyError = TypeVar("AnyError", bound=DownloadError)


@attrs.frozen(kw_only=True)
class DownloadState:
    """
    What is known of a download.

    Attributes:
        request: What to download, and where to.
        url: The address to request; None before the first one is known.
        is_content: Whether *url* is the service's own ``/content``.
        without_key: Whether *url* is requested without the key, although it is on the service's
            origin.
        size: Bytes in the part file.
        url_digest: The address they came from, see :func:`digest_url`.
        validator: The version of the file they belong to; None when it cannot be told.
        total: Bytes of the whole file; None when unknown.
        peak_size: The most bytes that the part file has ever had.
        failures: Requests that failed in a row without progress.
        refreshes: How often a fresh URL was asked for in a row without progress.
        truncations: How often a file had its full length and yet lacked its end.
        failed_urls: Addresses that served no video.
        failing_since: When the present URL first failed without progress, if it is a link.
        not_ready_since: When ``/content`` first said that it does not have the file yet.
        transient_error: The error of a link in *failed_urls* that may work later; None if none.
        last_error: The newest error; None after a request that succeeded.
    """

    request: DownloadRequest
    url: str | None = None
    is_content: bool = False
    without_key: bool = False
    size: int = 0
    url_digest: str = ""
    validator: str | None = None
    total: int | None = None
    peak_size: int = 0
    failures: int = 0
    refreshes: int = 0
    truncations: int = 0
    failed_urls: frozenset[str] = frozenset()
    failing_since: float | None = None
    not_ready_since: float | None = None
    transient_error: DownloadInterruptedError | None = None
    last_error: SoraError | None = None

    @property
    def resume_offset(self) -> int:
        """The first byte to request: 0 when nothing tells which version the part file is of."""
        return self.size if self.validator is not None else 0

    @property
    def display_url(self) -> str | None:
        """The address without its query, for errors."""
        return None if self.url is None else without_query(self.url)

    def find_size_error(self, size: int) -> VideoTooLargeError | None:
        """Return the error for a file of *size* bytes; None if it may have as many."""
        limit = self.request.max_size
        if limit is None or size <= limit:
            return None
        reason = f"the video has {size} bytes or more, and {limit} are allowed"
        return VideoTooLargeError(
            self.request.task_id, self.request.path, reason, self.display_url, size=size
        )

    def make_error(self, kind: type[AnyError], reason: str) -> AnyError:
        """Return an error of this download."""
        return kind(self.request.task_id, self.request.path, reason, self.display_url)

    def make_interrupted(
        self, reason: str, kind: type[DownloadInterruptedError] = DownloadInterruptedError
    ) -> DownloadInterruptedError:
        """Return the error of a download that can be resumed later."""
        request = self.request
        return kind(request.task_id, request.path, reason, self.display_url, self.size, self.total)


def digest_url(url: str) -> str:
    """Return a digest of an address without its query, for the disk: a path may be a secret."""
    return hashlib.sha256(without_query(url).encode("utf-8", "replace")).hexdigest()[:32]


@attrs.frozen(kw_only=True)
class ResponseStarted:
    """
    The head of a response with the file or a part of it, or of a 416.

    Attributes:
        url: Where it came from, redirects followed.
        part: Which part of the file it has.
        missing: Bytes that the part file lacks at its end, by its own boxes; counted for a 416.
    """

    url: str
    part: ContentRange
    missing: int = 0


@attrs.frozen(kw_only=True)
class ErrorResponse:
    """
    A response without a video.

    Attributes:
        status: The HTTP status; with 2xx the body was no video.
        error: What it says, as an error of ours.
        from_service: Whether the service itself sent it, and no other host.
        retry_after: Seconds to wait before the next request, as it asks for.
    """

    status: int
    error: SoraError
    from_service: bool
    retry_after: float | None = None


@attrs.frozen
class UrlInstead:
    """The service's ``/content`` names a URL instead of sending the file."""

    url: str


@attrs.frozen
class ConnectionBroken:
    """A request failed, or no byte came for too long; the part file has *size* bytes."""

    error: SoraError
    size: int


@attrs.frozen
class ResponseEnded:
    """
    A response body was read to its end.

    Attributes:
        size: Bytes in the part file.
        missing: Bytes that the file lacks at its end, by its own boxes.
    """

    size: int
    missing: int = 0


@attrs.frozen
class TaskUnavailable:
    """The service could not say what the task's URL is, and may do so later."""

    error: SoraError


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
    """Request the address, after *delay* seconds."""

    delay: float = 0.0


@attrs.frozen
class RefreshUrl:
    """Ask the service for the task and its URL, after *delay* seconds."""

    delay: float = 0.0


@attrs.frozen
class WriteBody:
    """Write the response's body to the part file, from byte *offset* on."""

    offset: int


@attrs.frozen
class Complete:
    """The part file has the whole file."""


@attrs.frozen
class Fail:
    """The download ends with an error."""

    error: SoraError


Action = SendRequest | RefreshUrl | WriteBody | Complete | Fail
