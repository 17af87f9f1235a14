"""A webhook that wakes a wait, and waits that expect one."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from support import KEY

from sora_async import DurationHistory, RateLimit, SoraClient, TaskFailedError, WaitTimeoutError
from sora_async.testing import (
    FakeSora,
    Scenario,
    completed,
    http_error,
    queued,
    running,
    slow,
)

Clock = Callable[[], float]
LENGTHS = [208, 232, 266, 240, 301, 255, 270, 262, 284, 222, 249, 260]


@pytest.fixture(params=["openai", "relay"])
async def service(request: pytest.FixtureRequest) -> AsyncIterator[FakeSora]:
    """A service, with a URL in its tasks and without one."""
    async with FakeSora(shape=request.param, api_key=KEY) as sora:
        yield sora


async def learn(sora: FakeSora, client: SoraClient, *, lost: bool = False) -> None:
    """Wait for some tasks, and have a webhook sent for each of them unless they get lost."""
    for seconds in LENGTHS:
        await wait_for(sora, client, seconds, None if lost else 0.5)


async def wait_for(
    sora: FakeSora, client: SoraClient, seconds: float, latency: float | None
) -> tuple[int, float]:
    """Wait for a task with a webhook; return its polls, and how late its end was known."""
    loop = asyncio.get_running_loop()
    task_id, start = sora.add(Scenario(queued=0, running=seconds)), loop.time()
    if latency is not None:
        loop.call_at(start + seconds + latency, client.notify, task_id)
    await client.wait_until_complete(task_id, webhook=True)
    return len(sora.polls(task_id)), loop.time() - start - seconds


async def test_a_webhook_makes_the_next_poll_happen_now(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    task_id = sora.add(Scenario(queued=0, running=100))
    waiting = asyncio.create_task(client.wait_until_complete(task_id, poll_interval=1000).result())
    await asyncio.sleep(101)
    start = now()

    assert client.notify(task_id)
    await waiting

    assert now() == start


async def test_of_many_webhooks_between_two_polls_one_counts(
    sora: FakeSora, client: SoraClient
) -> None:
    task_id = sora.add(Scenario(queued=0, running=100))
    waiting = asyncio.create_task(client.wait_until_complete(task_id, poll_interval=1000).result())
    await asyncio.sleep(20)

    for _ in range(100):
        client.notify(task_id)
    await asyncio.sleep(20)

    assert len(sora.polls(task_id)) == 2
    waiting.cancel()


async def test_a_webhook_during_a_poll_brings_one_more_poll(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    sora.script("task_1", slow(5.0, running(0.5)), completed())
    start = now()
    waiting = asyncio.create_task(client.wait_until_complete("task_1").result())
    await asyncio.sleep(1)

    client.notify("task_1")
    client.notify("task_1")
    await waiting

    assert now() - start == pytest.approx(5.0)
    assert len(sora.polls("task_1")) == 2


async def test_a_webhook_before_the_first_poll_adds_none(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("task_1", completed())
    async with SoraClient(
        api_key=KEY, base_url=sora.url, rate_limit=RateLimit(rate=1, burst=1)
    ) as slow_client:
        await slow_client.get_task("task_1")
        waiting = asyncio.create_task(slow_client.wait_until_complete("task_1").result())
        await asyncio.sleep(0.5)

        assert slow_client.notify("task_1")
        await waiting

    assert len(sora.polls("task_1")) == 2


async def test_a_webhook_ends_no_pause_that_the_service_asked_for(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    limited = http_error(429, headers={"Retry-After": "30"})
    sora.script("task_1", running(0.5), slow(5.0, limited), completed())
    start = now()
    waiting = asyncio.create_task(client.wait_until_complete("task_1", poll_interval=10).result())
    while len(sora.polls("task_1")) < 2:
        await asyncio.sleep(1)

    client.notify("task_1")
    await waiting

    assert now() - start >= 5.0 + 5.0 + 30.0


@pytest.mark.parametrize("seed", range(5))
async def test_forged_webhooks_cost_at_most_one_request_each(
    sora: FakeSora, client: SoraClient, now: Clock, seed: int
) -> None:
    chance, loop = random.Random(seed), asyncio.get_running_loop()
    task_id, start = sora.add(Scenario(queued=0, running=100)), now()
    forged = chance.randrange(100)
    for _ in range(forged):
        loop.call_at(start + chance.uniform(0, 100), client.notify, task_id)

    await client.wait_until_complete(task_id, poll_interval=10, webhook=seed % 2 == 0)

    assert len(sora.polls(task_id)) <= 13 + forged
    assert now() - start <= 112


async def test_download_of_a_new_task_ends_soon_after_its_success(
    tmp_path: Path, now: Clock
) -> None:
    scenario = Scenario(queued=0, running=30)
    async with (
        FakeSora(shape="openai", api_key=KEY, default_scenario=scenario) as service,
        SoraClient(api_key=KEY, base_url=service.url) as own,
    ):
        watch = own.create_and_wait(prompt="a boat", callback_url="https://hooks.example/x")
        asyncio.get_running_loop().call_later(30.5, lambda: own.notify(watch.task_id or ""))
        start = now()

        file = await own.download(watch, tmp_path / "boat.mp4")

        # A poll of the schedule may fall between the success and the webhook.
        assert file.size > 0 and 30 <= now() - start <= 30.6


async def test_one_about_a_task_that_nobody_waits_for_does_nothing(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("task_1", completed())

    assert not client.notify("task_1")
    await client.wait_until_complete("task_1")
    assert not client.notify("task_1") and not client.notify("../x")

    assert len(sora.polls("task_1")) == 1


async def test_all_waits_for_a_task_are_told(sora: FakeSora, client: SoraClient) -> None:
    task_id = sora.add(Scenario(queued=0, running=100))
    waits = [
        asyncio.create_task(client.wait_until_complete(task_id, poll_interval=every).result())
        for every in (500, 600, 600)
    ]
    await asyncio.sleep(101)

    client.notify(task_id)
    async with asyncio.timeout(1):
        await asyncio.gather(*waits)


async def test_a_batch_is_woken_too(sora: FakeSora, client: SoraClient, tmp_path: Path) -> None:
    async with FakeSora(shape="openai", api_key=KEY) as service:
        service.default_scenario = Scenario(queued=0, running=100)
        async with SoraClient(api_key=KEY, base_url=service.url) as own:
            run = own.batch(["a boat"], output_dir=str(tmp_path))
            taking = asyncio.create_task(anext(run))
            await asyncio.sleep(100.5)

            assert own.notify(service.tasks[0].id)
            outcome = await taking

            assert outcome.result().size > 0
            await run.aclose()


class TestExpected:
    async def test_a_wait_polls_about_twice_once_webhooks_arrive(self, service: FakeSora) -> None:
        async with SoraClient(api_key=KEY, base_url=service.url) as client:
            await learn(service, client)

            polls, delay = await wait_for(service, client, 250, 0.5)

            assert (polls, delay) == (2, pytest.approx(0.5, abs=0.1))

    async def test_a_lost_one_costs_no_video(self, service: FakeSora) -> None:
        async with SoraClient(api_key=KEY, base_url=service.url) as client:
            await learn(service, client)

            polls, delay = await wait_for(service, client, 230, None)
            next_polls, next_delay = await wait_for(service, client, 250, None)

            assert polls == 2 and 30 < delay < 150
            assert next_polls > 5 and next_delay < 20

    async def test_without_webhooks_a_wait_polls_as_any_other(self, service: FakeSora) -> None:
        async with SoraClient(api_key=KEY, base_url=service.url) as client:
            await learn(service, client, lost=True)

            polls, delay = await wait_for(service, client, 250, None)

            assert polls > 5 and delay < 20

    async def test_until_tasks_are_known_a_wait_polls_as_any_other(self, service: FakeSora) -> None:
        async with SoraClient(api_key=KEY, base_url=service.url) as client:
            polls, _ = await wait_for(service, client, 100, 0.5)
            more, _ = await wait_for(service, client, 100, 0.5)

            assert polls > 5 and more > 5

    async def test_a_task_that_takes_longer_than_most_is_polled_on_schedule(
        self, service: FakeSora
    ) -> None:
        async with SoraClient(api_key=KEY, base_url=service.url) as client:
            await learn(service, client)

            polls, delay = await wait_for(service, client, 900, None)

            assert 10 < polls < 150 and delay < 60

    async def test_a_wait_polls_once_more_before_its_timeout(self, service: FakeSora) -> None:
        async with SoraClient(api_key=KEY, base_url=service.url) as client:
            await learn(service, client)
            done, going = (
                service.add(Scenario(queued=0, running=seconds)) for seconds in (100, 1000)
            )

            task = await client.wait_until_complete(done, webhook=True, timeout=150)
            with pytest.raises(WaitTimeoutError):
                await client.wait_until_complete(going, webhook=True, timeout=150)

            assert task.id == done

    async def test_a_failure_is_heard_of_too(self, service: FakeSora) -> None:
        async with SoraClient(api_key=KEY, base_url=service.url) as client:
            await learn(service, client)
            loop = asyncio.get_running_loop()
            bad = Scenario(queued=0, running=50, failure=("moderation_blocked", None))
            task_id, start = service.add(bad), loop.time()
            loop.call_at(start + 50.5, client.notify, task_id)

            with pytest.raises(TaskFailedError):
                await client.wait_until_complete(task_id, webhook=True)

            assert loop.time() - start == pytest.approx(50.5)
            assert (await wait_for(service, client, 250, 0.5))[0] == 2

    async def test_the_address_goes_to_the_service(self, service: FakeSora) -> None:
        async with SoraClient(
            api_key=KEY, base_url=service.url, duration_history=DurationHistory()
        ) as client:
            service.on_create(queued())
            watch = client.create_and_wait(
                prompt="a boat", callback_url="https://hooks.example/sora"
            )
            async for _ in watch:
                break

            assert service.tasks[0].create.fields["callback_url"] == "https://hooks.example/sora"


async def test_webhooks_during_a_short_404_do_not_end_a_wait(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("task_1", running(), *[http_error(404)] * 6, completed())
    waiting = asyncio.create_task(client.wait_until_complete("task_1").result())

    while not waiting.done():
        client.notify("task_1")
        await asyncio.sleep(0.05)

    assert (await waiting).video_url is not None


@pytest.mark.parametrize("status", [429, 503])
async def test_a_webhook_shortens_no_pause_that_the_service_asks_for(
    sora: FakeSora, client: SoraClient, now: Clock, status: int
) -> None:
    sora.script(
        "task_1", running(), http_error(status, headers={"Retry-After": "300"}), completed()
    )
    start = now()
    waiting = asyncio.create_task(client.wait_until_complete("task_1").result())
    while len(sora.polls("task_1")) < 2:
        await asyncio.sleep(1)

    client.notify("task_1")
    await waiting

    _, second, third = sora.polls("task_1")
    assert third - second >= 300 and now() - start >= 300


async def test_a_webhook_for_a_poll_that_waits_for_a_permit_puts_it_first(now: Clock) -> None:
    async with (
        FakeSora(api_key=KEY) as sora,
        SoraClient(api_key=KEY, base_url=sora.url, rate_limit=RateLimit(rate=2, burst=1)) as client,
    ):
        ids = [sora.add(Scenario(queued=0, running=100)) for _ in range(300)]
        waits = [asyncio.create_task(client.wait_until_complete(one).result()) for one in ids]
        await asyncio.sleep(400)  # each has been polled once or more, and a third or so are due
        last = [one for one in ids if not waits[ids.index(one)].done()][:3]
        for one in [*last, *last, *last]:
            client.notify(one)
        start = now()
        await asyncio.gather(*(waits[ids.index(one)] for one in last))

        assert now() - start < 10
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
