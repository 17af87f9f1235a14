"""One rate limit for many processes, kept in a real Redis."""

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.programs import reached

from sora_async import (
    InvalidArgumentError,
    RateLimitError,
    Schedule,
    ServiceUnavailableError,
    SoraClient,
)
from sora_async._http.request_queue import RequestQueue
from sora_async.testing import FakeSora, Scenario, completed, http_error, running, slow

redis = pytest.importorskip("redis", reason="needs the extra redis: nox -s integrations")

from sora_async.integrations.redis import SharedRateLimit  # noqa: E402

OFTEN = Schedule(intervals=[0.05])
NOBODY = "redis://127.0.0.1:1/0"


@contextlib.asynccontextmanager
async def crowds(
    sora: FakeSora, rate_limit: SharedRateLimit, *, clients: int = 3, waits: int = 10
) -> AsyncIterator[None]:
    """Let clients wait for more than the rate limit allows, each as if in a process of its own."""
    async with contextlib.AsyncExitStack() as stack:
        tasks = []
        for number in range(clients):
            client = await stack.enter_async_context(
                SoraClient(base_url=sora.url, rate_limit=rate_limit, schedule=OFTEN)
            )
            for wait in range(waits):
                task_id = sora.add(Scenario(running=1e6), task_id=f"{number}_{wait}")
                tasks.append(asyncio.ensure_future(client.wait_until_complete(task_id).result()))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@attrs.define
class Lateness:
    """
    By how much the loop was late, for a machine that has other things to do.

    Attributes:
        worst: At most, in seconds: so long may what was due before fall into a window.
        total: In all, in seconds: so much of a window was no time to ask in.
    """

    worst: float = 0.0
    total: float = 0.0


@contextlib.asynccontextmanager
async def watching_the_loop() -> AsyncIterator[Lateness]:
    """Measure how late the loop is."""
    loop, lateness = asyncio.get_running_loop(), Lateness()

    async def tick() -> None:
        while True:
            due = loop.time() + 0.005
            await asyncio.sleep(0.005)
            late = loop.time() - due
            if late > 0.01:
                lateness.total += late
                lateness.worst = max(lateness.worst, late)

    ticking = asyncio.ensure_future(tick())
    try:
        yield lateness
    finally:
        ticking.cancel()


def is_about(polls: int, expected: float, spread: float, late: Lateness, *, rate: float) -> bool:
    """Whether so many polls came, as far as the loop had the time for them."""
    least = expected - spread - rate * late.total
    return least <= polls <= expected + spread + rate * late.worst


async def redis_shows(is_so: Callable[[], Awaitable[object]]) -> None:
    """Wait until something is so that Redis has to be asked for."""
    async with asyncio.timeout(15):
        while not await is_so():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("url", ["redis://:pass/word@127.0.0.1:6379", "redis://h:70000"])
