"""
Create videos at a Sora-compatible service and wait for them, with asyncio.

::

    async with SoraClient() as client:
        task = await client.wait_until_complete("video_123")
        print(task.video_url)
"""

import logging as _logging
from types import FunctionType as _FunctionType

from . import errors
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
from .errors import *  # noqa: F403 - what errors.__all__ names
from .models import Character, ClientStats, Cost, Phase, TaskFailure, VideoFile, VideoTask
from .schedule import LearningSchedule, Schedule
from .schedule.learning.duration_history import DurationHistory

_logging.getLogger("sora_async").addHandler(_logging.NullHandler())

__all__ = [
    "ETA",
    "BatchEvent",
    "BatchOutcome",
    "Character",
    "ClientStats",
    "Cost",
    "Dialect",
    "Download",
    "DownloadEvent",
    "DurationHistory",
    "Failed",
    "LearningSchedule",
    "Outcome",
    "Phase",
    "ProgressEvent",
    "RateLimit",
    "Schedule",
    "SoraClient",
    "Succeeded",
    "TaskFailure",
    "Until",
    "VideoFile",
    "VideoTask",
    "Watch",
    "__version__",
]
__all__ += errors.__all__

for _name in __all__:
    # A traceback, a pickle and the reference name the module that people import from.
    if isinstance(_value := globals()[_name], type | _FunctionType):
        _value.__module__ = __name__
del _name, _value, _logging, _FunctionType
