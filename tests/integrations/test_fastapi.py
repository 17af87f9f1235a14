"""The examples for FastAPI, Starlette and Django, in virtual time."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import attrs
import pytest
import pytest_asyncio
from support.programs import EXAMPLES, load

from sora_async.testing import VirtualTimeLoop, completed, failed, running

pytest.importorskip("fastapi", reason="needs FastAPI: nox -s integrations")
django_urls = pytest.importorskip("django.urls", reason="needs Django: nox -s integrations")
uvicorn = pytest.importorskip("uvicorn", reason="needs uvicorn: nox -s integrations")

LOOP = VirtualTimeLoop


@attrs.define
class Site:
    """An example, served on one port as often as it is started."""

    example: str
    port: int = 0

    @contextlib.asynccontextmanager
    async def run(self, **options: Any) -> AsyncIterator[str]:
        """Serve it, and yield its address; at the end it gets what is a SIGTERM elsewhere."""
        app = load(self.example).app
        django_urls.clear_url_caches()  # the views of an earlier test
        # Django has no lifespan.
        config = uvicorn.Config(app, port=self.port, lifespan="auto", log_config=None, **options)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.01)
        self.port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{self.port}"
        finally:
            server.should_exit = True
            await serving


@pytest.fixture(params=["fastapi_progress.py", "starlette_progress.py", "django_progress.py"])
def site(settings: None, request: pytest.FixtureRequest) -> Site:
    return Site(request.param)


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    # No timeout: a server's thread takes real time, in which the virtual clock may jump.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        yield session


async def follow(browser: aiohttp.ClientSession, url: str) -> AsyncIterator[tuple[str, Any]]:
    """Yield the events of a stream, each a name and its data, until the stream ends."""
    async with browser.get(f"{url}/events", timeout=aiohttp.ClientTimeout(total=None)) as response:
        assert response.content_type == "text/event-stream"
        name = ""
        async for line in response.content:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


async def read(browser: aiohttp.ClientSession, url: str) -> list[tuple[str, Any]]:
    return [event async for event in follow(browser, url)]


async def test_an_id_has_its_page(site, browser) -> None:
    async with site.run() as url, browser.get(f"{url}/videos/video_1") as response:
        assert await response.text() == (EXAMPLES / "progress.html").read_text("utf-8")


async def test_a_stream_tells_of_progress_and_ends_with_the_video(sora, site, browser) -> None:
    sora.script("video_1", running(0.4), completed())

    async with site.run() as url:
        events = await read(browser, f"{url}/videos/video_1")

    assert events == [
        ("progress", {"phase": "running", "progress": 0.4}),
        ("progress", {"phase": "succeeded", "progress": 1.0}),
        ("video", f"{sora.cdn_url}/videos/video_1.mp4"),
    ]


async def test_a_stream_ends_with_the_reason_of_a_failure(sora, site, browser) -> None:
    sora.script("video_1", failed("moderation_blocked", "The prompt was refused."))

    async with site.run() as url:
        *_, last = await read(browser, f"{url}/videos/video_1")

    assert last == ("failure", "moderation_blocked: The prompt was refused.")


async def test_what_only_the_service_may_know_stays_in_its_log(sora, site, browser, caplog) -> None:
    async with site.run() as url:
        *_, last = await read(browser, f"{url}/videos/video_unknown")

    assert last == ("failure", "The video is not available at the moment.")
    assert "video_unknown" in caplog.text and sora.url in caplog.text


async def test_an_impossible_id_is_refused_and_nothing_is_asked(sora, site, browser) -> None:
    async with site.run() as url, browser.get(f"{url}/videos/a%3Fb/events") as response:
        assert response.status == 422

    assert sora.requests == []


async def test_two_tabs_on_one_id_share_their_polls(sora, site, browser) -> None:
    sora.script("video_1", running(0.1))

    async with site.run() as url:
        one, other = (follow(browser, f"{url}/videos/video_1") for _ in range(2))
        assert await anext(one) == await anext(other)
        asked = len(sora.polls("video_1"))
        sora.script("video_1", running(0.5), completed())
        first, second = [event async for event in one], [event async for event in other]

    # The first tab may have been told of one more poll before the second came.
    assert first[-3:] == second[-3:] and first[-3][1]["progress"] == 0.5
    assert len(sora.polls("video_1")) == asked + 2


async def test_a_tab_that_is_closed_leaves_no_polls_behind(sora, site, browser) -> None:
    sora.script("video_1", running(0.1))

    async with site.run() as url:
        async with contextlib.aclosing(follow(browser, f"{url}/videos/video_1")) as events:
            assert await anext(events)
        await asyncio.sleep(0.1)
        asked = len(sora.polls("video_1"))
        await asyncio.sleep(600)

    assert len(sora.polls("video_1")) == asked


async def test_a_tab_that_is_closed_leaves_the_other_its_polls(sora, site, browser) -> None:
    sora.script("video_1", running(0.1), running(0.2), completed())

    async with site.run() as url:
        other = asyncio.create_task(read(browser, f"{url}/videos/video_1"))
        async with contextlib.aclosing(follow(browser, f"{url}/videos/video_1")) as events:
            await anext(events)
        *_, last = await other

    assert last[0] == "video"


async def test_a_wait_goes_on_after_a_restart_of_the_server(sora, site, browser) -> None:
    sora.script("video_1", running(0.1))

    async with site.run(timeout_graceful_shutdown=1) as url:
        events = follow(browser, f"{url}/videos/video_1")
        before = await anext(events)
    with pytest.raises(aiohttp.ClientPayloadError):
        while True:  # what was sent before the server ended may still come
            await anext(events)
    sora.script("video_1", running(0.2), completed())
    async with site.run() as url:
        after = await read(browser, f"{url}/videos/video_1")

    told = [data["progress"] for name, data in [before, *after] if name == "progress"]
    assert told == [0.1, 0.2, 1.0]
    assert after[-1][0] == "video"


async def test_open_streams_delay_a_restart_no_longer_than_was_set(sora, site, browser, now):
    sora.script("video_1", running(0.1))

    async with site.run(timeout_graceful_shutdown=3) as url:
        events = follow(browser, f"{url}/videos/video_1")
        await anext(events)
        began = now()

    assert now() - began == pytest.approx(3, abs=0.5)
    with contextlib.suppress(aiohttp.ClientError):
        await events.aclose()


async def test_a_task_is_a_response_by_way_of_a_model_or_of_plain_data(
    sora, settings, browser
) -> None:
    sora.script("video_1", running(0.4))

    async with Site("fastapi_response.py").run() as url:
        async with browser.get(f"{url}/videos/video_1") as reply:
            shown = await reply.json()
        async with browser.get(f"{url}/videos/video_1/full") as reply:
            full = await reply.json()
        async with browser.get(f"{url}/videos/video_2") as reply:
            status = reply.status

    assert shown == {"id": "video_1", "phase": "running", "progress": 0.4, "video_url": None}
    assert full.items() >= shown.items() and full["raw"]["id"] == "video_1"
    assert status == 404
