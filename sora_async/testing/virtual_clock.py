"""An event loop whose clock jumps to the next timer: an hour of waiting costs milliseconds."""

import asyncio
import selectors
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any, TypeVar, TypeVarTuple, Unpack

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

# Linux hands a loopback packet to its receiver before send() returns, so one select() without
# waiting is enough. Other systems do not promise that.
_SELECT_TIMEOUT = 0.0 if sys.platform == "linux" else 0.001


class _VirtualSelector(selectors.DefaultSelector):
    """Move the clock, *now*, where asyncio asks to sleep; not while there are *jobs*."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.jobs: set[asyncio.Future[Any]] = set()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """
        Return the sockets that are ready; if there are none, let *timeout* pass on the clock.

        Args:
            timeout: Seconds until the next timer; 0 while callbacks are ready to run, and None
                when there is no timer.
        """
        if timeout is None or (timeout > 0 and self.jobs):
            return super().select(None)
        ready = super().select(_SELECT_TIMEOUT if timeout > 0 else 0)
        if not ready:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """
    Run asyncio code on a clock that starts at 0.0 and jumps when there is nothing else to do.

    Sockets are real, sleeps are not: when no callback and no socket is ready and no executor job
    is running, the clock jumps to the next timer. Times are exact, and the same on every run.
    ``asyncio.sleep``, ``asyncio.timeout`` and the timeouts of aiohttp follow this
    clock; ``time.monotonic`` and ``time.time`` do not. It works wherever a loop factory does::

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(main())

    All peers must live on this loop: a server in another thread, process or machine is slower
    than the clock, and its clients time out before it can answer. Subprocesses and threads of
    your own are not waited for either. Without any timer the loop really sleeps until a socket,
    a signal or a thread wakes it, as every asyncio loop does.

    While a job of ``run_in_executor`` (and so of ``asyncio.to_thread`` or ``getaddrinfo``) is
    under way, the clock stands and the wait is real. So a job must not itself wait for a timer
    of this loop: neither would ever end. A job that was cancelled is not waited for.

    Debug mode reports no slow callbacks, because no time passes while a callback runs.
    """

    def __init__(self) -> None:
        self._virtual = _VirtualSelector()
        super().__init__(self._virtual)
        # A timer is due when it is less than the clock's resolution ahead. asyncio's own, 1e-9,
        # is lost in rounding from 2**24 seconds (194 days) on: no timer would be due again.
        # This one lasts for 50 years; there is no public way to set it.
        self._clock_resolution = 1e-7

    def time(self) -> float:
        """Return the virtual time: seconds since this loop was made."""
        return self._virtual.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        """Run *func* in the executor as usual; the clock stands until it ends."""
        return self._hold(super().run_in_executor(executor, func, *args))

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """
        Join the executor's threads as usual; the clock stands until they end.

        Args:
            timeout: Without effect, as it is a time on the clock that stands.
        """
        await self._hold(self.create_task(super().shutdown_default_executor()))

    def _hold(self, job: asyncio.Future[_T]) -> asyncio.Future[_T]:
        self._virtual.jobs.add(job)
        job.add_done_callback(self._virtual.jobs.discard)
        return job

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect as usual, but unpaced."""
        _unpace(sock)
        await super().sock_connect(sock, address)

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        """Serve as usual, but unpaced, and with room for many new connections at once."""
        # A connection that finds the queue full is tried again after one real second: the
        # usual backlog of 100 would make the clock jump while hundreds of them are opened.
        server = await super().create_server(*args, **options | {"backlog": 4096})
        for sock in server.sockets:
            _unpace(sock)
        return server


def _unpace(sock: Any) -> None:
    """
    Make *sock*, and all that it accepts, send without pauses.

    Some systems use BBR, which holds parts of a large body back on timers of the kernel. The
    loop would see nothing ready and jump in the middle of an exchange. Reno is part of every
    Linux and has no such timers.
    """
    # OSError: not TCP. AttributeError: a system that offers no choice.
    with suppress(OSError, AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")


class VirtualClock:
    """What the fixture ``sora_virtual_time`` gives to a test: the clock of its loop."""

    def __repr__(self) -> str:
        try:
            return f"<VirtualClock at {self.now:.6g} s>"
        except RuntimeError:
            return "<VirtualClock: not running>"

    @property
    def now(self) -> float:
        """
        The seconds since the loop was made, as ``loop.time()``.

        Raises:
            RuntimeError: The running loop is not a virtual one, or there is none.
        """
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualTimeLoop):
            raise RuntimeError("this test does not run in virtual time")
        return loop.time()
