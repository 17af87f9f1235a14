import asyncio
import sys

from sora_async import RateLimit, SoraClient

LIMIT = RateLimit(rate=5, burst=2, max_concurrent=10)


async def main(task_ids: list[str]) -> None:
    async with SoraClient(rate_limit=LIMIT) as client:
        async for outcome in client.as_completed(task_ids):
            print(outcome.task_id, "ended", "well" if outcome.task else "badly")


asyncio.run(main(sys.argv[1:]))
