"""What a client has on one event loop: session, transport, poller and orders; all end with it."""

import asyncio
import contextlib
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import aiohttp

from .._http.create import CreateRequest, PendingCreate, PendingCreates
from .._http.create_backoff import CreateBackoff
from .._http.endpoints import Endpoints
from .._http.rate_limit import RateLimit
from .._http.request_body import CreatePayload, TrackedBody
from .._http.session import HttpOptions
from .._http.transport import Transport
from .._polling.poller import Poller
from .._wire.call_decoders import decode_created
from .._wire.dialects import Dialect
from .._wire.response import Response, decode_response
from .._wire.urls import fill_in
from ..errors import ClientClosedError, InvalidArgumentError, RateLimitError, SoraError
from ..models import VideoTask
from ..schedule.learning.memory import DurationHistory

if TYPE_CHECKING:
    from .._download.manager import DownloadManager

Answer = TypeVar("Answer")
Made = TypeVar("Made")


class LoopResources:
    """
    The rooms of one client on the running loop.

    An async generator is registered with the loop, as one that a program has
    begun and not ended: ``asyncio.run`` closes such generators before it
    closes the loop, and ours then closes the session. So a client that is
    never closed leaves no open socket behind, run after run.
    """

    def __init__(
        self,
        options: HttpOptions,
        *,
        rate_limit: RateLimit,
        duration_history: DurationHistory,
        base_url: str,
        dialect: Dialect,
        max_retries: int,
        trace_configs: Sequence[aiohttp.TraceConfig],
        session: aiohttp.ClientSession | None,
        max_downloads: int,
        trust_env: bool,
    ) -> None:
        self.base_url = base_url
        self.dialect = dialect
        self.secrets = options.secrets
        self.patience = options.request_timeout
        self._addresses = Endpoints(base_url, dialect)
        self.content = self._addresses.content
        self._max_retries = max_retries
        self._pending_creates = PendingCreates(self)
        self._held: set[asyncio.Task[None]] = set()
        self._create_backoff = CreateBackoff(self.patience)
        self._transport = Transport(session, options, trace_configs)
        self.is_closed = False
        self.poller = Poller(self._ask, rate_limit, duration_history)
        self._trace_configs = trace_configs
        self._http_options = options
        self._max_downloads = max_downloads
        self._trust_env = trust_env
        self._downloads: DownloadManager | None = None
        self._keeper = self._keep()
        self._closing: asyncio.Task[None] | None = None
        with contextlib.suppress(StopIteration), warnings.catch_warnings():
            # The loop may have closed its generators already; then nobody closes ours.
            warnings.simplefilter("ignore", ResourceWarning)
            self._keeper.__anext__().send(None)

    def fetch(self, task_id: str) -> Coroutine[Any, Any, VideoTask]:
        """Ask for a task, in a slot of the budget; raise what the answer was, if it was no task."""
        return self.send_rate_limited(lambda: self._ask(task_id, None), about=task_id)

    async def call(
        self,
        method: str,
        path: str,
        decode: Callable[[Response], Answer],
        *,
        about: str = "",
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """
        Send a request without a body, in a slot of the budget, and return what its reply holds.

        Args:
            method: GET or DELETE.
            path: Of the dialect, with ``{id}`` where there is one.
            decode: Reads the reply, or raises the error that it is.
            about: The id; "" without one.
            query: What follows the path.
        """
        path = self._addresses.root + fill_in(path, about)
        if query:
            path += f"{'&' if '?' in path else '?'}{urlencode(query)}"
        url = self._addresses.locate(path)

        async def ask() -> Answer:
            transport = self._transport
            sending = transport.get(url) if method == "GET" else transport.send(method, url)
            return decode(await self._receive(sending, about))

        return await self.send_rate_limited(ask, about=about)

    async def send_rate_limited(
        self,
        ask: Callable[[], Awaitable[Answer]],
        *,
        about: str,
        note: Callable[[str, VideoTask | SoraError], None] | None = None,
    ) -> Answer:
        """
        Ask once, in a slot of the budget; a silence of more than a request may take is an error.

        Args:
            ask: Sends the request, and returns what its reply holds.
            about: The id of the task; "" without one.
            note: Takes note of the answer; the poller does when None.
        """
        note = note or self.poller.note
        if self.poller.silence() > self.patience:
            raise self.poller.refusal()
        queue = self.poller.queue
        await queue.take()
        try:
            if self.is_closed:
                raise ClientClosedError(about)
            answer = await ask()
        except SoraError as fault:
            note(about, fault)
            raise
        finally:
            queue.release()
        note(about, answer if isinstance(answer, VideoTask) else VideoTask(id=about))
        return answer

    async def _ask(self, task_id: str, previous: VideoTask | None) -> VideoTask:
        """Ask once; *previous* is the snapshot that came before, None when there is none."""
        url = self._addresses.locate_poll(task_id)
        response = await self._receive(self._transport.get(url), task_id)
        return decode_response(
            response, task_id=task_id, secrets=self.secrets, previous=previous, content=self.content
        )

    async def _receive(self, sending: Awaitable[Response], about: str) -> Response:
        try:
            return await sending
        except (InvalidArgumentError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not self._transport.is_ours:
                raise InvalidArgumentError(f"session: {error}") from error
            if self.is_closed:  # pragma: no cover - between a redirect and what it leads to
                raise ClientClosedError(about) from error
            raise

    async def post(
        self, path: str, body: TrackedBody, decode: Callable[[Response], Answer]
    ) -> Answer:
        """Send a body at the pace of orders, in a slot of the budget; return what came of it."""
        url = self._addresses.locate(path)
        await self._create_backoff.keep()

        async def ask() -> Answer:
            return decode(await self._receive(self._transport.send("POST", url, body), ""))

        return await self.send_rate_limited(ask, about="", note=self._note_order)

    def _note_order(self, about: str, seen: VideoTask | SoraError) -> None:
        if isinstance(seen, RateLimitError):
            self._create_backoff.note(seen)
        else:
            self.poller.note(about, seen)

    def create(self, payload: CreatePayload) -> PendingCreate[VideoTask]:
        """Begin to create a task: at most once, in an asyncio task that the home holds."""
        return self.make(self.dialect.create_path, payload, self._read_created, _tell_task)

    def remix(self, payload: CreatePayload, task_id: str) -> PendingCreate[VideoTask]:
        """Begin to make a task of another one's video."""

        def read(response: Response) -> VideoTask:
            return self._read_created(response, is_about_one=True)

        path = fill_in(self.find_path("remix_path"), task_id)
        return self.make(path, payload, read, _tell_task)

    def make(
        self,
        path: str,
        payload: CreatePayload,
        decode: Callable[[Response], Made],
        tell: Callable[[Made], str],
    ) -> PendingCreate[Made]:
        """
        Begin to send an order.

        Args:
            path: Of the dialect, filled in.
            payload: What.
            decode: Reads the reply, or raises the error that it is.
            tell: Describes what was made, for the log.
        """
        parcel = CreateRequest(
            path=self._addresses.root + path,
            url=str(self._addresses.locate(self._addresses.root + path)),
            payload=payload,
            decode=decode,
            tell=tell,
            is_listed=self.dialect.list_path is not None,
            max_retries=self._max_retries,
        )
        return self._pending_creates.begin(parcel)

    def _read_created(self, response: Response, *, is_about_one: bool = False) -> VideoTask:
        task, body = decode_created(
            response, secrets=self.secrets, content=self.content, is_about_one=is_about_one
        )
        self._addresses.learn(task.id, body, url=response.url)
        return task

    def find_path(self, name: str) -> str:
        """
        Return a path of the dialect.

        Raises:
            UnsupportedOperationError: It has none.
        """
        return self._addresses.find_path(name)

    @property
    def downloads(self) -> "DownloadManager":
        """What the downloads share; made at the first of them."""
        if self._downloads is None:
            from .._download.http_stream import FileHttpClient
            from .._download.manager import DownloadManager

            stream = FileHttpClient(
                self._transport,
                self._http_options,
                base=self._addresses.base,
                trust_env=self._trust_env,
                trace_configs=self._trace_configs,
            )
            self._downloads = DownloadManager(
                stream,
                self.poller.queue,
                record_error=self.poller.note,
                secrets=self.secrets,
                max_concurrent=self._max_downloads,
            )
        return self._downloads

    def hold(self, task: asyncio.Task[None]) -> None:
        """Cancel a task, and let it come to its end, before anything is closed that it needs."""
        self._held.add(task)
        task.add_done_callback(self._held.discard)

    def abandon(self) -> None:
        """Close at the next turn of the loop, for a client that was thrown away."""
        self._closing = asyncio.get_running_loop().create_task(self.close())

    async def close(self) -> None:
        """End all waits and close the session, unless it was given."""
        await self._keeper.aclose()

    async def _keep(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            held = [task for task in self._held if task is not asyncio.current_task()]
            for task in held:
                task.cancel()
            await asyncio.gather(*held, return_exceptions=True)
            self.is_closed = True
            try:
                await self.poller.close()
                await self._pending_creates.close()
                if self._downloads is not None:
                    await self._downloads.close()
            finally:
                await self._transport.close()


def _tell_task(task: VideoTask) -> str:
    return f"task {task.id}"


ResourcesByLoop = dict[asyncio.AbstractEventLoop, LoopResources]


def find_resources(resources_by_loop: ResourcesByLoop) -> LoopResources | None:
    """Return the open home on the running loop; forget those of loops that are closed."""
    resources = resources_by_loop.get(asyncio.get_running_loop())
    if resources is not None and not resources.is_closed:
        return resources
    for loop in [loop for loop in list(resources_by_loop) if loop.is_closed()]:
        resources_by_loop.pop(loop, None)
    return None


def abandon(resources_by_loop: ResourcesByLoop) -> None:
    """Close the resources_by_loop of a client that was thrown away without being closed."""
    for loop, resources in list(resources_by_loop.items()):
        if not loop.is_closed() and not resources.is_closed:
            loop.call_soon_threadsafe(resources.abandon)
