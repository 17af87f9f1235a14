"""What a client has on one event loop: session, transport and poller, which end with the loop."""

import asyncio
import contextlib
import warnings
from collections.abc import AsyncGenerator, Sequence

import aiohttp
from yarl import URL

from ._poller import Poller
from ._stream import Stream
from ._transfers import Transfers
from ._transport import Terms, Transport
from ._wire import decode_reply, task_path
from .budget import Budget
from .errors import ClientClosedError, InvalidArgumentError, SoraError
from .learning import Memory
from .models import VideoTask


def check_trace_configs(
    trace_configs: Sequence[aiohttp.TraceConfig],
) -> tuple[aiohttp.TraceConfig, ...]:
    """Return aiohttp's trace configurations, if that is what they are."""
    configs = tuple(trace_configs)
    if not all(isinstance(one, aiohttp.TraceConfig) for one in configs):
        raise InvalidArgumentError(f"trace_configs: expected aiohttp.TraceConfig, got {configs!r}")
    return configs


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
        budget: Budget,
        memory: Memory,
        base_url: str,
        trace_configs: Sequence[aiohttp.TraceConfig],
        session: aiohttp.ClientSession | None,
        max_downloads: int,
        trust_env: bool,
    ) -> None:
        self._base = URL(base_url, encoded=True)
        self._root = self._base.raw_path.rstrip("/")
        self._secrets = terms.secrets
        self._transport = Transport(session, terms, trace_configs)
        self.is_closed = False
        self.poller = Poller(self._ask, budget, memory)
        self._trace_configs = trace_configs
        self._terms = terms
        self._max_downloads = max_downloads
        self._trust_env = trust_env
        self._transfers: Transfers | None = None
        self._keeper = self._keep()
        self._closing: asyncio.Task[None] | None = None
        with contextlib.suppress(StopIteration), warnings.catch_warnings():
            # The loop may have closed its generators already; then nobody closes ours.
            warnings.simplefilter("ignore", ResourceWarning)
            self._keeper.__anext__().send(None)

    async def fetch(self, task_id: str, *, patience: float) -> VideoTask:
        """
        Ask once, in a slot of the budget; raise what the answer was, if it was no task.

        Args:
            task_id: The id to ask for.
            patience: Seconds of silence, asked for by the service, that are borne before.
        """
        if self.poller.silence() > patience:
            raise self.poller.refusal()
        slots = self.poller.slots
        await slots.take()
        try:
            if self.is_closed:
                raise ClientClosedError(task_id)
            task = await self._ask(task_id, None)
        except SoraError as fault:
            self.poller.note(task_id, fault)
            raise
        finally:
            slots.give_back()
        self.poller.note(task_id, task)
        return task

    async def _ask(self, task_id: str, previous: VideoTask | None) -> VideoTask:
        """Ask once; *previous* is the snapshot that came before, None when there is none."""
        # Made anew each time: a URL that is kept takes six times the memory of its text.
        url = self._base.with_path(self._root + task_path(task_id), encoded=True)
        try:
            reply = await self._transport.get(url)
        except (InvalidArgumentError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not self._transport.is_ours:
                raise InvalidArgumentError(f"session: {error}") from error
            if self.is_closed:  # pragma: no cover - between a redirect and what it leads to
                raise ClientClosedError(task_id) from error
            raise
        return decode_reply(reply, task_id=task_id, secrets=self._secrets, previous=previous)

    @property
    def transfers(self) -> Transfers:
        """What the downloads share; made at the first of them."""
        if self._transfers is None:
            stream = Stream(
                self._transport,
                self._terms,
                base=self._base,
                trust_env=self._trust_env,
                trace_configs=self._trace_configs,
            )
            self._transfers = Transfers(
                stream,
                self.poller.slots,
                note=self.poller.note,
                secrets=self._secrets,
                at_once=self._max_downloads,
            )
        return self._transfers

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
                if self._transfers is not None:
                    await self._transfers.close()
            finally:
                await self._transport.close()


def abandon(homes: "dict[asyncio.AbstractEventLoop, Home]") -> None:
    """Close the homes of a client that was thrown away without being closed."""
    for loop, home in list(homes.items()):
        if not loop.is_closed() and not home.is_closed:
            loop.call_soon_threadsafe(home.abandon)


def find_home(homes: "dict[asyncio.AbstractEventLoop, Home]") -> Home | None:
    """Return the open home on the running loop; forget those of loops that are closed."""
    home = homes.get(asyncio.get_running_loop())
    if home is not None and not home.is_closed:
        return home
    for loop in [loop for loop in list(homes) if loop.is_closed()]:
        homes.pop(loop, None)
    return None
