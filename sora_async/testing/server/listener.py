"""One listening address of the fake: it records each request and passes it on."""

import asyncio
from collections.abc import Awaitable, Callable

import attrs
from aiohttp import web

from ..profiles.routes import NO_ROUTES, Routes
from .recorded_request import KnownHeaders, RecordedRequest, receive

Respond = Callable[[web.BaseRequest, RecordedRequest, float], Awaitable[web.StreamResponse]]


@attrs.define(kw_only=True, eq=False)
class Listener:
    """
    A listening address, whose requests *respond* answers.

    *routes* say which call a request is; without any, all of them are "other".

    Attributes:
        requests: Every request that has arrived whole, with the moment it began to arrive.
        control: Answers requests of the control API, which are not recorded, and returns None for
            all others. None: there is no control API.
    """

    _respond: Respond
    _host: str
    _port: int
    _keepalive_timeout: float
    _routes: Routes = NO_ROUTES
    requests: list[tuple[float, RecordedRequest]] = attrs.field(factory=list)
    control: Callable[[RecordedRequest, float], web.StreamResponse | None] | None = None
    _known_headers: KnownHeaders = attrs.field(factory=dict)
    _server: web.Server | None = None
    _runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """The address as a URL without a slash at its end."""
        if not self._port:
            raise RuntimeError("the fake has no address before it has started")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """Listen; after a :meth:`close`, on the same port again."""
        if self._runner is not None:
            return
        # Cancellation ends a handler that stalls when its client has disconnected.
        self._server = web.Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=self._keepalive_timeout,
        )
        self._runner = web.ServerRunner(self._server)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except BaseException:
            await self.close()
            raise
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening and abort every connection, so that no handler is waited for."""
        if self._server is None or self._runner is None:
            return
        server, runner = self._server, self._runner
        self._server = self._runner = None
        for connection in server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        at = asyncio.get_running_loop().time()
        record = await receive(request, self._known_headers, self._routes)
        answer = None if self.control is None else self.control(record, at)
        if answer is not None:
            return answer
        self.requests.append((at, record))
        try:
            return await self._respond(request, record, at)
        except ConnectionResetError:
            return web.Response()  # the client has disconnected: this is never sent
