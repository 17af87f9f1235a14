"""What the server knows of a task, in plain units: seconds, UTC moments, progress 0.0 to 1.0."""

from .client_stats import ClientStats
from .task import Character, Cost, Phase, TaskFailure, VideoTask
from .video_file import VideoFile

__all__ = [
    "Character",
    "ClientStats",
    "Cost",
    "Phase",
    "TaskFailure",
    "VideoFile",
    "VideoTask",
]
