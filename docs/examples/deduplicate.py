import asyncio

import attrs

from sora_async import SoraClient
from sora_async.dialects import OPENAI


async def main() -> None:
    dialect = attrs.evolve(OPENAI, deduplicates_creates=True)
    async with SoraClient(dialect=dialect) as client:
        task = await client.create_task(prompt="a boat on a lake", idempotency_key="order-1234")
        print(task.phase)


asyncio.run(main())
