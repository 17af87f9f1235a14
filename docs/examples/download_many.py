import asyncio
import os
import sys
from pathlib import Path

from sora_async import SoraClient, SoraError, TaskFailedError

FOLDER = Path(os.environ["VIDEOS"])


async def save(client: SoraClient, task_id: str) -> str:
    watch = client.wait_until_complete(task_id)
    try:
        file = await client.download(watch, FOLDER / f"{task_id}.mp4", if_exists="skip")
    except TaskFailedError as error:
        return f"{task_id}: no video: {error.failure}"
    except SoraError as error:
        return f"{task_id}: not yet: {error}"
    return f"{task_id}: {file.size} bytes"


async def main(task_ids: list[str]) -> None:
    async with SoraClient(max_downloads=8) as client:
        print(*await asyncio.gather(*(save(client, one) for one in task_ids)), sep="\n")


asyncio.run(main(sys.argv[1:]))
