"""Faults by chance: the rates, the seed, and what a fault leaves of the answer."""

import asyncio
from collections import Counter

import aiohttp
import pytest

from sora_async import SoraClient
from sora_async.testing import FakeSora, RandomFaults, Scenario, completed, queued, running
from sora_async.testing.server.random_faults import FaultInjector
from sora_async.testing.server.recorded_request import RecordedRequest

USUAL = running(0.5)


def poll(task_id: str = "video_1") -> RecordedRequest:
    return RecordedRequest(method="GET", path="", endpoint="poll", task_id=task_id, headers={})


def names(injector: FaultInjector, count: int, task_id: str = "video_1") -> list[str]:
    return [repr(injector.answer(poll(task_id), lambda: (USUAL, ""))[0]) for _ in range(count)]


def test_as_many_requests_go_wrong_as_the_rates_say() -> None:
    injector = FaultInjector(RandomFaults(rates={"429": 0.1, "5xx": 0.05, "slow": 0.2}))

    counts = Counter(name.partition("(")[0] for name in names(injector, 4000))

    assert counts["slow"] == pytest.approx(800, rel=0.15)
    assert counts["http_error"] == pytest.approx(600, rel=0.15)
    assert counts["running"] == pytest.approx(2600, rel=0.05)


def test_a_seed_decides_it_all_whatever_else_is_asked_meanwhile() -> None:
    random_faults = RandomFaults(rates={"429": 0.2, "5xx": 0.2, "html": 0.2, "reset": 0.2}, seed=7)
    alone, crowded, other = (
        FaultInjector(random_faults),
        FaultInjector(random_faults),
        FaultInjector(RandomFaults(rates=random_faults.rates, seed=8)),
    )

    expected = names(alone, 50)
    among_others = [(names(crowded, 1, "video_2"), names(crowded, 1))[1][0] for _ in range(50)]

    assert among_others == expected
    assert names(other, 50) != expected


def test_the_faults_are_the_same_in_every_version() -> None:
    """Whoever has written a test for a seed keeps it."""
    injector = FaultInjector(RandomFaults(rates={"429": 0.3, "html": 0.3}, seed=1))

    assert names(injector, 6) == PINNED


PINNED = [
    "html(200)",
    "html(200)",
    "html(200)",
    "http_error(429)",
    "http_error(429)",
    "running(0.5)",
]


def test_after_a_reset_the_faults_are_the_same_again() -> None:
    injector = FaultInjector(RandomFaults(rates={"429": 0.5}))

    first = names(injector, 20)
    injector.reset()

    assert names(injector, 20) == first


@pytest.mark.parametrize("name", ["429", "5xx", "html"])
def test_faults_that_replace_an_answer_do_not_advance_the_script(name) -> None:
    def fail() -> tuple:
        raise AssertionError("the task must not be asked")

    answer, task_id = FaultInjector(RandomFaults(rates={name: 1.0})).answer(poll(), fail)

    assert (answer.state, task_id) == (None, "video_1")


@pytest.mark.parametrize("name", ["truncated", "slow"])
def test_faults_applied_to_an_answer_advance_the_script(name) -> None:
    answer, task_id = FaultInjector(RandomFaults(rates={name: 1.0})).answer(
        poll(), lambda: (USUAL, "video_1")
    )

    assert (answer.state, task_id) == (USUAL.state, "video_1")


def test_a_reset_comes_before_the_answer_or_in_its_middle() -> None:
    counts = Counter(names(FaultInjector(RandomFaults(rates={"reset": 1.0})), 200))

    assert set(counts) == {"reset()", "reset_midway(running(0.5))"}
    assert min(counts.values()) > 60


@pytest.mark.parametrize(
    ("rates", "complaint"),
    [
        ({"503": 0.1}, "rates are of 429, 5xx, html, reset, truncated, slow; not '503'"),
        ({"429": 1.1}, "a rate is from 0.0 to 1.0, not 1.1"),
        ({"429": -0.1}, "a rate is from 0.0 to 1.0"),
        ({"429": float("nan")}, "a rate is from 0.0 to 1.0"),
        ({"429": 0.6, "5xx": 0.6}, "the rates add up to more than 1.0"),
    ],
)
def test_impossible_rates_are_refused(rates, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        RandomFaults(rates=rates)


def test_rates_may_add_up_to_one() -> None:
    assert RandomFaults(rates={"429": 0.1, "5xx": 0.2, "html": 0.7})


async def test_a_wait_survives_random_faults() -> None:
    rates = {"429": 0.01, "5xx": 0.1, "html": 0.05, "reset": 0.1, "truncated": 0.1, "slow": 0.1}
    async with (
        FakeSora(random_faults=RandomFaults(rates=rates, seed=5)) as sora,
        SoraClient(base_url=sora.url, api_key="sk-fake") as client,
    ):
        ids = [sora.add(Scenario()) for _ in range(20)]

        ended = await asyncio.gather(*(client.wait_until_complete(each) for each in ids))

    assert all(task.video_url for task in ended)
    assert len(sora.requests) > len(ids)


async def test_a_create_that_breaks_may_have_made_its_task() -> None:
    async with (
        FakeSora(random_faults=RandomFaults(rates={"truncated": 1.0})) as sora,
        aiohttp.ClientSession() as http,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await (await http.post(f"{sora.url}/v1/videos", json={"prompt": "a boat"})).read()

        assert len(sora.tasks) == 1


async def test_without_random_faults_nothing_is_random(sora, client) -> None:
    sora.script("video_1", queued(), completed())

    await client.wait_until_complete("video_1")

    assert len(sora.requests) == 2
