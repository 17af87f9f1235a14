"""What a client says of what it is doing."""

import asyncio

import pytest
from support import client_of
from support.programs import find_free_port

from sora_async import ClientStats, RateLimit, Schedule, SoraClient
from sora_async.testing import FakeSora, VirtualTimeLoop, completed, http_error, running


async def test_an_unused_client_has_counted_nothing_and_has_its_rate() -> None:
    client = SoraClient(base_url="http://127.0.0.1:9", rate_limit=RateLimit(rate=7))

    assert client.stats == ClientStats(
        waits=0, outages=0, downloads=0, rate=7, polls=0, rate_limited=0
    )


async def test_without_a_rate_limit_there_is_no_rate(sora: FakeSora) -> None:
    async with client_of(sora, rate_limit=RateLimit(rate=None)) as client:
        before = client.stats.rate
        await client.get_task(sora.script("video_1", completed()))

        assert (before, client.stats.rate) == (None, None)


async def test_waits_and_outages_are_those_of_this_moment(sora: FakeSora) -> None:
    sora.script("video_1", running(0.1), http_error(503), completed())
    schedule = Schedule(intervals=[10])
    async with client_of(sora, schedule=schedule) as client:
        first, second = (client.wait_until_complete("video_1") for _ in range(2))
        seen = []
        async for _ in first:
            seen.append((client.stats.waits, client.stats.outages))
            if len(seen) == 1:
                other = asyncio.create_task(second.result())

        await other

        assert seen[:2] == [(1, 0), (2, 1)]
        assert (client.stats.waits, client.stats.outages, client.stats.polls) == (0, 0, 3)


async def test_a_429_is_counted_and_lowers_the_rate(sora: FakeSora) -> None:
    sora.script("video_1", http_error(429), http_error(429), completed())
    async with client_of(sora) as client:
        await client.wait_until_complete("video_1")

        assert client.stats.rate_limited == 2
        assert client.stats.rate == pytest.approx(49, abs=1)


async def test_downloads_count_from_their_start_to_their_end(sora: FakeSora, tmp_path) -> None:
    sora.script("video_1", completed())
    async with client_of(sora) as client:
        download = client.download("video_1", tmp_path / "boat.mp4")
        counts = [client.stats.downloads async for _ in download]
        await asyncio.sleep(0)

        assert counts[0] == 1
        assert client.stats.downloads == 0


def test_counters_go_on_over_event_loops() -> None:
    port = find_free_port()
    client = SoraClient(base_url=f"http://127.0.0.1:{port}")

    async def wait() -> None:
        async with FakeSora(port=port) as sora, client:
            await client.wait_until_complete(sora.script("video_1", completed()))

    for _ in range(2):
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(wait())

    assert client.stats.polls == 2
