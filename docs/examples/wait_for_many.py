import asyncio
import sys

from sora_async import SoraClient, SoraError


async def wait(client: SoraClient, task_id: str) -> None:
    try:
        task = await client.wait_until_complete(task_id)
    except SoraError as error:
        print(f"{task_id}: {error}")
    else:
        print(f"{task_id}: {task.video_url}")


async def main(task_ids: list[str]) -> None:
    async with SoraClient() as client, asyncio.TaskGroup() as group:
        for task_id in task_ids:
            group.create_task(wait(client, task_id))


asyncio.run(main(sys.argv[1:]))
