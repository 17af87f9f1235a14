"""The page "Wait in a worker of your own": its worker is killed, stopped and started again."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.programs import Program, reached

from sora_async.testing import completed, failed, running

# It needs none of the kit's packages, but real time, which the sessions "tests" do not take.
pytest.importorskip("uvicorn", reason="takes real time: nox -s integrations")


class Videos:
    """The table that the worker works on, as the rest of a service sees it."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._database = sqlite3.connect(self.path)
        self._database.execute("CREATE TABLE videos (id TEXT PRIMARY KEY, url TEXT, error TEXT)")

    def add(self, *task_ids: str) -> None:
        with self._database as database:
            database.executemany("INSERT INTO videos (id) VALUES (?)", [(one,) for one in task_ids])

    def find(self, task_id: str) -> tuple[str | None, str | None]:
        rows = self._database.execute("SELECT url, error FROM videos WHERE id = ?", (task_id,))
        found: tuple[str | None, str | None] = rows.fetchone()
        return found

    def close(self) -> None:
        self._database.close()


@pytest.fixture
def videos(tmp_path: Path) -> Iterator[Videos]:
    with contextlib.closing(Videos(tmp_path / "videos.db")) as table:
        yield table


async def test_a_worker_takes_what_is_unfinished_and_writes_how_it_ended(
    sora, settings, videos
) -> None:
    sora.script("video_good", completed())
    sora.script("video_bad", failed("moderation_blocked", "The prompt was refused."))
    videos.add("video_good")

    async with Program("task_group.py", videos.path) as worker:
        await reached(lambda: videos.find("video_good")[0])
        videos.add("video_bad")
        await reached(lambda: videos.find("video_bad")[1])
        code = await worker.stop()

    assert videos.find("video_good") == (f"{sora.cdn_url}/videos/video_good.mp4", None)
    assert "The prompt was refused." in videos.find("video_bad")[1]
    assert (code, worker.output) == (0, "")


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_a_wait_goes_on_in_the_next_worker(sora, settings, videos, how: str) -> None:
    sora.script("video_1", running(0.2), running(0.4), completed())
    videos.add("video_1")

    async with Program("task_group.py", videos.path) as worker:
        await reached(lambda: sora.polls("video_1"))
        await getattr(worker, how)()
    asked = len(sora.polls("video_1"))
    async with Program("task_group.py", videos.path) as worker:
        url = await reached(lambda: videos.find("video_1")[0])
        await worker.stop()

    assert url == f"{sora.cdn_url}/videos/video_1.mp4"
    assert len(sora.polls("video_1")) == 3 > asked
