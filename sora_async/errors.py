"""
Every error of this package and what to do about it.

::

    SoraError
    ├── InvalidArgumentError          mend the argument; nothing was sent
    ├── ConnectionFailedError         check address and network; it may pass
    ├── UnreadableReplyError          check base_url; or a gateway spoke instead of the service
    ├── ResponseError                 the service refused: read code and message
    │   ├── UnauthorizedError         set the right key
    │   ├── InsufficientQuotaError    top up the account
    │   ├── TaskNotFoundError         check id, account and base_url
    │   ├── RateLimitedError          ask less often
    │   ├── ServiceUnavailableError   ask again later
    │   └── NotOfferedError           do without: this server has no such call
    ├── CreateUncertainError          look before you create again: it may have been charged
    ├── TaskFailedError               the task is over: read its failure
    ├── VideoMissingError             the task is over: fetch its content_url
    ├── DownloadError                 the task still has its video: read what to mend
    │   ├── TargetExistsError         choose another path, or say if_exists=
    │   ├── UnwritableError           mend the path, and download again
    │   │   └── DiskFullError         make room, and download again: it goes on
    │   ├── VideoNotReadyError        download the wait for the task
    │   ├── VideoGoneError            ask the service's support, or make the video anew
    │   ├── NotAVideoError            look at the address; the service may be in trouble
    │   ├── VideoTooLargeError        say a larger max_size=
    │   ├── AddressRefusedError       say allow_private=True, if the service is trusted
    │   └── DownloadInterruptedError  download again: it goes on
    │       └── DownloadTimeoutError  the timeout of the download ran out
    ├── JournalError                  mend or move the journal of the batch; nothing is lost
    └── WaitInterruptedError          the wait is over, the task is not: wait again
        ├── WaitTimeoutError          the timeout of the wait ran out
        ├── OutageError               the service did not answer for too long
        └── ClientClosedError         the client was closed during the wait

All of them can be pickled and copied: they carry plain values and no live objects.
No key, no header and no whole body is ever in one.
"""
# slots=False: TimeoutError has a C layout of its own, which no slotted base mixes with.

import errno
from typing import ClassVar

import attrs

from .models import TaskFailure, VideoTask

__all__ = [
    "AddressRefusedError",
    "ClientClosedError",
    "ConnectionFailedError",
    "CreateUncertainError",
    "DiskFullError",
    "DownloadError",
    "DownloadInterruptedError",
    "DownloadTimeoutError",
    "InsufficientQuotaError",
    "InvalidArgumentError",
    "JournalError",
    "NotAVideoError",
    "NotOfferedError",
    "OutageError",
    "RateLimitedError",
    "ResponseError",
    "ServiceUnavailableError",
    "SoraError",
    "TargetExistsError",
    "TaskFailedError",
    "TaskNotFoundError",
    "UnauthorizedError",
    "UnreadableReplyError",
    "UnwritableError",
    "VideoGoneError",
    "VideoMissingError",
    "VideoNotReadyError",
    "VideoTooLargeError",
    "WaitInterruptedError",
    "WaitTimeoutError",
]


@attrs.define(slots=False)
class SoraError(Exception):
    """
    The root: catch it to catch all that this package raises.

    Attributes:
        transient: Whether the same request may succeed later.
    """

    transient: ClassVar[bool] = False


@attrs.define(slots=False)
class InvalidArgumentError(SoraError, ValueError):
    """
    An argument that cannot be used; nothing was sent.

    Attributes:
        message: Which argument, what is wrong with it, and what would be right.
    """

    message: str

    def __str__(self) -> str:
        """Return the message."""
        return self.message


@attrs.define(slots=False)
class ConnectionFailedError(SoraError):
    """
    No whole reply came back: no connection, a broken one, or none in time.

    Attributes:
        url: What was asked for.
        reason: What went wrong, in words.
    """

    transient: ClassVar[bool] = True

    url: str
    reason: str

    def __str__(self) -> str:
        """Return what was asked for, what went wrong and where to look."""
        advice = "Check base_url (SORA_BASE_URL) and the network"
        return f"no reply from {self.url}: {self.reason}. {advice}"


@attrs.define(slots=False)
class UnreadableReplyError(SoraError):
    """
    A reply that is not a task: a web page, broken JSON, the answer of another endpoint.

    Attributes:
        url: What was asked for.
        status: The HTTP status of the reply.
        reason: What was found instead of a task.
        is_html: Whether it was a web page. One as the very first reply means
            a wrong *base_url*; a later one is a gateway that spoke instead
            of the service.
    """

    transient: ClassVar[bool] = True

    url: str
    status: int
    reason: str
    is_html: bool = False

    def __str__(self) -> str:
        """Return what was found, and the likely cause of a web page."""
        text = f"{self.url} answered {self.status} with {self.reason}"
        if not self.is_html:
            return text
        return f"{text}. Is base_url (SORA_BASE_URL) the address of the API and not of a web site?"


