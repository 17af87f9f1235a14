import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from sora_async import (
    InvalidArgumentError,
    SoraClient,
    SoraError,
    TaskFailedError,
    WaitInterruptedError,
    Watch,
)

PAGE = Path(__file__).with_name("progress.html")


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with SoraClient() as app.state.client:  # one for all requests: they share its polls
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/videos/{task_id}")
async def show(task_id: str) -> FileResponse:
    return FileResponse(PAGE)


def begin_wait(task_id: str, request: Request) -> Watch:
    client: SoraClient = request.app.state.client
    try:
        return client.wait_until_complete(task_id, until="video_url")
    except InvalidArgumentError as error:
        raise HTTPException(422, str(error)) from error


@app.get("/videos/{task_id}/events", response_class=EventSourceResponse)
async def stream(watch: Annotated[Watch, Depends(begin_wait)]) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(comment="hello", retry=2000)  # milliseconds to the browser's next try
    try:
        async for event in watch:
            known = {"phase": event.task.phase, "progress": event.progress}
            yield ServerSentEvent(event="progress", data=known)
        task = await watch
        yield ServerSentEvent(event="video", data=task.video_url)
    except TaskFailedError as error:
        yield ServerSentEvent(event="failure", data=str(error.failure))
    except WaitInterruptedError:
        return  # the task goes on: the browser reconnects and starts a new wait
    except SoraError:
        logging.exception("task %s", watch.task_id)
        yield ServerSentEvent(event="failure", data="The video is not available at the moment.")
