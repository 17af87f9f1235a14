import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator

from aiohttp import web

from sora_async import Outcome, SoraClient

TABLE = "CREATE TABLE IF NOT EXISTS videos (id TEXT PRIMARY KEY, url TEXT, error TEXT)"
UNFINISHED = "SELECT id FROM videos WHERE url IS NULL AND error IS NULL"

PATH = web.AppKey("PATH", str)
DATABASE = web.AppKey("DATABASE", sqlite3.Connection)
WANTED = web.AppKey("WANTED", asyncio.Queue[str])
PROGRESS = web.AppKey("PROGRESS", dict[str, float | None])


async def open_database(app: web.Application) -> AsyncIterator[None]:
    with contextlib.closing(sqlite3.connect(app[PATH])) as app[DATABASE]:
        app[DATABASE].execute(TABLE)
        yield


async def wait_in_background(app: web.Application) -> AsyncIterator[None]:
    app[PROGRESS], app[WANTED] = {}, asyncio.Queue()
    for (task_id,) in app[DATABASE].execute(UNFINISHED):
        app[WANTED].put_nowait(task_id)  # started by an earlier process
    # If the loop over the events fails, the group stops the server with the error.
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(wait_for_all(app))
        yield
        waiting.cancel()


async def wait_for_all(app: web.Application) -> None:
    async def wanted() -> AsyncIterator[str]:
        while True:
            yield await app[WANTED].get()

    async with SoraClient(outage_timeout=None) as client:
        async for event in client.events(
            wanted(), timeout=7200, until="video_url", max_concurrent=10_000
        ):
            if isinstance(event, Outcome):
                store(app, event)
            else:
                app[PROGRESS][event.task.id] = event.progress


def store(app: web.Application, outcome: Outcome) -> None:
    url = outcome.task and outcome.task.video_url
    error = outcome.error and str(outcome.error)
    with app[DATABASE] as database:
        row = (url, error, outcome.task_id)
        database.execute("UPDATE videos SET url = ?, error = ? WHERE id = ?", row)
    app[PROGRESS].pop(outcome.task_id, None)


async def start(request: web.Request) -> web.Response:
    task_id = request.match_info["id"]
    with request.app[DATABASE] as database:
        added = database.execute("INSERT OR IGNORE INTO videos (id) VALUES (?)", (task_id,))
    if added.rowcount:  # else it is being waited for
        request.app[WANTED].put_nowait(task_id)
    return web.json_response({"id": task_id}, status=202)


async def show(request: web.Request) -> web.Response:
    task_id = request.match_info["id"]
    found = request.app[DATABASE].execute("SELECT url, error FROM videos WHERE id = ?", (task_id,))
    for url, error in found:
        progress = request.app[PROGRESS].get(task_id)
        return web.json_response({"progress": progress, "url": url, "error": error})
    raise web.HTTPNotFound


def make_app(path: str = "videos.db") -> web.Application:
    app = web.Application()
    app[PATH] = path
    app.cleanup_ctx.extend([open_database, wait_in_background])
    app.router.add_post("/videos/{id}", start)
    app.router.add_get("/videos/{id}", show)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=8080)
