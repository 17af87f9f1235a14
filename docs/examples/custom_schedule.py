import asyncio
import sys

import attrs

from sora_async import SoraClient
from sora_async.schedule import History


@attrs.frozen
class EagerAtTheEnd:
    """Ask seldom until most is done, and then often."""

    def delay(self, history: History) -> float:
        return 0.2 if (history.progress or 0.0) > 0.8 else 1.0


async def main(task_id: str) -> None:
    async with SoraClient() as client:
        task = await client.wait_until_complete(task_id, schedule=EagerAtTheEnd())
    print(task.video_url)


asyncio.run(main(sys.argv[1]))
