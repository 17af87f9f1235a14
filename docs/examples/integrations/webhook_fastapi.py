import contextlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from fastapi import FastAPI, HTTPException, Request

from sora_async import SoraClient, WebhookError
from sora_async.integrations.webhooks import parse

SECRET = os.environ["WEBHOOK_SECRET"]


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with SoraClient() as app.state.client:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/webhooks", status_code=204)
async def receive(request: Request) -> None:
    try:
        event = parse(request.headers, await request.body(), secret=SECRET, now=datetime.now(UTC))
    except WebhookError as error:
        raise HTTPException(401, str(error)) from error
    request.app.state.client.notify(event.task_id)


@app.get("/videos/{task_id}")
async def show(task_id: str, request: Request) -> dict[str, str | None]:
    task = await request.app.state.client.wait_until_complete(task_id, webhook=True)
    return {"url": task.video_url}
