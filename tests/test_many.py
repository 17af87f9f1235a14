"""Many waits at once."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from sora_async import (
    InvalidArgumentError,
    Outcome,
    Schedule,
    SoraClient,
    TaskFailedError,
    TaskNotFoundError,
    WaitTimeoutError,
)
from sora_async.testing import FakeSora, Life, completed, failed, running


async def test_outcomes_come_as_the_waits_end_and_failures_are_values(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.add(Life(queued=0, running=60), task_id="slow")
    sora.add(Life(queued=0, running=20), task_id="quick")
    sora.script("bad", failed("code", "text"))

    outcomes = [outcome async for outcome in client.as_completed(["slow", "bad", "../x", "quick"])]

    assert [outcome.task_id for outcome in outcomes] == ["../x", "bad", "quick", "slow"]
    assert isinstance(outcomes[0].error, InvalidArgumentError)
    assert isinstance(outcomes[1].error, TaskFailedError)
    assert outcomes[3].unwrap().is_complete and outcomes[3].error is None
    with pytest.raises(TaskFailedError):
        outcomes[1].unwrap()


async def test_each_wait_has_the_terms_that_were_given(
    sora: FakeSora, client: SoraClient, now: Callable[[], float]
) -> None:
    sora.script("hangs", running(0.1))
    sora.script("done", completed(url=None))
    start = now()

    ends = {
        outcome.task_id: outcome
        async for outcome in client.as_completed(["hangs", "done"], timeout=90, until="completed")
    }

    assert isinstance(ends["hangs"].error, WaitTimeoutError)
    assert ends["done"].task is not None
    assert now() - start == pytest.approx(90)


async def test_ids_may_come_from_an_async_source_and_are_read_as_places_allow(
    sora: FakeSora, client: SoraClient
) -> None:
    read = 0

    async def without_end() -> AsyncIterator[str]:
        nonlocal read
        for number in itertools.count():
            read += 1
            yield sora.add(Life(queued=0, running=10), task_id=f"task_{number}")

    async with contextlib.aclosing(client.as_completed(without_end(), at_once=5)) as outcomes:
        async for outcome in outcomes:
            assert outcome.unwrap().is_complete
            if outcome.task_id == "task_22":
                break

    assert read < 22 + 2 * 5 + 2
    polls = len(sora.requests)
    await asyncio.sleep(600)
    assert len(sora.requests) == polls


async def test_an_error_of_the_source_is_raised_when_what_was_begun_has_settled(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("task_1", running(0.1), completed())

    def broken() -> Any:
        yield "task_1"
        raise LookupError("no more")

    seen: list[Outcome] = []
    with pytest.raises(LookupError, match="no more"):
        async for outcome in client.as_completed(broken()):
            seen += [outcome]

    assert [outcome.unwrap().is_complete for outcome in seen] == [True]


async def test_a_bug_in_one_wait_reaches_the_loop(sora: FakeSora, client: SoraClient) -> None:
    def broken(interval: float) -> float:
        raise LookupError("a bug in a user's jitter")

    sora.script("task_1", running(0.1))

    with pytest.raises(LookupError, match="jitter"):
        async for _ in client.as_completed(["task_1"], schedule=Schedule(first_jitter=broken)):
            pass


async def test_cancelling_the_loop_ends_the_waits(sora: FakeSora, client: SoraClient) -> None:
    for number in range(20):
        sora.script(f"task_{number}", running(0.1))

    async def loop() -> None:
        async for _ in client.as_completed(f"task_{number}" for number in range(20)):
            pass

    looping = asyncio.create_task(loop())
    await asyncio.sleep(30)
    looping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looping
    polls = len(sora.requests)
    await asyncio.sleep(600)

    assert len(sora.requests) == polls


async def test_no_more_waits_than_places_are_under_way(sora: FakeSora, client: SoraClient) -> None:
    for number in range(60):
        sora.script(f"task_{number}", running(0.1), completed())
    settled, most = 0, 0

    async for outcome in client.as_completed((f"task_{n}" for n in range(60)), at_once=10):
        begun = {request.task_id for _, request in sora.requests}
        most = max(most, len(begun) - settled)
        settled += outcome.task is not None

    assert settled == 60
    assert most <= 10


@pytest.mark.parametrize(
    "arguments",
    [{"task_ids": "task_1"}, {"at_once": 0}, {"timeout": -1}, {"until": "url"}, {"schedule": 2}],
    ids=str,
)
async def test_terms_that_cannot_be_are_refused_at_once(
    client: SoraClient, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(arguments))):
        client.as_completed(**{"task_ids": ["task_1"], **arguments})


async def test_no_ids_are_no_outcomes(sora: FakeSora, client: SoraClient) -> None:
    async def nothing() -> AsyncIterator[str]:
        for task_id in ():
            yield task_id

    assert [outcome async for outcome in client.as_completed([])] == []
    assert [outcome async for outcome in client.as_completed(nothing())] == []
    unknown = [outcome.error async for outcome in client.as_completed(["unknown"])]
    assert [type(error) for error in unknown] == [TaskNotFoundError]
