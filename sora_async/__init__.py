"""
Create videos at a Sora-compatible service and wait for them, with asyncio.

::

    async with SoraClient() as client:
        task = await client.wait_until_complete("video_123")
        print(task.video_url)
"""

import logging as _logging
from types import FunctionType as _FunctionType

from ._batch.events import BatchEvent, BatchOutcome
from ._download.download import Download
from ._download.events import DownloadEvent
from ._http.rate_limit import RateLimit
from ._polling.events import ETA, ProgressEvent
from ._polling.fault_policy import Until
from ._polling.many import Failed, Outcome, Succeeded
from ._polling.watch import Watch
from ._version import __version__
from ._wire.dialects import Dialect
from .client.client import SoraClient
from .errors import (
    AuthenticationError,
    CertificateError,
    ClientClosedError,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    DiskFullError,
    DownloadError,
    DownloadInterruptedError,
    DownloadTimeoutError,
    FileWriteError,
    InsufficientQuotaError,
    InvalidArgumentError,
    InvalidResponseError,
    JournalError,
    NotAVideoError,
    OutageError,
    OutputExistsError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    SoraError,
    TaskFailedError,
    TaskNotFoundError,
    UnexpectedError,
    UnsafeURLError,
    UnsupportedOperationError,
    VariantMissingError,
    VideoGoneError,
    VideoMissingError,
    VideoNotReadyError,
    VideoTooLargeError,
    WaitInterruptedError,
    WaitTimeoutError,
    WebhookError,
    WebhookSignatureError,
)
from .models import Character, ClientStats, Cost, Phase, TaskFailure, VideoFile, VideoTask
from .schedule import LearningSchedule, Schedule
from .schedule.learning.duration_history import DurationHistory

_logging.getLogger("sora_async").addHandler(_logging.NullHandler())

__all__ = [
    "ETA",
    "AuthenticationError",
    "BatchEvent",
    "BatchOutcome",
    "CertificateError",
    "Character",
    "ClientClosedError",
    "ClientStats",
    "ConnectionFailedError",
    "Cost",
    "CreateOutcomeUnknownError",
    "Dialect",
    "DiskFullError",
    "Download",
    "DownloadError",
    "DownloadEvent",
    "DownloadInterruptedError",
    "DownloadTimeoutError",
    "DurationHistory",
    "Failed",
    "FileWriteError",
    "InsufficientQuotaError",
    "InvalidArgumentError",
    "InvalidResponseError",
    "JournalError",
    "LearningSchedule",
    "NotAVideoError",
    "OutageError",
    "Outcome",
    "OutputExistsError",
    "PermissionDeniedError",
    "Phase",
    "ProgressEvent",
    "RateLimit",
    "RateLimitError",
    "ResponseError",
    "Schedule",
    "ServiceUnavailableError",
    "SoraClient",
    "SoraError",
    "Succeeded",
    "TaskFailedError",
    "TaskFailure",
    "TaskNotFoundError",
    "UnexpectedError",
    "UnsafeURLError",
    "UnsupportedOperationError",
    "Until",
    "VariantMissingError",
    "VideoFile",
    "VideoGoneError",
    "VideoMissingError",
    "VideoNotReadyError",
    "VideoTask",
    "VideoTooLargeError",
    "WaitInterruptedError",
    "WaitTimeoutError",
    "Watch",
    "WebhookError",
    "WebhookSignatureError",
    "__version__",
]

for _name in __all__:
    # A traceback, a pickle and the reference name the module that people import from.
    if isinstance(_value := globals()[_name], type | _FunctionType):
        _value.__module__ = __name__
del _name, _value, _logging, _FunctionType
