import os

from aiohttp import web

from sora_async import SoraClient
from sora_async.integrations.webhooks import aiohttp_handler

CLIENT = web.AppKey("CLIENT", SoraClient)


async def show(request: web.Request) -> web.Response:
    watch = request.app[CLIENT].wait_until_complete(request.match_info["id"], webhook=True)
    return web.json_response({"url": (await watch).video_url})


async def close(app: web.Application) -> None:
    await app[CLIENT].close()


def make_app() -> web.Application:
    app = web.Application()
    app[CLIENT] = client = SoraClient()
    receive = aiohttp_handler(client.notify, secret=os.environ["WEBHOOK_SECRET"])
    app.router.add_post("/webhooks", receive)
    app.router.add_get("/videos/{id}", show)
    app.on_cleanup.append(close)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=8080)
