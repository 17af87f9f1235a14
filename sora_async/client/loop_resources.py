"""What a client has on one event loop: session, transport, poller, creates and downloads."""

import asyncio
import contextlib
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING

import aiohttp
import attrs

from .._http.calls import Calls
from .._http.create import AcceptedEncoding, PendingCreates
from .._http.endpoints import Endpoints
from .._http.rate_limit import RateLimit
from .._http.request import RequestSender
from .._http.request_queue import RequestQueue
from .._http.running_clock import RunningClock
from .._http.session import HttpOptions
from .._http.throttle import Counters, Throttle
from .._http.transport import Transport
from .._polling.learner import TaskLearner
from .._polling.polled_task import PolledTask
from .._polling.poller import Poller
from .._wire.dialects import Dialect
from ..models.repr import brief
from ..schedule.learning.duration_history import DurationHistory

if TYPE_CHECKING:
    from .._download.manager import DownloadManager


@attrs.frozen(kw_only=True)
class ClientConfig:
    """
    The checked arguments of a client, the same on every loop.

    Attributes:
        http: How requests are sent.
        base_url: The service's address.
        dialect: What calls the service offers, and their paths.
        session: The session that was given; None makes one on each loop.
        trace_configs: For the sessions that are made.
        trust_env: Whether proxies named by the environment are used, by downloads too.
        rate_limit: What all requests may add up to.
        duration_history: What was learned of how long tasks take.
        max_retries: How often calls are retried, and connections of creates.
        max_downloads: Downloads under way at the same time.
    """

    __repr__ = brief

    http: HttpOptions
    base_url: str
    dialect: Dialect
    session: aiohttp.ClientSession | None
    trace_configs: tuple[aiohttp.TraceConfig, ...]
    trust_env: bool
    rate_limit: RateLimit
    duration_history: DurationHistory
    max_retries: int
    max_downloads: int


class LoopResources:
    """
    Everything of one client that is bound to the running loop; it ends with the loop.

    Args:
        config: The client's arguments.
        counters: What the client counts.
        accepted_encoding: How a create was accepted before.

    Attributes:
        calls: Get, list and delete.
        creates: Creates under way.
        poller: Polls the tasks that are waited for.
    """

    def __init__(
        self, config: ClientConfig, counters: Counters, accepted_encoding: AcceptedEncoding
    ) -> None:
        self._config = config
        self._endpoints = Endpoints(config.base_url, config.dialect)
        queue = RequestQueue[PolledTask](config.rate_limit)
        self._clock = RunningClock()
        self._throttle = Throttle(queue.bucket, counters)
        self._transport = Transport(config.session, config.http, config.trace_configs)
        self._requests = RequestSender(
            self._transport,
            self._endpoints,
            queue,
            self._throttle,
            secrets=config.http.secrets,
            max_retry_after=config.http.request_timeout,
        )
        self.calls = Calls(self._requests, max_retries=config.max_retries)
        self.creates = PendingCreates(
            self._requests,
            self._throttle,
            max_retries=config.max_retries,
            dialect=config.dialect,
            accepted_encoding=accepted_encoding,
        )
        self.poller = Poller(
            self._requests,
            queue,
            self._throttle,
            TaskLearner(config.duration_history),
            self._clock,
            has_live_list=config.dialect.list_is_live and config.dialect.list_path is not None,
        )
        self._downloads: DownloadManager | None = None
        self._held: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self._cleanup = CleanupBeforeLoopCloses(self._close_all)

    @property
    def is_closed(self) -> bool:
        """Whether nothing may be sent any more."""
        return self._requests.is_closed

    @property
    def rate(self) -> float:
        """The requests a second that the rate limit allows now; infinity for no limit."""
        return self._throttle.rate

    @property
    def download_count(self) -> int:
        """How many downloads have started and not ended."""
        return 0 if self._downloads is None else self._downloads.download_count

    @property
    def downloads(self) -> "DownloadManager":
        """What the downloads share; made at the first of them."""
        if self._downloads is None:
            # Imported here because a program that only waits does not need it; with the batch,
            # it is 28 of the 160 ms that `import sora_async` takes.
            from .._download.http_stream import FileHttpClient
            from .._download.manager import DownloadManager

            config = self._config
            stream = FileHttpClient(
                self._transport,
                config.http,
                base=self._endpoints.base,
                trust_env=config.trust_env,
                trace_configs=config.trace_configs,
            )
            self._downloads = DownloadManager(
                stream,
                self.poller.queue,
                self._clock,
                record_error=self._throttle.record_response,
                secrets=config.http.secrets,
                max_concurrent=config.max_downloads,
            )
        return self._downloads

    def hold(self, task: asyncio.Task[None]) -> None:
        """Cancel a task, and let it end, before anything is closed that it needs."""
        self._held.add(task)
        task.add_done_callback(self._held.discard)

    def abandon(self) -> None:
        """Close at the next turn of the loop, for a client that was thrown away."""
        self._closing = asyncio.get_running_loop().create_task(self.close())

    async def close(self) -> None:
        """End all waits and close the session, unless it was given."""
        await self._cleanup.run()

    async def _close_all(self) -> None:
        held = [task for task in self._held if task is not asyncio.current_task()]
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        self._requests.is_closed = True
        try:
            await self.poller.close()
            await self.creates.close()
            if self._downloads is not None:
                await self._downloads.close()
        finally:
            await self._transport.close()


class CleanupBeforeLoopCloses:
    """
    Runs a cleanup once: when :meth:`run` is called, or before ``asyncio.run`` closes its loop.

    A loop has no hook for that but one: ``asyncio.run`` closes every async generator that a
    program has begun and not ended (``loop.shutdown_asyncgens``). So the cleanup is the ``finally``
    of a generator that has begun. A client that is never closed leaves no open socket behind.

    Args:
        cleanup: A coroutine function.
    """

    def __init__(self, cleanup: Callable[[], Awaitable[None]]) -> None:
        self._cleanup = cleanup
        self._generator = self._run_at_end()
        with contextlib.suppress(StopIteration), warnings.catch_warnings():
            # The loop may have closed its generators already; then nobody closes this one.
            warnings.simplefilter("ignore", ResourceWarning)
            self._generator.__anext__().send(None)

    async def run(self) -> None:
        """Run the cleanup, unless it has run."""
        await self._generator.aclose()

    async def _run_at_end(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self._cleanup()


ResourcesByLoop = dict[asyncio.AbstractEventLoop, LoopResources]


def find_resources(by_loop: ResourcesByLoop) -> LoopResources | None:
    """Return the open resources on the running loop; forget those of loops that are closed."""
    resources = by_loop.get(asyncio.get_running_loop())
    if resources is not None and not resources.is_closed:
        return resources
    for loop in [loop for loop in list(by_loop) if loop.is_closed()]:
        by_loop.pop(loop, None)
    return None


def abandon(by_loop: ResourcesByLoop) -> None:
    """Close the resources of a client that was thrown away without being closed."""
    for loop, resources in list(by_loop.items()):
        if not loop.is_closed() and not resources.is_closed:
            loop.call_soon_threadsafe(resources.abandon)
