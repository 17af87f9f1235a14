import asyncio
import sys

from sora_async import SoraClient, TaskFailedError


async def main(task_ids: list[str]) -> None:
    async with SoraClient() as client:
        try:
            async with asyncio.TaskGroup() as group:
                waits = [
                    group.create_task(client.wait_until_complete(task_id).result())
                    for task_id in task_ids
                ]
        except* TaskFailedError as failures:
            for error in failures.exceptions:
                print("not all videos came:", error)
        else:
            print("all videos came:", *(wait.result().video_url for wait in waits))


asyncio.run(main(sys.argv[1:]))
