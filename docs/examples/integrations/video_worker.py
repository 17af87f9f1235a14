import os

from sora_async import SoraClient
from sora_async.integrations.redis import SharedRateLimit
from sora_async.integrations.saq import VideoQueue, worker_settings

REDIS_URL = os.environ["REDIS_URL"]


def make_client() -> SoraClient:
    return SoraClient(rate_limit=SharedRateLimit(url=REDIS_URL, rate=50))


settings = worker_settings(VideoQueue.from_url(REDIS_URL), client=make_client)
