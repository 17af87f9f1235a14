"""
Create videos at a Sora-compatible service and wait for them, with asyncio.

::

    async with SoraClient() as client:
        task = await client.wait_until_complete("video_123")
        print(task.video_url)
"""

import logging

from ._batch.events import BatchEvent, BatchOutcome
from ._download.download import Download
from ._download.events import DownloadEvent
from ._http.rate_limit import Budget
from ._polling.events import ProgressEvent
from ._polling.fault_policy import Until
from ._polling.many import Outcome
from ._polling.watch import Watch
from ._version import __version__
from ._wire.dialects import Dialect
from .client.client import SoraClient
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
from .models import Character, Phase, TaskFailure, VideoFile, VideoTask
from .schedule import LearningSchedule, Schedule
from .schedule.learning.memory import Memory
from .schedule.learning.storage import load_memory, save_memory

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
