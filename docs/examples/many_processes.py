import asyncio
import multiprocessing
import sys

from sora_async import SoraClient

CLIENT = SoraClient()


async def wait(task_id: str) -> None:
    async with CLIENT:
        task = await CLIENT.wait_until_complete(task_id)
    print(task.id, "is at", task.video_url)


def work(task_id: str) -> None:
    asyncio.run(wait(task_id))


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(task_id,)) for task_id in sys.argv[1:]]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