@attrs.define(slots=False)
class ResponseError(SoraError):
    """
    The service answered with an error that asking again will not mend.

    Attributes:
        url: What was asked for.
        status: The HTTP status; 200 for an error that came as a success.
        code: The service's word for the error, None when it sent none.
        message: The service's sentence for people, in any language.
        request_id: What the service's support will ask for, when it was sent.
        retry_after: The seconds the service asks us to stay silent; None when it named none.
    """

    advice: ClassVar[str] = ""

    url: str
    status: int
    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    retry_after: float | None = None

    def __str__(self) -> str:
        """Return status, code, message and what to do, in one line."""
        reason = TaskFailure(self.code if self.code != self.message else None, self.message)
        text = f"{self.url} answered {self.status}: {reason}"
        if self.request_id is not None and self.request_id not in text:
            text += f" (request id: {self.request_id})"
        return f"{text.rstrip('.。')}. {self._advice()}".removesuffix(". ")

    def _advice(self) -> str:
        return self.advice


@attrs.define(slots=False)
class UnauthorizedError(ResponseError):
    """
    The service does not accept the key, or wants one (401, 403).

    Attributes:
        is_keyless: Whether the request went without a key.
    """

    is_keyless: bool = False

    def _advice(self) -> str:
        if self.is_keyless:
            return "No API key was sent: set SORA_API_KEY or pass api_key="
        return "Check the API key (SORA_API_KEY): is it one of this service, with the rights?"


@attrs.define(slots=False)
class InsufficientQuotaError(ResponseError):
    """The account has no money left, whatever the status says; a later request fails as well."""

    advice: ClassVar[str] = "Top up the account; asking again does not help"


@attrs.define(slots=False)
class TaskNotFoundError(ResponseError):
    """The service does not know the id: wrong, not yet visible, or another account's."""

    advice: ClassVar[str] = (
        "Check the id, the key (is it of the account that made the task?) "
        "and base_url (SORA_BASE_URL)"
    )


@attrs.define(slots=False)
class RateLimitedError(ResponseError):
    """The service asks us to slow down (429)."""

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Ask less often"


@attrs.define(slots=False)
class ServiceUnavailableError(ResponseError):
    """The service or its gateway is in trouble that may pass (408, 409, 425, 5xx)."""

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Ask again later"


@attrs.define(slots=False)
class NotOfferedError(ResponseError):
    """
    This server, or the dialect that is spoken with it, does not have the call (404, 405, 501).

    Attributes:
        status: The HTTP status; 0 when the dialect names no address, and nothing was sent.
    """

    advice: ClassVar[str] = "This server does not offer that call; or is base_url another one's?"

    def __str__(self) -> str:
        """Return what is not offered, and by whom."""
        return super().__str__() if self.status else f"{self.message} ({self.url})"


@attrs.define(slots=False)
class CreateUncertainError(SoraError):
    """
    An order was sent, and no clear answer came: there may be a task, and it may be charged.

    Nothing has been sent a second time, and nothing should be before you have looked.

    Attributes:
        url: Where the order was sent.
        reason: What came instead of an answer, in words; the error's cause says it as a value.
        status: The HTTP status of the reply; None when there was none.
        request_id: What the service's support will ask for, when it was sent.
        is_whole: Whether the whole order had left. A service can hardly have made
            a task of a part of it.
        is_listed: Whether this server has a list of tasks to look in.
    """

    url: str
    reason: str
    status: int | None = None
    request_id: str | None = None
    is_whole: bool = True
    is_listed: bool = False

    def __str__(self) -> str:
        """Return what happened, how likely there is a task, and how to look for it."""
        made = "may have made a task and charge for it"
        if not self.is_whole:
            made = "has hardly made a task, as a part of the order was still to be sent"
        look = "list_tasks() shows the newest tasks: look" if self.is_listed else "look there"
        known = "" if self.request_id is None else f" (request id: {self.request_id})"
        return (
            f"what came of the order to {self.url} is not known{known}: "
            f"{self.reason.rstrip('.。')}. The service {made}; {look} before you create it again"
        )


@attrs.define(slots=False)
class TaskFailedError(SoraError):
    """
    The task has failed, was cancelled or has expired; there will be no video.

    Attributes:
        task: The last snapshot; its ``failure`` has code and message.
    """

    task: VideoTask

    @property
    def failure(self) -> TaskFailure:
        """Why the task failed, as far as the service says."""
        return self.task.failure or TaskFailure()

    def __str__(self) -> str:
        """Return which task failed and why."""
        return f"task {self.task.id} failed ({self.task.status or 'no status'}): {self.failure}"


@attrs.define(slots=False)
class VideoMissingError(SoraError):
    """
    The task has succeeded but no ``video_url`` came, and the wait was told to want one.

    Attributes:
        task: The last snapshot; the file may be at its ``content_url``.
    """

    task: VideoTask

    def __str__(self) -> str:
        """Return which task it is and where its file may be."""
        return (
            f"task {self.task.id} has succeeded, but its answer names no video_url. "
            f"The file may be at {self.task.content_url}"
        )


@attrs.define(slots=False)
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
        return f"{self.reason} (task {self.task_id}, to {where}). {self.advice}"


