"""What the tests start as ``saq saq_worker.settings``."""

import os

from sora_async import Schedule, SoraClient
from sora_async.integrations.saq import VideoQueue, worker_settings

settings = worker_settings(
    VideoQueue.from_url(os.environ["REDIS_URL"]),
    client=lambda: SoraClient(schedule=Schedule(intervals=[0.1])),
    concurrency=20,
)
settings["timers"]["sweep"] = 1
