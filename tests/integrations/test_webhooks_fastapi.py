"""The page "Use webhooks": its two ASGI applications, under uvicorn and on virtual time."""

import asyncio
import time

import aiohttp
import pytest
from support.programs import load

from sora_async.testing import VirtualTimeLoop, completed, running, sign_webhook

pytest.importorskip("fastapi", reason="needs FastAPI: nox -s integrations")
uvicorn = pytest.importorskip("uvicorn", reason="needs uvicorn: nox -s integrations")

LOOP = VirtualTimeLoop


@pytest.mark.parametrize("example", ["webhook_fastapi.py", "webhook_starlette.py"])
async def test_a_webhook_ends_the_wait_at_once(sora, settings, monkeypatch, example: str) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", "a secret")
    sora.script("video_1", running(0.1), completed())
    config = uvicorn.Config(load(example).app, port=0, lifespan="on", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    async with aiohttp.ClientSession() as session:
        showing = asyncio.create_task(session.get(f"{url}/videos/video_1"))
        while not sora.polls("video_1"):
            await asyncio.sleep(0.01)
        body = b'{"type": "video.completed", "data": {"id": "video_1"}}'
        headers = sign_webhook(
            body,
            scheme="standard-whole",
            secret="a secret",
            timestamp=int(time.time()),
            task_id="video_1",
        )
        # Services follow no redirect.
        refused = await session.post(f"{url}/webhooks", data=body, allow_redirects=False)
        accepted = await session.post(
            f"{url}/webhooks", data=body, headers=headers, allow_redirects=False
        )
        shown = await (await showing).json()
    server.should_exit = True
    await serving

    assert (refused.status, accepted.status) == (401, 204)
    assert shown == {"url": f"{sora.cdn_url}/videos/video_1.mp4"}
    first, second = sora.polls("video_1")
    assert second - first < 1.0
