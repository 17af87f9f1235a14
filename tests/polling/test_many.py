"""Many waits at once."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from support import KEY

from sora_async import (
    ClientClosedError,
    Failed,
    InvalidArgumentError,
    Outcome,
    ProgressEvent,
    RateLimit,
    Schedule,
    SoraClient,
    Succeeded,
    TaskFailedError,
    TaskNotFoundError,
    UnexpectedError,
    WaitTimeoutError,
)
from sora_async.testing import FakeSora, Scenario, completed, failed, http_error, running


async def test_outcomes_come_as_the_waits_end_and_failures_are_values(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.add(Scenario(queued=0, running=60), task_id="slow")
    sora.add(Scenario(queued=0, running=20), task_id="quick")
    sora.script("bad", failed("code", "text"))

    outcomes = [outcome async for outcome in client.as_completed(["slow", "bad", "../x", "quick"])]

    assert [outcome.task_id for outcome in outcomes] == ["../x", "bad", "quick", "slow"]
    assert isinstance(outcomes[0].error, InvalidArgumentError)
    assert isinstance(outcomes[1].error, TaskFailedError)
    assert isinstance(outcomes[3], Succeeded) and outcomes[3].result() is outcomes[3].task
    assert outcomes[3].error is None and outcomes[3].task.is_complete
    assert isinstance(outcomes[1], Failed) and outcomes[1].task is None
    with pytest.raises(TaskFailedError):
        outcomes[1].result()


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
            yield sora.add(Scenario(queued=0, running=10), task_id=f"task_{number}")

    async with contextlib.aclosing(
        client.as_completed(without_end(), max_concurrent=5)
    ) as outcomes:
        async for outcome in outcomes:
            assert outcome.result().is_complete
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

    assert [outcome.result().is_complete for outcome in seen] == [True]


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

    async for outcome in client.as_completed((f"task_{n}" for n in range(60)), max_concurrent=10):
        begun = {request.task_id for _, request in sora.requests}
        most = max(most, len(begun) - settled)
        settled += outcome.task is not None

    assert settled == 60
    assert most <= 10


@pytest.mark.parametrize(
    "arguments",
    [
        {"task_ids": "task_1"},
        {"max_concurrent": 0},
        {"timeout": -1},
        {"until": "url"},
        {"schedule": 2},
    ],
    ids=str,
)
async def test_terms_that_cannot_be_are_refused_at_once(
    client: SoraClient, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(arguments))):
        client.as_completed(**{"task_ids": ["task_1"], **arguments})


async def test_thousands_of_waits_can_be_under_way_at_once(sora: FakeSora) -> None:
    ids = [sora.script(f"task_{number}", running(0.1), completed()) for number in range(3000)]

    async with SoraClient(
        api_key=KEY, base_url=sora.url, rate_limit=RateLimit(rate=None)
    ) as client:
        outcomes = client.as_completed(ids, max_concurrent=3000)
        ends = [outcome.result().is_complete async for outcome in outcomes]

    assert ends == [True] * 3000
    # All are begun before the first comes to its second poll.
    assert [request.task_id for _, request in sora.requests][:3000] == ids


async def test_no_ids_are_no_outcomes(sora: FakeSora, client: SoraClient) -> None:
    async def nothing() -> AsyncIterator[str]:
        for task_id in ():
            yield task_id

    assert [outcome async for outcome in client.as_completed([])] == []
    assert [outcome async for outcome in client.as_completed(nothing())] == []
    unknown = [outcome.error async for outcome in client.as_completed(["unknown"])]
    assert [type(error) for error in unknown] == [TaskNotFoundError]


EXACT = Schedule(intervals=[2.0], jitter=float, first_jitter=float)


def story(news: list[ProgressEvent | Outcome], task_id: str) -> list[float | str | None]:
    """Return what was told of one wait: the progress of each event, and how it ended."""
    return [
        one.progress if isinstance(one, ProgressEvent) else type(one.error or one.task).__name__
        for one in news
        if (one.task.id if isinstance(one, ProgressEvent) else one.task_id) == task_id
    ]


class TestEvents:
    async def test_the_news_of_many_waits_are_one_stream(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("slow", *(running(part / 10) for part in range(4)), completed())
        sora.script("quick", running(0.5), completed())
        sora.script("max_concurrent", completed())
        sora.script("bad", running(0.3), failed("code", "text"))
        ids = ["slow", "bad", "../x", "quick", "max_concurrent"]

        news = [one async for one in client.events(ids, schedule=EXACT)]

        assert story(news, "slow") == [0.0, 0.1, 0.2, 0.3, 1.0, "VideoTask"]
        assert story(news, "quick") == [0.5, 1.0, "VideoTask"]
        assert story(news, "max_concurrent") == [1.0, "VideoTask"]
        assert story(news, "bad") == [0.3, "TaskFailedError"]
        assert story(news, "../x") == ["InvalidArgumentError"]
        assert len(news) == 6 + 3 + 2 + 2 + 1
        last_two = news[-2:]
        assert isinstance(last_two[0], ProgressEvent) and isinstance(last_two[1], Outcome)
        assert last_two[0].task is last_two[1].task

    async def test_an_outage_is_news_of_every_wait(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.1), http_error(503), http_error(503), completed())

        news = [one async for one in client.events(["task_1"])]

        events = [one for one in news if isinstance(one, ProgressEvent)]
        assert [event.is_degraded for event in events] == [False, True, False]
        assert events[-1].recovered_after is not None

    async def test_a_slow_reader_gets_the_newest_of_each_wait(
        self, sora: FakeSora, client: SoraClient, now: Callable[[], float]
    ) -> None:
        answers = [*(running(part / 20) for part in range(20)), completed()]
        ids = [sora.script(f"task_{number}", *answers) for number in range(10)]
        news: list[ProgressEvent | Outcome] = []
        polls: dict[str, int] = {}

        async for one in client.events(ids, schedule=EXACT):
            news.append(one)
            if isinstance(one, ProgressEvent):
                assert one.polls == len(sora.polls(one.task.id)) > polls.get(one.task.id, 0)
                polls[one.task.id] = one.polls
                await asyncio.sleep(1.0)

        assert len(news) < 80 < 10 * len(answers)
        assert {tuple(story(news, task_id)[-2:]) for task_id in ids} == {(1.0, "VideoTask")}

    async def test_a_reader_that_stands_still_stops_the_reading_of_ids(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        read = 0

        async def without_end() -> AsyncIterator[str]:
            nonlocal read
            for number in itertools.count():
                read += 1
                yield sora.add(Scenario(queued=0, running=10), task_id=f"task_{number}")

        async with contextlib.aclosing(client.events(without_end(), max_concurrent=5)) as stream:
            assert isinstance(await anext(stream), ProgressEvent)
            await asyncio.sleep(3600)
            assert read == 5 + 1
            ends = 0
            async for one in stream:
                ends += isinstance(one, Outcome)
                if ends == 12:
                    break

        assert 12 + 5 <= read <= 12 + 5 + 1
        polls = len(sora.requests)
        await asyncio.sleep(600)
        assert len(sora.requests) == polls

    async def test_a_plain_break_ends_the_waits(self, sora: FakeSora, client: SoraClient) -> None:
        ids = [sora.script(f"task_{number}", running(0.1)) for number in range(20)]

        async for _ in client.events(ids):
            if len(sora.requests) > 30:
                break
        await asyncio.sleep(0.1)
        polls = len(sora.requests)
        await asyncio.sleep(600)

        assert len(sora.requests) == polls

    async def test_ids_that_cannot_be_are_outcomes_each_time_they_come(
        self, client: SoraClient
    ) -> None:
        news = [one async for one in client.events(["../x", "../x"], max_concurrent=1)]

        assert story(news, "../x") == ["InvalidArgumentError"] * 2

    async def test_a_wait_that_joins_others_has_its_first_event_at_once(
        self, sora: FakeSora, client: SoraClient, now: Callable[[], float]
    ) -> None:
        sora.add(Scenario(queued=0, running=60), task_id="task_1")
        other = asyncio.create_task(client.wait_until_complete("task_1").result())
        await asyncio.sleep(11)
        start, polls = now(), len(sora.requests)

        async with contextlib.aclosing(client.events(["task_1"])) as stream:
            event = await anext(stream)

        assert isinstance(event, ProgressEvent) and event.polls == polls
        assert (now(), len(sora.requests)) == (start, polls)
        assert (await other).is_complete

    async def test_an_id_that_comes_twice_is_two_waits_and_the_polls_of_one(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.1), completed())

        news = [one async for one in client.events(["task_1", "task_1"])]

        assert sorted(map(str, story(news, "task_1"))) == sorted(
            ["0.1", "0.1", "1.0", "1.0", "VideoTask", "VideoTask"]
        )
        assert len(sora.requests) == 2

    async def test_cancelling_the_reader_ends_the_waits(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        ids = [sora.script(f"task_{number}", running(0.1)) for number in range(20)]

        async def read() -> None:
            async for _ in client.events(ids):
                pass

        reading = asyncio.create_task(read())
        await asyncio.sleep(30)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        polls = len(sora.requests)
        await asyncio.sleep(600)

        assert len(sora.requests) == polls

    async def test_closing_the_client_settles_all_waits(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        ids = [sora.script(f"task_{number}", running(0.1)) for number in range(5)]

        async def close() -> None:
            await asyncio.sleep(20)
            await client.close()

        closing = asyncio.create_task(close())
        news = [one async for one in client.events(ids)]
        await closing

        assert {story(news, task_id)[-1] for task_id in ids} == {ClientClosedError.__name__}

    @pytest.mark.parametrize("method", ["as_completed", "events"])
    @pytest.mark.parametrize("bug", [LookupError, AssertionError, ValueError, OSError])
    async def test_a_bug_in_one_wait_is_its_outcome_and_ends_no_other(
        self, sora: FakeSora, client: SoraClient, method: str, bug: type[Exception]
    ) -> None:
        met: list[float] = []

        def broken(interval: float) -> float:
            met.append(interval)
            if len(met) == 1:
                raise bug("a bug in a user's jitter")
            return interval

        ids = [sora.script(task_id, running(0.1), completed()) for task_id in ("one", "two")]
        schedule = Schedule(first_jitter=broken)

        follow = getattr(client, method)
        news = [one async for one in follow(ids, schedule=schedule)]

        ends = [one for one in news if isinstance(one, Outcome)]
        errors = {one.task_id: one.error for one in ends}
        assert len(ends) == 2
        [error] = [error for error in errors.values() if error is not None]
        assert isinstance(error, UnexpectedError)
        assert error.kind == bug.__name__ and "jitter" not in str(error)
        assert isinstance(error.__cause__, bug)

    async def test_an_error_of_the_source_comes_last(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        async def broken() -> AsyncIterator[str]:
            yield sora.script("task_1", running(0.1), completed())
            raise LookupError("no more")

        news: list[ProgressEvent | Outcome] = []
        with pytest.raises(LookupError, match="no more"):
            async for one in client.events(broken()):
                news += [one]

        assert story(news, "task_1") == [0.1, 1.0, "VideoTask"]

    @pytest.mark.parametrize("arguments", [{"task_ids": "task_1"}, {"max_concurrent": 0}], ids=str)
    async def test_terms_that_cannot_be_are_refused_at_once(
        self, client: SoraClient, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidArgumentError, match=next(iter(arguments))):
            client.events(**{"task_ids": ["task_1"], **arguments})


async def test_what_comes_after_the_client_was_closed_is_not_begun(sora: FakeSora) -> None:
    ids = [sora.script(f"task_{number}", running(0.1)) for number in range(20)]

    async with SoraClient(api_key=KEY, base_url=sora.url) as client:
        outcomes = client.as_completed(ids, max_concurrent=5)
        reading = asyncio.create_task(anext(outcomes))
        await asyncio.sleep(5)
    polls = len(sora.requests)
    ends = [await reading, *[outcome async for outcome in outcomes]]

    assert {type(end.error) for end in ends} == {ClientClosedError}
    assert len(ends) == 20 and len(sora.requests) == polls
