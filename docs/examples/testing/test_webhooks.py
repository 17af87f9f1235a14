import asyncio
import json
from datetime import UTC, datetime

from aiohttp import web

from sora_async.testing import FakeSora, Scenario, Webhooks, sign_webhook


async def test_a_webhook_comes_when_the_task_ends() -> None:
    received: asyncio.Queue[dict] = asyncio.Queue()

    async def handle(request: web.BaseRequest) -> web.Response:
        await received.put(json.loads(await request.read()))
        return web.Response()

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    async with FakeSora(webhooks=Webhooks(url=url, delay=2)) as sora:
        task_id = sora.add(Scenario(queued=10, running=50))
        event = await received.get()
        now = sora.now
    await runner.cleanup()

    assert (event["type"], event["data"]) == ("video.completed", {"id": task_id})
    assert now == datetime(2026, 1, 14, 8, 1, 2, tzinfo=UTC)


def test_a_handler_gets_signed_headers() -> None:
    body = json.dumps({"id": "video_1", "status": "completed"}).encode()

    headers = sign_webhook(
        body, scheme="openrouter", secret="s3cret", timestamp=1768377600, task_id="video_1"
    )

    assert headers["X-OpenRouter-Signature"].startswith("t=1768377600,v1=")
