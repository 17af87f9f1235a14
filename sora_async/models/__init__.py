"""What the server knows of a task, in plain units: seconds, UTC moments, progress 0.0 to 1.0."""

from ._news import DownloadEvent, ProgressEvent, VideoFile
from ._task import Character, Phase, TaskFailure, VideoTask

__all__ = [
    "Character",
    "DownloadEvent",
    "Phase",
    "ProgressEvent",
    "TaskFailure",
    "VideoFile",
    "VideoTask",
]

for _name in __all__:
    # What a pickle says is where a value can be imported from.
    globals()[_name].__module__ = __name__
