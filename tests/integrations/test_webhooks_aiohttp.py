"""The page "Use webhooks": its aiohttp.web application, on virtual time."""

from aiohttp import test_utils
from support.programs import end_by_webhook, load

from sora_async.testing import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def test_a_webhook_ends_the_wait_at_once(sora, settings, monkeypatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", "a secret")

    async with test_utils.TestServer(load("webhook_aiohttp.py").make_app()) as server:
        await end_by_webhook(sora, f"http://127.0.0.1:{server.port}")
