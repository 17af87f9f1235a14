"""
Every error of this package and what to do about it.

::

    SoraError
    ├── InvalidArgumentError          mend the argument; nothing was sent
    ├── ConnectionFailedError         check address and network; it may pass
    │   └── CertificateError          trust its CA with ssl=, or have it renewed
    ├── InvalidResponseError          check base_url; or a gateway spoke instead of the service
    ├── ResponseError                 the service refused: read code and message
    │   ├── AuthenticationError         set the right key
    │   ├── InsufficientQuotaError    top up the account
    │   ├── TaskNotFoundError         check id, account and base_url
    │   ├── RateLimitError          ask less often
    │   ├── ServiceUnavailableError   ask again later
    │   └── UnsupportedOperationError           do without: this server has no such call
    ├── CreateOutcomeUnknownError          look before you create again: it may have been charged
    ├── TaskFailedError               the task is over: read its failure
    ├── VideoMissingError             the task is over: fetch its content_url
    ├── DownloadError                 the task still has its video: read what to mend
    │   ├── OutputExistsError         choose another path, or say if_exists=
    │   ├── FileWriteError           mend the path, and download again
    │   │   └── DiskFullError         make room, and download again: it goes on
    │   ├── VideoNotReadyError        download the wait for the task
    │   ├── VideoGoneError            ask the service's support, or make the video anew
    │   ├── NotAVideoError            look at the address; the service may be in trouble
    │   ├── VideoTooLargeError        say a larger max_size=
    │   ├── UnsafeURLError       say allow_private=True, if the service is trusted
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

from .base import InvalidArgumentError, SoraError
from .creates import CreateOutcomeUnknownError, JournalError
from .downloads import (
    DiskFullError,
    DownloadError,
    DownloadInterruptedError,
    DownloadTimeoutError,
    FileWriteError,
    NotAVideoError,
    OutputExistsError,
    UnsafeURLError,
    VideoGoneError,
    VideoNotReadyError,
    VideoTooLargeError,
)
from .responses import (
    AuthenticationError,
    CertificateError,
    ConnectionFailedError,
    InsufficientQuotaError,
    InvalidResponseError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from .waits import (
    ClientClosedError,
    OutageError,
    TaskFailedError,
    VideoMissingError,
    WaitInterruptedError,
    WaitTimeoutError,
)

__all__ = [
    "AuthenticationError",
    "CertificateError",
    "ClientClosedError",
    "ConnectionFailedError",
    "CreateOutcomeUnknownError",
    "DiskFullError",
    "DownloadError",
    "DownloadInterruptedError",
    "DownloadTimeoutError",
    "FileWriteError",
    "InsufficientQuotaError",
    "InvalidArgumentError",
    "InvalidResponseError",
    "JournalError",
    "NotAVideoError",
    "OutageError",
    "OutputExistsError",
    "RateLimitError",
    "ResponseError",
    "ServiceUnavailableError",
    "SoraError",
    "TaskFailedError",
    "TaskNotFoundError",
    "UnsafeURLError",
    "UnsupportedOperationError",
    "VideoGoneError",
    "VideoMissingError",
    "VideoNotReadyError",
    "VideoTooLargeError",
    "WaitInterruptedError",
    "WaitTimeoutError",
]

for _name in __all__:
    # What a traceback and a pickle say is where an error can be imported from.
    globals()[_name].__module__ = __name__
