"""
Wait for videos that a Sora-compatible service is making, with asyncio.

::

    async with SoraClient() as client:
        task = await client.wait_until_complete("video_123")
        print(task.video_url)
"""

import logging

from ._many import Outcome
from ._saving import load_memory, save_memory
from ._version import __version__
from ._watch import Watch
from .budget import Budget
from .client import SoraClient
from .errors import (
    ClientClosedError,
    ConnectionFailedError,
    InsufficientQuotaError,
    InvalidArgumentError,
    OutageError,
    RateLimitedError,
    ResponseError,
    ServiceUnavailableError,
    SoraError,
    TaskFailedError,
    TaskNotFoundError,
    UnauthorizedError,
    UnreadableReplyError,
    VideoMissingError,
    WaitInterruptedError,
    WaitTimeoutError,
)
from .learning import Memory
from .models import Phase, ProgressEvent, TaskFailure, VideoTask
from .schedule import LearningSchedule, Schedule
from .verdict import Until

logging.getLogger("sora_async").addHandler(logging.NullHandler())

__all__ = [
    "Budget",
    "ClientClosedError",
    "ConnectionFailedError",
    "InsufficientQuotaError",
    "InvalidArgumentError",
    "LearningSchedule",
    "Memory",
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
    "TaskFailedError",
    "TaskFailure",
    "TaskNotFoundError",
    "UnauthorizedError",
    "UnreadableReplyError",
    "Until",
    "VideoMissingError",
    "VideoTask",
    "WaitInterruptedError",
    "WaitTimeoutError",
    "Watch",
    "__version__",
    "load_memory",
    "save_memory",
]
