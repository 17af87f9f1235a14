"""
Wait for videos that a Sora-compatible service is making, with asyncio.

::

    async with SoraClient() as client:
        task = await client.wait_until_complete("video_123")
        print(task.video_url)
"""

import logging

from ._download import Download
from ._batch import BatchOutcome
from ._many import Outcome
from ._news import BatchEvent
from ._saving import load_memory, save_memory
from ._version import __version__
from ._watch import Watch
from .budget import Budget
from .client import SoraClient
from .errors import (
    AddressRefusedError,
    ClientClosedError,
    ConnectionFailedError,
    DiskFullError,
    DownloadError,
    DownloadInterruptedError,
    DownloadTimeoutError,
    InsufficientQuotaError,
    InvalidArgumentError,
    JournalError,
    NotAVideoError,
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
from .models import DownloadEvent, Phase, ProgressEvent, TaskFailure, VideoFile, VideoTask
from .schedule import LearningSchedule, Schedule
from .verdict import Until

logging.getLogger("sora_async").addHandler(logging.NullHandler())

__all__ = [
    "BatchEvent",
    "BatchOutcome",
    "AddressRefusedError",
    "Budget",
    "ClientClosedError",
    "ConnectionFailedError",
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
