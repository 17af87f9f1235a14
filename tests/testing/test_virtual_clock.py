"""The clock that jumps: exact, the same on every run, and standing while anything is under way."""

import asyncio
import logging
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any, TypeVar

import pytest
from aiohttp import ClientSession, ClientTimeout, test_utils, web

from sora_async.testing.virtual_clock import VirtualClock, VirtualTimeLoop

T = TypeVar("T")
HOUR = 3600.0
# Far more than the buffers of a loopback connection hold at first.
LARGE = bytes(8_000_000)


def run(main: Coroutine[Any, Any, T], *, debug: bool = False) -> T:
    """Run *main* on a new clock."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop, debug=debug) as runner:
        return runner.run(main)


def now() -> float:
    """Read the clock of the running loop."""
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
    """Serve *handler* on the running loop, and give its address."""
    app = web.Application(client_max_size=2 * len(LARGE))
    app.router.add_route("*", "/", handler)
    async with test_utils.TestServer(app) as server:
        yield server.make_url("/")


async def echo(request: web.Request) -> web.Response:
    """Answer with the body that was sent."""
    return web.Response(body=await request.read())


@asynccontextmanager
async def alarm(after: float) -> AsyncIterator[asyncio.Task[None]]:
    """Keep a timer pending, that the clock could jump to."""
    task = asyncio.create_task(asyncio.sleep(after))
    try:
        yield task
    finally:
        task.cancel()


class Worker:
    """
    A job for a thread that meets the loop many times before it ends.

    Between two meetings the loop has nothing to do, so a clock that does not stand would jump.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.started = asyncio.Event()
        self.ended = asyncio.Event()

    def __call__(self) -> None:
        self.loop.call_soon_threadsafe(self.started.set)
        for _ in range(50):
            met = threading.Event()
            self.loop.call_soon_threadsafe(met.set)
            met.wait()
        self.loop.call_soon_threadsafe(self.ended.set)


async def test_the_clock_starts_at_zero_and_jumps_to_the_end_of_a_sleep() -> None:
    start = now()
    await asyncio.sleep(600)

    assert [start, now()] == [0.0, pytest.approx(600)]


async def test_the_clock_stands_while_there_is_something_to_do() -> None:
    async with alarm(HOUR):
        for _ in range(1000):
            await asyncio.sleep(0)

    assert now() == 0.0


async def test_timers_end_in_their_order_and_at_their_times() -> None:
    ends: list[float] = []

    async def nap(seconds: float) -> None:
        await asyncio.sleep(seconds)
        ends.append(now())

    await asyncio.gather(*map(nap, (7 * 24 * HOUR, 0.001, HOUR, 2.5)))

    assert ends == pytest.approx([0.001, 2.5, HOUR, 7 * 24 * HOUR])


async def test_a_timeout_ends_at_its_deadline() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(90):
            await asyncio.Event().wait()

    assert now() == pytest.approx(90)


@pytest.mark.parametrize("start", [2.0**24, 1e9])
async def test_short_timers_end_even_after_many_years(start: float) -> None:
    await asyncio.sleep(start)
    await asyncio.sleep(1e-9)
    await asyncio.sleep(2)

    assert now() == pytest.approx(start + 2, rel=1e-12)


def test_two_runs_have_the_same_times() -> None:
    async def main() -> list[tuple[int, float]]:
        chance, ends = random.Random(1), []

        async def poll(number: int, session: ClientSession, url: str) -> None:
            for _ in range(5):
                await asyncio.sleep(chance.random())
                async with session.post(url, data=b"?") as response:
                    await response.read()
                ends.append((number, now()))

        async with serving(echo) as url, ClientSession() as session:
            await asyncio.gather(*(poll(number, session, url) for number in range(10)))
        return ends

    assert run(main()) == run(main())


@pytest.mark.parametrize("debug", [False, True])
def test_no_time_passes_in_an_exchange(debug: bool) -> None:
    async def main() -> float:
        async with (
            serving(echo) as url,
            ClientSession(timeout=ClientTimeout(total=30)) as session,
            session.post(url, data=BytesIO(LARGE)) as response,
        ):
            assert await response.read() == LARGE
        return now()

    assert run(main(), debug=debug) == 0.0


