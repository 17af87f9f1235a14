"""The page "Use webhooks": its aiohttp.web application, on virtual time."""

import asyncio
import time

import aiohttp
from aiohttp import web
from support.programs import load

from sora_async.testing import VirtualTimeLoop, completed, running, sign_webhook

LOOP = VirtualTimeLoop


async def test_a_webhook_ends_the_wait_at_once(sora, settings, monkeypatch, now) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", "a secret")
    sora.script("video_1", running(0.1), completed())
    runner = web.AppRunner(load("webhook_aiohttp.py").make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"

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
        refused = await session.post(f"{url}/webhooks", data=body, allow_redirects=False)
        accepted = await session.post(
            f"{url}/webhooks", data=body, headers=headers, allow_redirects=False
        )
        shown = await (await showing).json()
    await runner.cleanup()

    assert (refused.status, accepted.status) == (401, 204)
    assert shown == {"url": f"{sora.cdn_url}/videos/video_1.mp4"}
    first, second = sora.polls("video_1")
    assert second - first < 1.0
