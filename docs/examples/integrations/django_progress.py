import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.urls import path

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

client = SoraClient()  # one for the process; it connects at its first use


async def show(request: HttpRequest, task_id: str) -> HttpResponseBase:
    return HttpResponse(PAGE.read_bytes())


async def stream(request: HttpRequest, task_id: str) -> HttpResponseBase:
    try:
        watch = client.wait_until_complete(task_id, until="video_url")
    except InvalidArgumentError as error:
        return HttpResponse(str(error), status=422)
    return StreamingHttpResponse(follow(watch), content_type="text/event-stream", headers=HEADERS)


async def follow(watch: Watch) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    try:
        async for event in watch:
            yield format_event("progress", {"phase": event.task.phase, "progress": event.progress})
        yield format_event("video", (await watch).video_url)
    except TaskFailedError as error:
        yield format_event("failure", str(error.failure))
    except WaitInterruptedError:
        return  # the task goes on: the browser reconnects, and a new wait starts
    except SoraError:
        logging.exception("task %s", watch.task_id)
        yield format_event("failure", "The video is not available at the moment.")


def format_event(event: str, data: object) -> str:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n"


urlpatterns = [
    path("videos/<str:task_id>", show),
    path("videos/<str:task_id>/events", stream),
]

if not settings.configured:  # in a project, these are in settings.py
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="change me")
app = get_asgi_application()
