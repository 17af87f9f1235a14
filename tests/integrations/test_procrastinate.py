"""
The page "Wait in Procrastinate's workers": its worker is killed, stopped and started again.

The example is ``procrastinate_worker.py``; a PostgreSQL of our own is beside it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.programs import Program, reached, shorten_times

from sora_async.testing import completed, failed, running

pytest.importorskip("procrastinate", reason="needs Procrastinate: nox -s integrations")
psycopg = pytest.importorskip("psycopg", reason="needs psycopg: nox -s integrations")

CALL = ("-m", "procrastinate", "--app", "procrastinate_worker.app")
WORKER = (*CALL, "worker")
SHORTENED = ("-m", "procrastinate", "--app", "shortened.app", "worker")
QUICK = (
    "example.STALLED = 2",
    "app.worker_defaults |= {'update_heartbeat_interval': 0.5, 'stalled_worker_timeout': 2}",
    "app.worker_defaults |= {'abort_job_polling_interval': 0.5}",
)
TABLE = "CREATE TABLE videos (id text PRIMARY KEY, url text, error text)"


class Database:
    """What is told to Procrastinate, and what comes of it."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(TABLE)

    def close(self) -> None:
        self._connection.close()

    async def enqueue(self, task_id: str) -> None:
        job = (f'{{"task_id": "{task_id}"}}',)
        name = "procrastinate_worker.wait_for_video"
        async with Program(*CALL, "defer", "--queueing-lock", task_id, name, *job) as deferring:
            assert await deferring.end() == 0, deferring.output

    def find(self, task_id: str) -> tuple[str | None, str | None] | None:
        rows = self._connection.execute("SELECT url, error FROM videos WHERE id = %s", [task_id])
        found: tuple[str | None, str | None] | None = rows.fetchone()
        return found

    def status(self) -> str:
        """Return the status of the oldest job."""
        rows = self._connection.execute("SELECT status FROM procrastinate_jobs ORDER BY id")
        [status] = rows.fetchone()
        return str(status)

    def abort(self) -> None:
        """Ask for an end of all jobs that run, as ``cancel_job_by_id(..., abort=True)`` does."""
        self._connection.execute(
            "SELECT procrastinate_cancel_job_v1(id, true, false) FROM procrastinate_jobs"
            " WHERE status = 'doing'"
        )


@pytest_asyncio.fixture
async def database(postgres_server, settings, monkeypatch) -> AsyncIterator[Database]:
    monkeypatch.setenv("DATABASE_URL", postgres_server.url)
    async with Program(*CALL, "schema", "--apply") as applying:
        assert await applying.end() == 0, applying.output
    with contextlib.closing(Database(postgres_server.url)) as one:
        yield one


async def test_a_job_writes_how_its_wait_has_ended(sora, database) -> None:
    sora.script("video_good", running(0.1), completed())
    sora.script("video_bad", failed("moderation_blocked", "The prompt was refused."))
    await asyncio.gather(database.enqueue("video_good"), database.enqueue("video_bad"))

    async with Program(*WORKER):
        good = await reached(lambda: database.find("video_good"))
        bad = await reached(lambda: database.find("video_bad"))

    assert good == (f"{sora.cdn_url}/videos/video_good.mp4", None)
    assert "The prompt was refused." in bad[1]


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_a_wait_goes_on_in_the_next_worker(sora, database, tmp_path, how) -> None:
    sora.script("video_1", running(0.1))
    quick = shorten_times(tmp_path, "procrastinate_worker", *QUICK)
    await database.enqueue("video_1")

    async with Program(*SHORTENED, **quick) as worker:
        await reached(lambda: sora.polls("video_1"))
        await getattr(worker, how)()
        asked = len(sora.polls("video_1"))
        async with Program(*SHORTENED, **quick):
            await reached(lambda: len(sora.polls("video_1")) > asked)
            sora.script("video_1", completed())
            found = await reached(lambda: database.find("video_1"))

    assert found == (f"{sora.cdn_url}/videos/video_1.mp4", None)


async def test_an_aborted_job_ends_its_wait(sora, database, tmp_path) -> None:
    sora.script("video_1", running(0.1))
    quick = shorten_times(tmp_path, "procrastinate_worker", *QUICK)
    await database.enqueue("video_1")

    async with Program(*SHORTENED, **quick):
        await reached(lambda: sora.polls("video_1"))
        database.abort()
        await reached(lambda: database.status() not in ("doing", "todo"))
        asked = len(sora.polls("video_1"))
        await asyncio.sleep(3)

    assert database.find("video_1") is None
    assert len(sora.polls("video_1")) == asked