async def test_no_time_passes_while_hundreds_connect_at_once() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()
        await writer.wait_closed()

    async def visit(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b"hello\n"
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(30):
            await asyncio.gather(*(visit(port) for _ in range(300)))

    assert now() == 0.0


async def test_a_request_without_an_answer_ends_at_its_timeout() -> None:
    async def stall(request: web.Request) -> web.Response:
        await asyncio.sleep(HOUR)
        raise AssertionError("the client waited an hour")

    async with serving(stall) as url, ClientSession(timeout=ClientTimeout(total=30)) as session:
        with pytest.raises(TimeoutError):
            await session.get(url)
        assert now() == pytest.approx(30)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a socket choose")
async def test_no_peer_paces_what_it_sends() -> None:
    chosen: set[bytes] = set()

    def note(writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        chosen.add(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0"))

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        note(writer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        note(writer)
        await reader.read()
        writer.close()
        await writer.wait_closed()

    assert chosen == {b"reno"}


async def test_sockets_that_are_not_tcp_connect_as_usual() -> None:
    loop = asyncio.get_running_loop()
    received: asyncio.Future[bytes] = loop.create_future()

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            received.set_result(data)

    here, _ = await loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
    there, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=here.get_extra_info("sockname")
    )
    there.sendto(b"hello")
    data = await received
    here.close()
    there.close()

    assert data == b"hello"


async def test_the_clock_stands_while_a_thread_works_and_moves_after_it() -> None:
    async with alarm(HOUR):
        await asyncio.to_thread(Worker())
        after_the_job = now()
        await asyncio.sleep(5)

    assert [after_the_job, now()] == [0.0, pytest.approx(5)]


async def test_the_clock_stands_while_a_name_is_looked_up() -> None:
    async with alarm(HOUR):
        assert await asyncio.get_running_loop().getaddrinfo("localhost", 80)

    assert now() == 0.0


async def test_a_cancelled_job_is_not_waited_for() -> None:
    release = threading.Event()
    job = asyncio.get_running_loop().run_in_executor(None, release.wait)
    job.cancel()
    await asyncio.sleep(HOUR)
    release.set()

    assert now() == pytest.approx(HOUR)


async def test_the_clock_stands_while_the_executor_shuts_down() -> None:
    worker = Worker()
    loop = asyncio.get_running_loop()
    job = loop.run_in_executor(None, worker)
    await worker.started.wait()
    job.cancel()
    async with alarm(HOUR):
        await loop.shutdown_default_executor()

    assert (now(), worker.ended.is_set()) == (0.0, True)


async def test_a_foreign_thread_wakes_a_loop_without_timers() -> None:
    worker = Worker()
    thread = threading.Thread(target=worker)
    thread.start()
    await worker.ended.wait()
    thread.join()

    assert now() == 0.0


@pytest.mark.skipif(sys.platform == "win32", reason="asyncio handles no signals on Windows")
async def test_a_signal_wakes_a_loop_without_timers() -> None:
    came = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, came.set)
    thread = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
    thread.start()
    await came.wait()
    thread.join()

    assert now() == 0.0


def test_debug_mode_takes_no_virtual_hour_for_a_slow_callback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        for _ in range(24):
            await asyncio.sleep(HOUR)
        async with alarm(HOUR):
            await asyncio.get_running_loop().getaddrinfo("localhost", 80)

    with caplog.at_level(logging.INFO, logger="asyncio"):
        run(main(), debug=True)

    assert caplog.records == []


def test_a_virtual_clock_is_read_on_a_virtual_loop_only() -> None:
    async def read() -> float:
        await asyncio.sleep(3)
        return VirtualClock().now

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(read()) == 3.0

    async def read_at_once() -> float:
        return VirtualClock().now

    with pytest.raises(RuntimeError, match="does not run in virtual time"):
        asyncio.run(read_at_once())