def test_an_address_that_cannot_be_read_is_told_at_once_and_without_its_password(url: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^url: expected") as caught:
        SharedRateLimit(url=url)

    assert "word" not in str(caught.value).replace("password", "")
    assert caught.value.__context__ is None


async def pause_is_known(url: str) -> None:
    """Wait until Redis knows of a pause."""

    async def is_known() -> bool:
        return (
            float(await one.hget("sora_async:{default}:rate_limit", "paused_until") or 0)
            > time.time()
        )

    async with redis.asyncio.Redis.from_url(url) as one:
        await redis_shows(is_known)


def between(sora: FakeSora, begin: float, end: float) -> Counter[str]:
    """Count the polls of each client in a stretch of time, on the loop's clock."""
    asked = ((at, request.task_id or "") for at, request in sora.requests)
    return Counter(task_id[0] for at, task_id in asked if begin <= at < end)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


def client_of(sora: FakeSora, rate_limit: SharedRateLimit) -> SoraClient:
    return SoraClient(base_url=sora.url, rate_limit=rate_limit, max_retries=0)


@pytest.fixture
def sora() -> FakeSora:
    """A fake service, not begun."""
    return FakeSora()


async def test_many_clients_keep_one_rate_and_share_it_fairly(redis_server, sora) -> None:
    loop = asyncio.get_running_loop()
    async with sora, crowds(sora, SharedRateLimit(url=redis_server.url, rate=60, burst=3)):
        await asyncio.sleep(0.3)
        begin = loop.time()
        async with watching_the_loop() as late:
            await asyncio.sleep(1.5)
        shares = between(sora, begin, begin + 1.5)

    assert is_about(sum(shares.values()), 90, 4.5, late, rate=60)
    assert min(shares.values()) >= 0.28 * sum(shares.values()) - 60 * late.total


async def test_permits_of_many_processes_are_spaced_evenly(redis_server, sora) -> None:
    async with sora, crowds(sora, SharedRateLimit(url=redis_server.url, rate=60, burst=3)):
        async with watching_the_loop() as late:
            await asyncio.sleep(1.3)
        starts = [at for at, _ in sora.requests]

    fullest = max(sum(1 for one in starts if at <= one < at + 0.1) for at in starts)
    # In a tenth of a second, the burst, and what a loop that is late had to do before.
    assert fullest <= 6 + 3 + 3 + 60 * late.worst


async def test_permits_are_reserved_many_at_once(redis_server, sora) -> None:
    async def count_calls() -> int:
        stats = await one.info("commandstats")
        return int(stats["cmdstat_evalsha"]["calls"])

    rate_limit = SharedRateLimit(url=redis_server.url, rate=200, burst=3)
    async with (
        sora,
        crowds(sora, rate_limit, clients=1, waits=50),
        redis.asyncio.Redis.from_url(redis_server.url) as one,
    ):
        await reached(lambda: len(sora.requests) >= 100)
        polls, calls = len(sora.requests), await count_calls()
        await reached(lambda: len(sora.requests) >= polls + 200)
        polls, calls = len(sora.requests) - polls, await count_calls() - calls

    assert calls < polls / 4


async def test_a_clock_that_was_set_back_stops_nobody_and_is_logged_once(
    redis_server, sora, caplog
) -> None:
    sora.script("video", completed())
    rate_limit = SharedRateLimit(url=redis_server.url, rate=60, burst=1)
    later = time.time() + 3600
    known = {"clock": later, "next": later + 0.01, "paused_until": later + 0.01, "decreases": 0}
    async with redis.asyncio.Redis.from_url(redis_server.url) as one:
        await one.hset("sora_async:{default}:rate_limit", mapping=known)
        await one.zadd("sora_async:{default}:processes", {"dead for long": later - 3})
    async with (
        sora,
        client_of(sora, rate_limit) as client,
        client_of(sora, rate_limit) as other,
        asyncio.timeout(30),
    ):
        await asyncio.gather(*(each.get_task("video") for each in [client, other] * 3))
        async with redis.asyncio.Redis.from_url(redis_server.url) as one:
            processes = await one.zcard("sora_async:{default}:processes")

    assert processes == 2
    [line] = warnings(caplog)
    assert "the clock of Redis was set back by 3600 s; going on" in line


@contextlib.asynccontextmanager
async def slow_redis(url: str, delay: float) -> AsyncIterator[str]:
    """Forward a port to a Redis whose responses arrive late by *delay* seconds; yield its URL."""
    host, _, port = url.removeprefix("redis://").removesuffix("/0").partition(":")
    loop = asyncio.get_running_loop()
    connections: set[asyncio.Task[None]] = set()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        redis_reader, redis_writer = await asyncio.open_connection(host, int(port))
        requests = asyncio.create_task(forward(reader, redis_writer))
        with contextlib.closing(writer), contextlib.closing(redis_writer):
            while data := await redis_reader.read(65536):
                loop.call_later(delay, writer.write, data)
            requests.cancel()

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


@pytest.mark.parametrize("clients", [1, 3])
async def test_a_slow_redis_costs_no_throughput(redis_server, sora, clients: int) -> None:
    async with slow_redis(redis_server.url, 0.2) as url, sora:
        rate_limit = SharedRateLimit(url=url, rate=60, burst=3)
        async with crowds(sora, rate_limit, clients=clients, waits=60 // clients):
            loop = asyncio.get_running_loop()
            # Of 120; with permits for 0.1 s at a time, it would be about 30.
            await reached(lambda: between(sora, loop.time() - 2.0, loop.time()).total() >= 114)


async def test_names_keep_rate_limits_apart(redis_server, sora) -> None:
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(sora)
        for name in ("one", "other"):
            rate_limit = SharedRateLimit(url=redis_server.url, name=name, rate=20, burst=1)
            await stack.enter_async_context(crowds(sora, rate_limit, clients=1))
        async with watching_the_loop() as late:
            await asyncio.sleep(1.0)
        polls = len(sora.requests)

    assert is_about(polls, 40, 6, late, rate=40)


async def test_without_redis_each_sends_its_share_and_reconnects_by_itself(
    redis_server, sora, caplog
) -> None:
    loop = asyncio.get_running_loop()
    rate_limit = SharedRateLimit(url=redis_server.url, rate=60, burst=3)
    async with sora, crowds(sora, rate_limit):
        await asyncio.sleep(0.3)
        redis_server.stop()
        lost = loop.time()
        async with watching_the_loop() as late:
            await asyncio.sleep(1.0)
        alone = between(sora, lost, lost + 1.0)
        redis_server.start()
        await reached(lambda: sum("Redis is back" in line for line in warnings(caplog)) == 3)
        await asyncio.sleep(0.2)
        back = loop.time()
        async with watching_the_loop() as late_again:
            await asyncio.sleep(1.0)
        again = between(sora, back, back + 1.0)

    assert len(alone) == 3
    assert all(is_about(polls, 20, 3, late, rate=20) for polls in alone.values())
    assert is_about(sum(again.values()), 60, 4, late_again, rate=60)
    said = warnings(caplog)
    assert sum("no Redis (ConnectionError" in line for line in said) == 3  # once for each client
    assert sum("Redis is back after" in line for line in said) == len(said) - 3 == 3
    assert "going on with 20 of 60 requests a second" in said[0]


async def test_a_redis_that_was_never_there_ends_no_wait(sora, caplog) -> None:
    sora.script("video", running(0.5), completed())
    rate_limit = SharedRateLimit(url=NOBODY, processes=2)
    async with sora, SoraClient(base_url=sora.url, rate_limit=rate_limit, schedule=OFTEN) as client:
        task = await client.wait_until_complete("video")

    assert task.is_complete
    [line] = warnings(caplog)
    assert "going on with 25 of 50 requests a second" in line


async def test_a_redis_that_hangs_holds_nobody_up_for_long(redis_server, sora) -> None:
    sora.script("video", running(0.5), completed())
    rate_limit = SharedRateLimit(url=redis_server.url)
    async with sora, SoraClient(base_url=sora.url, rate_limit=rate_limit, schedule=OFTEN) as client:
        with redis_server.hanging():
            async with asyncio.timeout(10):
                task = await client.wait_until_complete("video")

    assert task.is_complete


async def test_a_429_that_comes_while_redis_is_asked_is_told_right_after(
    redis_server, sora
) -> None:
    rate_limit = SharedRateLimit(url=redis_server.url, rate=60, burst=1)
    sora.script("limited", slow(0.2, http_error(429, headers={"Retry-After": "2"})))
    sora.script("video", completed())
    async with (
        sora,
        client_of(sora, rate_limit) as one,
        client_of(sora, rate_limit) as other,
        watching_the_loop() as late,
    ):
        limited = asyncio.ensure_future(one.get_task("limited"))
        await asyncio.sleep(0.1)
        with redis_server.hanging():
            video = asyncio.ensure_future(one.get_task("video"))
            with pytest.raises(RateLimitError):
                await limited
        await pause_is_known(redis_server.url)
        await other.get_task("video")
        await video

    assert 2.0 <= sora.polls("video")[0] - sora.polls("limited")[0] - 0.2 < 2.2 + late.total


async def test_a_503_with_retry_after_pauses_all(redis_server, sora) -> None:
    rate_limit = SharedRateLimit(url=redis_server.url)
    sora.script("trouble", http_error(503, headers={"Retry-After": "2"}))
    sora.script("video", completed())
    async with (
        sora,
        client_of(sora, rate_limit) as one,
        client_of(sora, rate_limit) as other,
        watching_the_loop() as late,
    ):
        with pytest.raises(ServiceUnavailableError):
            await one.get_task("trouble")
        await pause_is_known(redis_server.url)
        await other.get_task("video")

    assert 2.0 <= sora.polls("video")[0] - sora.polls("trouble")[0] < 2.2 + late.total


async def test_a_429_that_one_receives_pauses_all_and_lowers_their_rate(redis_server, sora) -> None:
    loop = asyncio.get_running_loop()
    rate_limit = SharedRateLimit(url=redis_server.url, rate=60, burst=1)
    sora.script("limited", http_error(429, headers={"Retry-After": "0.6"}))
    async with sora, crowds(sora, rate_limit), client_of(sora, rate_limit) as other:
        await asyncio.sleep(1.0)
        with pytest.raises(RateLimitError):
            await other.get_task("limited")
        paused_at = loop.time()
        async with watching_the_loop() as late:
            await asyncio.sleep(1.65)
        during = between(sora, paused_at + 0.2 + late.worst, paused_at + 0.55)
        after = between(sora, paused_at + 0.6, paused_at + 1.6)

    assert during == {}
    assert 35 - 60 * late.total < sum(after.values()) < 0.94 * 60


async def test_a_client_without_redis_reconnects_again_and_again(
    redis_server, sora, caplog
) -> None:
    sora.script("video", completed())
    redis_server.stop()
    async with sora, client_of(sora, SharedRateLimit(url=redis_server.url, rate=60)) as client:
        await client.get_task("video")
        await asyncio.sleep(3.5)  # it has looked twice at least
        redis_server.start()
        await reached(lambda: len(warnings(caplog)) > 1)

    assert ["no Redis" in line for line in warnings(caplog)] == [True, False]


async def test_a_429_seen_without_redis_is_told_when_it_is_back(redis_server, sora) -> None:
    rate_limit = SharedRateLimit(url=redis_server.url, rate=60, burst=1)
    sora.script("limited", http_error(429, headers={"Retry-After": "5"}))
    sora.script("video", completed())
    redis_server.stop()
    async with (
        sora,
        client_of(sora, rate_limit) as one,
        client_of(sora, rate_limit) as other,
        watching_the_loop() as late,
    ):
        with pytest.raises(RateLimitError):
            await one.get_task("limited")
        redis_server.start()
        await pause_is_known(redis_server.url)
        await other.get_task("video")

    assert 5.0 <= sora.polls("video")[0] - sora.polls("limited")[0] < 5.3 + late.total


async def test_a_call_after_the_end_gets_a_permit_and_fails_later(redis_server) -> None:
    queue = RequestQueue[Any](SharedRateLimit(url=redis_server.url))

    queue.close()
    await queue.bucket.close()
    await queue.acquire()

    assert queue.bucket.paused_until < 0


async def test_a_closed_client_is_not_counted_any_more(redis_server, sora) -> None:
    async def is_counted(processes: int) -> bool:
        return await one.zcard("sora_async:{default}:processes") == processes

    rate_limit = SharedRateLimit(url=redis_server.url)
    async with redis.asyncio.Redis.from_url(redis_server.url) as one, sora:
        async with crowds(sora, rate_limit):
            await redis_shows(lambda: is_counted(3))
        await redis_shows(lambda: is_counted(0))  # Redis itself would take 20 s to forget them


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://127.0.0.1"},
        {"url": 1},
        {"name": ""},
        {"name": "a{b}"},
        {"name": "a\nb"},
        {"rate": None},
        {"rate": 0},
        {"burst": 0},
        {"processes": 0},
        {"processes": True},
        {"processes": 2.5},
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        SharedRateLimit(**{"url": NOBODY, **wrong})


def test_a_shared_rate_limit_does_not_show_the_password_of_its_redis() -> None:
    assert "secret" not in repr(SharedRateLimit(url="redis://:secret@127.0.0.1:1/0"))


async def test_unused_permits_expire(redis_server, sora) -> None:
    rate_limit = SharedRateLimit(url=redis_server.url, rate=60, burst=1)
    sora.script("video", running(0.5))
    async with sora, client_of(sora, rate_limit) as client:
        for _ in range(30):
            await client.get_task("video")
        await asyncio.sleep(1.2)
        before = len(sora.requests)
        async with watching_the_loop() as late:
            await asyncio.gather(*(client.get_task("video") for _ in range(10)))
        starts = [at for at, _ in sora.requests[before:]]

    assert starts[-1] - starts[0] > 8 / 60 - late.worst


async def test_a_client_ends_at_once_although_its_redis_has_died(redis_server, sora) -> None:
    loop = asyncio.get_running_loop()
    sora.script("video", completed())
    async with sora:
        async with client_of(sora, SharedRateLimit(url=redis_server.url)) as client:
            await client.get_task("video")
            redis_server.stop()
            began = loop.time()
        assert loop.time() - began < 5  # and not until somebody gives up


async def test_the_example_shares_a_rate_limit(redis_server, sora) -> None:
    example = (
        Path(__file__).parents[2] / "docs" / "examples" / "integrations" / "share_a_rate_limit.py"
    )
    sora.script("video", completed())
    async with sora, redis.asyncio.Redis.from_url(redis_server.url) as one:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(example), "video"),
            env={**os.environ, "SORA_BASE_URL": sora.url, "REDIS_URL": redis_server.url},
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()

        assert output == b"video ended well\n"
        assert await one.exists("sora_async:{my-account}:rate_limit")


async def test_the_stats_of_a_client_show_the_shared_rate(redis_server, sora) -> None:
    shared = SharedRateLimit(url=redis_server.url, rate=20)

    async with sora, client_of(sora, shared) as client:
        await client.get_task(sora.script("video_1", completed()))

        assert client.stats.rate == 20
