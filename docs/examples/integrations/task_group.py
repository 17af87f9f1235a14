import asyncio
import contextlib
import signal
import sqlite3
import sys

from sora_async import OutageError, SoraClient, SoraError, VideoTask

TABLE = "CREATE TABLE IF NOT EXISTS videos (id TEXT PRIMARY KEY, url TEXT, error TEXT)"
UNFINISHED = "SELECT id FROM videos WHERE url IS NULL AND error IS NULL LIMIT 1000"
FINISH = "UPDATE videos SET url = ?, error = ? WHERE id = ?"


async def work(client: SoraClient, database: sqlite3.Connection, task_id: str) -> None:
    url = error = None
    try:
        task = await client.wait_until_complete(task_id, timeout=7200)
        url = await deliver(task)
    except OutageError:
        return  # the row stays unfinished, so it is found again
    except SoraError as reason:
        error = str(reason)
    with database:
        database.execute(FINISH, (url, error, task_id))


async def deliver(task: VideoTask) -> str:
    return task.video_url or task.content_url or ""  # or whatever you do with a video


async def main(path: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    jobs: dict[str, asyncio.Task[None]] = {}
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(TABLE)
        async with SoraClient() as client, asyncio.TaskGroup() as group:
            while not stop.is_set():
                for (task_id,) in database.execute(UNFINISHED).fetchall():
                    if task_id not in jobs or jobs[task_id].done():
                        jobs[task_id] = group.create_task(work(client, database, task_id))
                jobs = {task_id: job for task_id, job in jobs.items() if not job.done()}
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 1)
            for job in jobs.values():
                job.cancel()


asyncio.run(main(sys.argv[1]))
