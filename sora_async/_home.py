"""What a client has on one event loop: session, transport and poller, which end with the loop."""

import asyncio
import contextlib
import warnings
from collections.abc import AsyncGenerator, Sequence

import aiohttp

from ._poller import Poller
from ._transport import Terms, Transport
from ._wire import decode_reply, task_url
from .errors import ClientClosedError, InvalidArgumentError
from .models import VideoTask


def check_trace_configs(
    trace_configs: Sequence[aiohttp.TraceConfig],
) -> tuple[aiohttp.TraceConfig, ...]:
    """Return aiohttp's trace configurations, if that is what they are."""
    configs = tuple(trace_configs)
    if not all(isinstance(one, aiohttp.TraceConfig) for one in configs):
        raise InvalidArgumentError(f"trace_configs: expected aiohttp.TraceConfig, got {configs!r}")
    return configs


def _make_session(trace_configs: Sequence[aiohttp.TraceConfig]) -> aiohttp.ClientSession:
    """Return a session without cookies and without a limit of its own on connections."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=list(trace_configs),
    )


class Home:
    """
    The rooms of one client on the running loop.

    An async generator is registered with the loop, as one that a program has
    begun and not ended: ``asyncio.run`` closes such generators before it
    closes the loop, and ours then closes the session. So a client that is
    never closed leaves no open socket behind, run after run.
    """

    def __init__(
        self,
        terms: Terms,
        *,
        base_url: str,
        trace_configs: Sequence[aiohttp.TraceConfig],
        session: aiohttp.ClientSession | None,
    ) -> None:
        self._base_url = base_url
        self._secrets = terms.secrets
        self._session = session or _make_session(trace_configs)
        self._is_ours = session is None
        self._transport = Transport(self._session, terms)
        self.is_closed = False
        self.poller = Poller(self.fetch)
        self._keeper = self._keep()
        self._closing: asyncio.Task[None] | None = None
        with contextlib.suppress(StopIteration), warnings.catch_warnings():
            # The loop may have closed its generators already; then nobody closes ours.
            warnings.simplefilter("ignore", ResourceWarning)
            self._keeper.__anext__().send(None)

    async def fetch(self, task_id: str) -> VideoTask:
        """Ask once; raise what the answer was, if it was no task."""
        try:
            reply = await self._transport.get(task_url(self._base_url, task_id))
        except (InvalidArgumentError, RuntimeError) as error:
            if self.is_closed:
                raise ClientClosedError(task_id) from error
            if isinstance(error, RuntimeError) and not self._is_ours:
                raise InvalidArgumentError(f"session: {error}") from error
            raise
        task = decode_reply(reply, task_id=task_id, secrets=self._secrets)
        self.poller.is_acquainted = True
        return task

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
            self.is_closed = True
            try:
                await self.poller.close()
            finally:
                if self._is_ours:
                    await self._session.close()


def abandon(homes: "dict[asyncio.AbstractEventLoop, Home]") -> None:
    """Close the homes of a client that was thrown away without being closed."""
    for loop, home in list(homes.items()):
        if not loop.is_closed() and not home.is_closed:
            loop.call_soon_threadsafe(home.abandon)


def find_home(homes: "dict[asyncio.AbstractEventLoop, Home]") -> Home | None:
    """Return the open home on the running loop; forget those of loops that are closed."""
    for loop in [loop for loop in list(homes) if loop.is_closed()]:
        homes.pop(loop, None)
    home = homes.get(asyncio.get_running_loop())
    return None if home is None or home.is_closed else home