@attrs.define(slots=False)
class TargetExistsError(DownloadError, FileExistsError):
    """There is a file under the path already; it was not touched."""

    advice: ClassVar[str] = 'Choose another path, or say if_exists="overwrite" or "skip"'

    def __attrs_post_init__(self) -> None:
        """Fill in what every :exc:`OSError` has."""
        self.errno, self.strerror, self.filename = errno.EEXIST, self.reason, self.path


@attrs.define(slots=False)
class UnwritableError(DownloadError, OSError):
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


@attrs.define(slots=False)
class DiskFullError(UnwritableError):
    """There is no room for the file: on the disk, in the quota, or under a limit of its size."""

    advice: ClassVar[str] = "Make room, and download it again: it goes on from where it stopped"


@attrs.define(slots=False)
class VideoNotReadyError(DownloadError):
    """The task has no video yet; it goes on."""

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Give download() the wait for it: client.wait_until_complete(task_id)"


@attrs.define(slots=False)
class VideoGoneError(DownloadError):
    """No link to the video works, not even one the service has just given."""

    advice: ClassVar[str] = "Ask the service's support for it, or make the video anew"


@attrs.define(slots=False)
class NotAVideoError(DownloadError):
    """What is there is a web page, an error or a picture, and no video."""

    advice: ClassVar[str] = "Look at what the address shows, and download it again later"


@attrs.define(slots=False)
class VideoTooLargeError(DownloadError):
    """
    The file is larger than was allowed.

    Attributes:
        size: Its size in bytes, or how many had come when it was more than allowed.
    """

    advice: ClassVar[str] = "Say a larger max_size="

    size: int = 0


@attrs.define(slots=False)
class AddressRefusedError(DownloadError):
    """A link leads to what no video of a public service can be at: an address inside a network."""

    advice: ClassVar[str] = "Say allow_private=True if the service is one you trust"


@attrs.define(slots=False)
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


@attrs.define(slots=False)
class DownloadTimeoutError(DownloadInterruptedError, TimeoutError):
    """The timeout of the download ran out."""


@attrs.define(slots=False)
class JournalError(SoraError):
    """
    The journal of a batch cannot be used; nothing that was ordered is lost, and nothing was new.

    Attributes:
        path: Where it is.
        reason: What is wrong with it, and what to do about that.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        """Return which journal it is and what is wrong with it."""
        return f"the journal {self.path} {self.reason}"


@attrs.define(slots=False)
class WaitInterruptedError(SoraError):
    """
    The wait is over, the task is not: wait again for *task_id*, here or in another process.

    Attributes:
        task_id: The id that was asked for; "" when there is none yet, as long
            as a create has not been answered.
        last: The last good snapshot; None when the task was never seen.
        elapsed: Seconds from the start of the wait to this error.
        polls: How many times the task was asked for.
        fault: The newest fault of the outage in which the wait ended; also the
            error's cause. None when the service was well.
    """

    without_id: ClassVar[str] = "There is no task yet"

    task_id: str
    last: VideoTask | None = None
    elapsed: float = 0.0
    polls: int = 0
    fault: SoraError | None = None

    def __str__(self) -> str:
        """Return why the wait ended, what was last known, and how to wait again."""
        if not self.task_id:
            return f"{self.reason}. {self.without_id}"
        if self.last is None:
            known = "never seen"
        else:
            done = "" if self.last.progress is None else f" at {self.last.progress:.0%}"
            known = f"last seen {self.last.phase}{done}"
        return (
            f"{self.reason} (task {self.task_id}, {known}, polls: {self.polls}). "
            f"The task goes on: wait_until_complete({self.task_id!r}) waits again"
        )

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        return f"the wait ended after {self.elapsed:.1f} s"


@attrs.define(slots=False)
class WaitTimeoutError(WaitInterruptedError, TimeoutError):
    """
    The timeout of the wait ran out, or the service asked for more silence than was left of it.

    Attributes:
        retry_after: The seconds of silence that the service asked for; None when time ran out.
    """

    without_id: ClassVar[str] = (
        "The create has not been answered yet, and may still make a task: "
        "the task_id of its watch tells as soon as it has"
    )

    retry_after: float | None = None

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        text = f"no video after {self.elapsed:.1f} s"
        if self.retry_after is not None:
            text += f", and the service asks for {self.retry_after:.0f} s of silence"
            return f"{text}, more than is left of the timeout"
        return text if self.fault is None else f"{text}, last: {self.fault}"


@attrs.define(slots=False)
class OutageError(WaitInterruptedError):
    """
    The service gave no good answer for longer than the wait's ``outage_timeout``.

    Attributes:
        outage: How long there was no good answer, in seconds, without the
            silences that the service asked for.
    """

    outage: float = 0.0

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        return f"no good answer for {self.outage:.1f} s, last: {self.fault}"


@attrs.define(slots=False)
class ClientClosedError(WaitInterruptedError):
    """The client was closed during the wait."""

    without_id: ClassVar[str] = "The request was not sent"

    @property
    def reason(self) -> str:
        """Why the wait ended, in words."""
        return f"the client was closed after {self.elapsed:.1f} s of waiting"
