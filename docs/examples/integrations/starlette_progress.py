import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, StreamingResponse
from starlette.routing import Route

from sora_async import (
    InvalidArgumentError,
    SoraClient,
    SoraError,
    TaskFailedError,
    WaitInterruptedError,
    Watch,
)

PAGE = Path(__file__).with_name("progress.html")
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    async with SoraClient() as client:
        yield {"client": client}


async def show(request: Request) -> FileResponse:
    return FileResponse(PAGE)


async def stream(request: Request) -> StreamingResponse:
    client: SoraClient = request.state.client
    try:
        watch = client.wait_until_complete(request.path_params["task_id"], until="video_url")
    except InvalidArgumentError as error:
        raise HTTPException(422, str(error)) from error
    return StreamingResponse(follow(watch), media_type="text/event-stream", headers=HEADERS)


async def follow(watch: Watch) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    try:
        async for event in watch:
            yield format_event("progress", {"phase": event.task.phase, "progress": event.progress})
        yield format_event("video", (await watch).video_url)
    except TaskFailedError as error:
        yield format_event("failure", str(error.failure))
    except WaitInterruptedError:
        return
    except SoraError:
        logging.exception("task %s", watch.task_id)
        yield format_event("failure", "The video is not available at the moment.")


def format_event(event: str, data: object) -> str:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n"


routes = [Route("/videos/{task_id}", show), Route("/videos/{task_id}/events", stream)]
app = Starlette(routes=routes, lifespan=lifespan)
