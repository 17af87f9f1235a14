"""The page "Use webhooks": its two ASGI applications, under uvicorn and on virtual time."""

import asyncio

import pytest
from support.programs import end_by_webhook, load

from sora_async.testing import VirtualTimeLoop

pytest.importorskip("fastapi", reason="needs FastAPI: nox -s integrations")
uvicorn = pytest.importorskip("uvicorn", reason="needs uvicorn: nox -s integrations")

LOOP = VirtualTimeLoop


@pytest.mark.parametrize("example", ["webhook_fastapi.py", "webhook_starlette.py"])
async def test_a_webhook_ends_the_wait_at_once(sora, settings, monkeypatch, example: str) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", "a secret")
    config = uvicorn.Config(load(example).app, port=0, lifespan="on", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    await end_by_webhook(sora, url)
    server.should_exit = True
    await serving
