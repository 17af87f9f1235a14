"""The page "Wait in the background of an aiohttp.web service", on the clock that jumps."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from support.programs import load

from sora_async.testing import VirtualTimeLoop, completed, failed, running

LOOP = VirtualTimeLoop


class Service:
    """The example, started as often as is wanted, and asked."""

    def __init__(self, database: Path, asking: aiohttp.ClientSession) -> None:
        self._example = load("aiohttp_background.py")
        self.database = database
        self._asking = asking

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        runner = web.AppRunner(self._example.make_app(str(self.database)))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._url = f"http://127.0.0.1:{runner.addresses[0][1]}/videos"
        try:
            yield
        finally:
            await runner.cleanup()

    async def start(self, task_id: str) -> int:
        async with self._asking.post(f"{self._url}/{task_id}") as response:
            return response.status

    async def show(self, task_id: str) -> dict[str, Any]:
        async with self._asking.get(f"{self._url}/{task_id}") as response:
            return await response.json() if response.ok else {"status": response.status}


@pytest_asyncio.fixture
async def service(sora, settings, tmp_path: Path) -> AsyncIterator[Service]:
    async with aiohttp.ClientSession() as asking:
        yield Service(tmp_path / "videos.db", asking)


async def test_a_request_starts_a_wait_that_outlives_it(sora, service) -> None:
    sora.script("video_1", running(0.4), running(0.4), completed())

    async with service.run():
        status = await service.start("video_1")
        await asyncio.sleep(1)
        during = await service.show("video_1")
        await asyncio.sleep(60)
        after = await service.show("video_1")

    url = f"{sora.cdn_url}/videos/video_1.mp4"
    assert status == 202
    assert during == {"progress": 0.4, "url": None, "error": None}
    assert after == {"progress": None, "url": url, "error": None}


async def test_a_failure_is_kept_with_its_reason(sora, service) -> None:
    sora.script("video_1", failed("moderation_blocked", "The prompt was refused."))

    async with service.run():
        await service.start("video_1")
        await service.start("a%3Fb")
        await asyncio.sleep(60)
        shown, odd = await service.show("video_1"), await service.show("a%3Fb")

    assert "The prompt was refused." in shown["error"]
    assert odd["error"] is not None


async def test_a_second_request_for_a_task_starts_no_second_wait(sora, service) -> None:
    sora.script("video_1", running(0.4), completed())

    async with service.run():
        await service.start("video_1")
        await service.start("video_1")
        await asyncio.sleep(60)
        await service.start("video_1")
        await asyncio.sleep(60)

    assert len(sora.polls("video_1")) == 2


async def test_what_was_begun_goes_on_after_a_restart(sora, service) -> None:
    sora.script("video_1", running(0.4), running(0.5), completed())

    async with service.run():
        await service.start("video_1")
        await asyncio.sleep(0.5)
    between = len(sora.polls("video_1"))
    await asyncio.sleep(600)
    idle = len(sora.polls("video_1"))
    async with service.run():
        await asyncio.sleep(60)
        shown = await service.show("video_1")

    assert between == idle == 1
    assert shown["url"]


async def test_an_unknown_video_is_not_found(service) -> None:
    async with service.run():
        assert await service.show("video_1") == {"status": 404}


async def test_waiting_that_breaks_ends_the_service(sora, service) -> None:
    """Here it breaks over its database, which somebody has emptied."""
    sora.script("video_1", completed())
    database = sqlite3.connect(service.database)

    with pytest.raises(ExceptionGroup), contextlib.closing(database):
        async with service.run():
            database.execute("ALTER TABLE videos DROP COLUMN url")
            database.commit()
            await service.start("video_1")
            await asyncio.sleep(60)
