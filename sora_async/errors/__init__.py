"""
Every error of this package and what to do about it.

::

    SoraError
    ├── InvalidArgumentError          fix the argument; nothing was sent
    ├── ConnectionFailedError         check the address and the network, or try again
    │   └── CertificateError          trust its CA with ssl=, or have it renewed
    ├── InvalidResponseError          check base_url; or a gateway answered for the service
    ├── ResponseError                 the service refused: read code and message
    │   ├── AuthenticationError       set the right API key
    │   ├── PermissionDeniedError     use a key, model or account with the permission
    │   ├── InsufficientQuotaError    top up the account
    │   ├── TaskNotFoundError         check id, account and base_url
    │   ├── RateLimitError            send fewer requests
    │   ├── ServiceUnavailableError   try again later
    │   └── UnsupportedOperationError this server does not have the call
    ├── CreateOutcomeUnknownError     check before you create again: it may have been charged
    ├── TaskFailedError               the task is over: read its failure
    ├── VideoMissingError             the task is over: fetch its content_url
    ├── DownloadError                 the task still has its video: read the reason
    │   ├── OutputExistsError         choose another path, or set if_exists=
    │   ├── FileWriteError            fix the path, and download again
    │   │   └── DiskFullError         free some space, and download again: it resumes
    │   ├── VideoNotReadyError        download the wait for the task
    │   ├── VideoGoneError            ask the service's support, or create the video again
    │   ├── VariantMissingError       choose another variant, or the video
    │   ├── NotAVideoError            look at the address; the service may have a problem
    │   ├── VideoTooLargeError        set a larger max_size=
    │   ├── UnsafeURLError            set allow_private=True if you trust the service
    │   └── DownloadInterruptedError  download again: it resumes
    │       └── DownloadTimeoutError  the timeout of the download expired
    ├── UnexpectedError               a bug: report it with the traceback of its cause
    ├── JournalError                  fix or move the journal of the batch; nothing is lost
    ├── WebhookError                  not a webhook about a task: respond with 400
    │   └── WebhookSignatureError     check the secret and the clock, or respond with 401
    └── WaitInterruptedError          the wait is over, the task is not: wait again
        ├── WaitTimeoutError          the timeout of the wait expired
        ├── OutageError               the service did not respond for too long
        └── ClientClosedError         the client was closed during the wait

All of them can be pickled and copied: they hold plain values only.
None holds an API key, a header or a whole body.
"""

from .base import InvalidArgumentError, SoraError, UnexpectedError
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
    VariantMissingError,
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
    PermissionDeniedError,
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
from .webhooks import WebhookError, WebhookSignatureError

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
    "PermissionDeniedError",
    "RateLimitError",
    "ResponseError",
    "ServiceUnavailableError",
    "SoraError",
    "TaskFailedError",
    "TaskNotFoundError",
    "UnexpectedError",
    "UnsafeURLError",
    "UnsupportedOperationError",
    "VariantMissingError",
    "VideoGoneError",
    "VideoMissingError",
    "VideoNotReadyError",
    "VideoTooLargeError",
    "WaitInterruptedError",
    "WaitTimeoutError",
    "WebhookError",
    "WebhookSignatureError",
]
