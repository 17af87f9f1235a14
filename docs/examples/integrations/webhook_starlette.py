import contextlib
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sora_async import SoraClient
from sora_async.integrations.webhooks import asgi_app

client = SoraClient()  # opens its connections at the first request


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with client:
        yield


async def show(request: Request) -> JSONResponse:
    task = await client.wait_until_complete(request.path_params["task_id"], webhook=True)
    return JSONResponse({"url": task.video_url})


receive = asgi_app(client.notify, secret=os.environ["WEBHOOK_SECRET"])
routes = [Route("/webhooks", receive, methods=["POST"]), Route("/videos/{task_id}", show)]
app = Starlette(routes=routes, lifespan=lifespan)
