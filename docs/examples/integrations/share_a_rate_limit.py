import asyncio
import os
import sys

from sora_async import SoraClient
from sora_async.integrations.redis import SharedRateLimit

LIMIT = SharedRateLimit(url=os.environ["REDIS_URL"], name="my-account", rate=50)


async def main(task_ids: list[str]) -> None:
    async with SoraClient(rate_limit=LIMIT) as client:
        async for outcome in client.as_completed(task_ids):
            print(outcome.task_id, "ended", "well" if outcome.task else "badly")


asyncio.run(main(sys.argv[1:]))
