import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict

from sora_async import Phase, SoraClient, TaskNotFoundError


class Video(BaseModel):
    """What this API shows of a task; pydantic reads it from the attributes of a VideoTask."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    phase: Phase
    progress: float | None
    video_url: str | None


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with SoraClient() as app.state.client:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/videos/{task_id}", response_model=Video)
async def read(task_id: str) -> Any:
    try:
        return await app.state.client.get_task(task_id)
    except TaskNotFoundError as error:
        raise HTTPException(404, "no such video") from error


@app.get("/videos/{task_id}/full")
async def read_everything(task_id: str) -> dict[str, Any]:
    task = await app.state.client.get_task(task_id)
    return task.to_dict()
