"""
Create videos at a Sora-compatible service and wait for them, with asyncio.

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
from .dialects import Dialect
from .errors import (
    ClientClosedError,
    ConnectionFailedError,
    CreateUncertainError,
    InsufficientQuotaError,
    InvalidArgumentError,
    NotOfferedError,
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
from .models import Character, Phase, ProgressEvent, TaskFailure, VideoTask
from .schedule import LearningSchedule, Schedule
from .verdict import Until

logging.getLogger("sora_async").addHandler(logging.NullHandler())

__all__ = [
    "Budget",
    "Character",
    "ClientClosedError",
    "ConnectionFailedError",
    "CreateUncertainError",
    "Dialect",
    "InsufficientQuotaError",
    "InvalidArgumentError",
    "LearningSchedule",
    "Memory",
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
