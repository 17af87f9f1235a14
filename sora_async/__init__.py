"""
Create videos at a Sora-compatible service and wait for them, with asyncio.

::

    async with SoraClient() as client:
        task = await client.wait_until_complete("video_123")
        print(task.video_url)
"""

import logging

from ._download import Download
from ._many import Outcome
from ._news import BatchEvent, BatchOutcome
from ._saving import load_memory, save_memory
from ._version import __version__
from ._watch import Watch
from .budget import Budget
from .client import SoraClient
from .dialects import Dialect
from .errors import (
    AddressRefusedError,
    ClientClosedError,
    ConnectionFailedError,
    CreateUncertainError,
    DiskFullError,
    DownloadError,
    DownloadInterruptedError,
    DownloadTimeoutError,
    InsufficientQuotaError,
    InvalidArgumentError,
    JournalError,
    NotAVideoError,
    NotOfferedError,
    OutageError,
    RateLimitedError,
    ResponseError,
    ServiceUnavailableError,
    SoraError,
    TargetExistsError,
    TaskFailedError,
    TaskNotFoundError,
    UnauthorizedError,
    UnreadableReplyError,
    UnwritableError,
    VideoGoneError,
    VideoMissingError,
    VideoNotReadyError,
    VideoTooLargeError,
    WaitInterruptedError,
    WaitTimeoutError,
)
from .learning import Memory
from .models import (
    Character,
    DownloadEvent,
    Phase,
    ProgressEvent,
    TaskFailure,
    VideoFile,
    VideoTask,
)
from .schedule import LearningSchedule, Schedule
from .verdict import Until

logging.getLogger("sora_async").addHandler(logging.NullHandler())

__all__ = [
    "AddressRefusedError",
    "BatchEvent",
    "BatchOutcome",
    "Budget",
    "Character",
    "ClientClosedError",
    "ConnectionFailedError",
    "CreateUncertainError",
    "Dialect",
    "DiskFullError",
    "Download",
    "DownloadError",
    "DownloadEvent",
    "DownloadInterruptedError",
    "DownloadTimeoutError",
    "InsufficientQuotaError",
    "InvalidArgumentError",
    "JournalError",
    "LearningSchedule",
    "Memory",
    "NotAVideoError",
    "NotOfferedError",
    "OutageError",
    "Outcome",
    "Phase",
    "ProgressEvent",
    "RateLimitedError",
    "ResponseError",
    "Schedule",
    "ServiceUnavailableError",
    "SoraClient",
    "SoraError",
    "TargetExistsError",
    "TaskFailedError",
    "TaskFailure",
    "TaskNotFoundError",
    "UnauthorizedError",
    "UnreadableReplyError",
    "Until",
    "UnwritableError",
    "VideoFile",
    "VideoGoneError",
    "VideoMissingError",
    "VideoNotReadyError",
    "VideoTask",
    "VideoTooLargeError",
    "WaitInterruptedError",
    "WaitTimeoutError",
    "Watch",
    "__version__",
    "load_memory",
    "save_memory",
]
