"""A wait: awaited, iterated, shared, left early, timed out."""

import asyncio
import contextlib
import gc
import itertools
import pickle
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest
from support import KEY

from sora_async import (
    ClientClosedError,
    InvalidArgumentError,
    OutageError,
    Phase,
    ProgressEvent,
    RateLimit,
    ResponseError,
    Schedule,
    SoraClient,
    TaskFailedError,
    TaskNotFoundError,
    VideoMissingError,
    WaitTimeoutError,
)
from sora_async.client.loop_resources import LoopResources
from sora_async.testing import (
    FakeSora,
    Scenario,
    completed,
    failed,
    http_error,
    queued,
    raw,
    reset,
    running,
    slow,
    stall,
    unknown_task,
)

EXACT = Schedule(intervals=[2.0], jitter=float, first_jitter=float)

Clock = Callable[[], float]


async def test_awaiting_gives_the_finished_task(sora: FakeSora, client: SoraClient) -> None:
    sora.script("task_1", running(0.1), running(0.5), completed())

    task = await client.wait_until_complete("task_1")

    assert task.is_complete and task.phase is Phase.SUCCEEDED
    assert task.video_url is not None and task.video_url.startswith(sora.cdn_url)
    assert len(sora.polls("task_1")) == 3


async def test_the_first_poll_is_at_once_and_the_others_follow_the_jittered_ramp(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    sora.script("task_1", running(0.1), running(0.2), running(0.3), running(0.4), completed())
    start = now()

    await client.wait_until_complete("task_1")

    moments = [at - start for at in sora.polls("task_1")]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert moments[0] == pytest.approx(0.0, abs=1e-6)
    assert 1.0 <= gaps[0] <= 3.0
    for gap, interval in zip(gaps[1:], (3.0, 4.5, 6.0), strict=True):
        assert 0.85 * interval <= gap <= 1.15 * interval + 1e-6


async def test_iterating_gives_an_event_a_poll_and_ends_with_the_finished_task(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("task_1", running(0.5), running(0.2), completed())

    events = [event async for event in client.wait_until_complete("task_1", schedule=EXACT)]

    assert [event.progress for event in events] == [0.5, 0.5, 1.0]
    assert [event.task.progress for event in events] == [0.5, 0.2, 1.0]
    assert [event.polls for event in events] == [1, 2, 3]
    assert [event.elapsed for event in events] == pytest.approx([0.0, 2.0, 4.0])
    assert events[-1].task.is_complete


async def test_awaiting_after_iterating_asks_no_more(sora: FakeSora, client: SoraClient) -> None:
    sora.script("task_1", running(0.5), completed())
    watch = client.wait_until_complete("task_1")
    events = [event async for event in watch]

    task = await watch

    assert task is events[-1].task is (await watch.result())
    assert [event async for event in watch] == events[-1:]
    assert len(sora.polls("task_1")) == 2


async def test_several_consumers_share_one_watch(sora: FakeSora, client: SoraClient) -> None:
    sora.script("task_1", running(0.1), running(0.5), completed())
    watch = client.wait_until_complete("task_1")

    async def progress() -> list[float | None]:
        return [event.progress async for event in watch]

    async with asyncio.TaskGroup() as group:
        iterated = [group.create_task(progress()) for _ in range(3)]
        awaited = [group.create_task(watch.result()) for _ in range(3)]

    assert [task.result() for task in iterated] == [[0.1, 0.5, 1.0]] * 3
    assert {task.result().video_url for task in awaited} == {(await watch).video_url}
    assert len(sora.polls("task_1")) == 3


async def test_of_fifty_waits_for_one_task_the_last_that_leaves_ends_the_polls(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("task_1", running(0.1))
    waits = [asyncio.create_task(client.wait_until_complete("task_1").result()) for _ in range(50)]
    await asyncio.sleep(10)

    for wait in waits[:-1]:
        wait.cancel()
    await asyncio.wait(waits[:-1])
    before = len(sora.polls("task_1"))
    await asyncio.sleep(100)
    with_one = len(sora.polls("task_1"))
    waits[-1].cancel()
    await asyncio.wait(waits[-1:])
    await asyncio.sleep(100)

    assert before < with_one == len(sora.polls("task_1"))


async def test_fifty_waits_for_one_task_send_the_polls_of_one(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("task_1", running(0.1), running(0.5), completed())

    tasks = await asyncio.gather(*(client.wait_until_complete("task_1") for _ in range(50)))

    assert len(set(tasks)) == 1
    assert len(sora.polls("task_1")) == 3


async def test_a_late_joiner_gets_the_newest_event_at_once(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    sora.add(Scenario(queued=0, running=60), task_id="task_1")
    first = asyncio.create_task(client.wait_until_complete("task_1", schedule=EXACT).result())
    await asyncio.sleep(11.0)
    start, polls = now(), len(sora.polls("task_1"))

    event = await anext(aiter(client.wait_until_complete("task_1", schedule=EXACT)))

    assert (now(), len(sora.polls("task_1"))) == (start, polls)
    assert (event.polls, event.elapsed) == (polls, 0.0)
    assert (await first).is_complete


async def test_cancelling_one_wait_leaves_the_others(sora: FakeSora, client: SoraClient) -> None:
    sora.add(Scenario(queued=0, running=30), task_id="task_1")
    waits = [asyncio.create_task(client.wait_until_complete("task_1").result()) for _ in range(3)]
    await asyncio.sleep(10)

    waits[1].cancel()

    assert (await waits[0]).is_complete and (await waits[2]).is_complete
    assert waits[1].cancelled()


async def test_a_slow_consumer_gets_the_newest_event_and_the_last_one(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("task_1", *(running(part / 10) for part in range(9)), completed())
    seen = []

    async with asyncio.TaskGroup() as group:
        watch = client.wait_until_complete("task_1", schedule=EXACT)
        group.create_task(watch.result())
        async for event in watch:
            seen.append(event.progress)
            await asyncio.sleep(7)

    assert seen[0] == 0.0 and seen[-1] == 1.0
    assert len(seen) < 6


async def test_an_iterator_of_events_is_its_own_iterator(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("task_1", completed())
    events = aiter(client.wait_until_complete("task_1"))

    assert aiter(events) is events
    assert [event.polls async for event in events] == [1]


class TestLeaving:
    async def test_nothing_is_sent_before_the_first_use(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        watch = client.wait_until_complete("task_1")
        await asyncio.sleep(60)

        assert sora.requests == []
        assert watch.latest is None
        assert repr(watch) == "<Watch 'task_1': not begun: await it, or pass its .result()>"
        with pytest.warns(RuntimeWarning, match="never awaited"):
            del watch

    async def test_a_break_out_of_the_loop_stops_the_polls(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.add(Scenario(queued=0, running=100), task_id="task_1")

        async for event in client.wait_until_complete("task_1"):
            if event.polls == 3:
                break
        await asyncio.sleep(60)

        assert len(sora.polls("task_1")) == 3

    async def test_a_wait_that_was_left_goes_on_where_it_stopped(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.3), running(0.1), completed())
        watch = client.wait_until_complete("task_1", schedule=EXACT)
        async for _ in watch:
            break
        await asyncio.sleep(0.5)

        events = [event async for event in watch]

        assert [event.progress for event in events] == [0.3, 0.3, 1.0]
        assert [event.elapsed for event in events] == pytest.approx([0.0, 2.0, 4.0])
        assert len(sora.polls("task_1")) == 3

    async def test_one_consumer_of_a_watch_may_leave_and_the_others_stay(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.add(Scenario(queued=0, running=30), task_id="task_1")
        watch = client.wait_until_complete("task_1")
        waits = [asyncio.create_task(watch.result()) for _ in range(2)]
        await asyncio.sleep(10)

        waits[0].cancel()

        assert (await waits[1]).is_complete
        assert waits[0].cancelled()

    async def test_an_exception_in_the_loop_stops_the_polls(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.add(Scenario(queued=0, running=100), task_id="task_1")

        with pytest.raises(ZeroDivisionError):
            async for event in client.wait_until_complete("task_1"):
                _ = 1 / (event.polls - 2)
        await asyncio.sleep(60)

        assert len(sora.polls("task_1")) == 2

    async def test_cancellation_is_at_once_and_breaks_off_the_request(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", stall())
        wait = asyncio.create_task(client.wait_until_complete("task_1").result())
        await asyncio.sleep(5)
        start = now()

        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait

        assert now() == start
        await asyncio.sleep(60)
        assert len(sora.polls("task_1")) == 1

    async def test_a_heartbeat_can_be_kept_without_breaking_the_request_off(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", slow(3.5, completed()))
        coming, beats = asyncio.ensure_future(anext(aiter(client.wait_until_complete("task_1")))), 0

        while not (await asyncio.wait({coming}, timeout=1))[0]:
            beats += 1

        assert coming.result().task.is_complete
        assert (beats, len(sora.polls("task_1"))) == (3, 1)

    async def test_a_wait_taken_up_again_in_the_same_turn_goes_on(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", slow(2.5, running(0.1)), slow(0.5, completed()))
        watch, beats = client.wait_until_complete("task_1", schedule=EXACT), 0

        while True:
            try:
                async with asyncio.timeout(1):
                    task = await watch
                break
            except TimeoutError:
                beats += 1

        assert task.is_complete and beats > 0

    async def test_a_request_that_will_not_be_cancelled_polls_for_nobody(
        self, sora: FakeSora
    ) -> None:
        async def stubborn(*_: object) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(5)

        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(stubborn)
        sora.script("task_1", running(0.1))

        async with SoraClient(
            api_key="sk-0123456789abcdef", base_url=sora.url, trace_configs=[trace]
        ) as client:
            with pytest.raises(WaitTimeoutError):
                await client.wait_until_complete("task_1", timeout=1)
            await asyncio.sleep(600)

        assert len(sora.polls("task_1")) == 1

    async def test_an_iteration_can_be_closed(self, sora: FakeSora, client: SoraClient) -> None:
        sora.script("task_1", running(0.1))

        async with contextlib.aclosing(aiter(client.wait_until_complete("task_1"))) as events:
            await anext(events)
        await asyncio.sleep(60)

        assert len(sora.polls("task_1")) == 1

    async def test_what_an_ended_wait_knows_does_not_change(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.add(Scenario(queued=0, running=60), task_id="task_1")
        other = asyncio.create_task(client.wait_until_complete("task_1").result())
        watch = client.wait_until_complete("task_1", timeout=10)
        with pytest.raises(WaitTimeoutError):
            await watch
        known = watch.latest

        await other

        assert watch.latest is known

    async def test_a_cancelled_loop_stops_the_polls(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.1))

        async def loop() -> None:
            async for _ in client.wait_until_complete("task_1"):
                pass

        looping = asyncio.create_task(loop())
        await asyncio.sleep(60)
        looping.cancel()
        await asyncio.gather(looping, return_exceptions=True)
        polls = len(sora.polls("task_1"))
        await asyncio.sleep(60)

        assert len(sora.polls("task_1")) == polls

    async def test_two_may_ask_one_iteration_for_its_next_event(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.1), completed())
        watch = client.wait_until_complete("task_1", schedule=EXACT)
        events = aiter(watch)
        await anext(events)
        first, second = (asyncio.ensure_future(anext(events)) for _ in range(2))
        await asyncio.sleep(0.1)

        first.cancel()

        assert (await second).task.is_complete
        assert (await watch).is_complete

    async def test_a_wait_taken_up_much_later_has_its_whole_patience(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.3), http_error(503), http_error(503), completed())
        watch = client.wait_until_complete("task_1")
        async for event in watch:
            if event.is_degraded:
                break
        await asyncio.sleep(600)

        assert (await watch).is_complete

    async def test_a_first_use_that_fails_leaves_nothing_half_done(self, sora: FakeSora) -> None:
        class Broken(SoraClient):
            attempts = 0

            def _resources(self) -> LoopResources:
                self.attempts += 1
                if self.attempts == 1:
                    raise LookupError("not yet")
                return super()._resources()

        sora.script("task_1", completed())
        async with Broken(api_key="sk-0123456789abcdef", base_url=sora.url) as client:
            watch = client.wait_until_complete("task_1")
            with pytest.raises(LookupError):
                await watch

            assert (await watch).is_complete

    async def test_a_cancelled_iteration_can_be_taken_up_again(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.1), completed())
        events = aiter(client.wait_until_complete("task_1", schedule=EXACT))
        assert (await anext(events)).polls == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await anext(events)

        assert (await anext(events)).task.is_complete
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        with pytest.raises(StopAsyncIteration):
            await anext(events)

    async def test_an_iteration_collected_in_another_thread_lets_go_too(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.add(Scenario(queued=0, running=100), task_id="task_1")
        kept = [aiter(client.wait_until_complete("task_1"))]
        await anext(kept[0])

        await asyncio.to_thread(kept.clear)
        await asyncio.sleep(60)

        assert len(sora.polls("task_1")) == 1

    async def test_a_watch_that_is_waited_for_keeps_its_client(self, sora: FakeSora) -> None:
        sora.script("task_1", running(0.1), completed())

        def begin() -> asyncio.Task[object]:
            lone = SoraClient(api_key="sk-0123456789abcdef", base_url=sora.url)
            return asyncio.create_task(lone.wait_until_complete("task_1").result())

        wait = begin()
        gc.collect()
        await wait


class TestTimeout:
    async def test_a_timeout_is_exact_and_keeps_the_last_snapshot(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", running(0.3))
        start = now()

        with pytest.raises(WaitTimeoutError) as caught:
            await client.wait_until_complete("task_1", timeout=600)

        assert now() - start == pytest.approx(600)
        error = caught.value
        assert error.last is not None and error.last.progress == 0.3
        assert (error.task_id, error.elapsed) == ("task_1", pytest.approx(600))
        assert error.polls == len(sora.polls("task_1"))
        assert str(pickle.loads(pickle.dumps(error))) == str(error)

    async def test_a_timeout_is_enforced_in_the_middle_of_a_request(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", stall())
        start = now()

        with pytest.raises(WaitTimeoutError) as caught:
            await client.wait_until_complete("task_1", timeout=10)

        assert now() - start == pytest.approx(10)
        assert caught.value.last is None
        assert "never seen" in str(caught.value)

    async def test_each_wait_has_its_own_timeout(self, sora: FakeSora, client: SoraClient) -> None:
        sora.add(Scenario(queued=0, running=60), task_id="task_1")

        short, long = await asyncio.gather(
            client.wait_until_complete("task_1", timeout=10),
            client.wait_until_complete("task_1", timeout=100),
            return_exceptions=True,
        )

        assert isinstance(short, WaitTimeoutError)
        assert not isinstance(long, BaseException) and long.is_complete

    async def test_the_iteration_raises_the_timeout(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.3))
        events: list[ProgressEvent] = []

        with pytest.raises(WaitTimeoutError):
            async for event in client.wait_until_complete("task_1", timeout=60):
                events += [event]

        assert len(events) == len(sora.polls("task_1"))

    async def test_a_foreign_timeout_is_not_ours(self, sora: FakeSora, client: SoraClient) -> None:
        sora.script("task_1", running(0.3))

        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(5):
                await client.wait_until_complete("task_1", timeout=60)

        assert not isinstance(caught.value, WaitTimeoutError)

    async def test_more_silence_than_is_left_ends_the_wait_at_once(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", running(0.3), http_error(429, headers={"Retry-After": "150"}))
        start = now()

        with pytest.raises(WaitTimeoutError, match="asks to wait 150 s") as caught:
            await client.wait_until_complete("task_1", timeout=100, schedule=EXACT)

        assert now() - start == pytest.approx(2.0)
        assert caught.value.retry_after == 150.0

    async def test_a_hint_with_a_task_ends_no_wait(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        going_on = raw(b'{"id": "task_1", "status": "queued"}', headers={"Retry-After": "86400"})
        sora.script("task_1", going_on, completed())
        sora.script("task_2", going_on)
        start = now()

        await client.wait_until_complete("task_1", timeout=60)
        assert now() - start == pytest.approx(50.0)
        with pytest.raises(WaitTimeoutError) as caught:
            await client.wait_until_complete("task_2", timeout=60)

        assert caught.value.retry_after is None
        assert now() - start == pytest.approx(110.0)
        assert len(sora.polls("task_2")) == 2

    @pytest.mark.parametrize("hint", ["86400000000000", "-5", "NaN", "1e999", "soon"])
    async def test_a_hint_that_makes_no_sense_costs_five_minutes_at_most(
        self, sora: FakeSora, client: SoraClient, now: Clock, hint: str
    ) -> None:
        going_on = raw(b'{"id": "task_1", "status": "queued"}', headers={"Retry-After": hint})
        sora.script("task_1", going_on, completed())
        start = now()

        await client.wait_until_complete("task_1", timeout=None)

        assert now() - start <= 300.0

    async def test_a_wait_without_timeout_bears_any_silence(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", http_error(429, headers={"Retry-After": "3000"}), completed())

        assert (await client.wait_until_complete("task_1", timeout=None)).is_complete

    async def test_a_silence_that_was_asked_for_holds_for_all_waits(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        hinted = http_error(429, headers={"Retry-After": "50"})
        sora.script("task_1", hinted, completed())
        sora.script("task_2", running(0.1), completed())
        sora.script("task_3", completed())
        start = now()

        async with asyncio.TaskGroup() as group:
            group.create_task(client.wait_until_complete("task_1").result())
            group.create_task(client.wait_until_complete("task_2", schedule=EXACT).result())
            await asyncio.sleep(10)
            with pytest.raises(WaitTimeoutError, match="asks to wait 40 s"):
                await client.wait_until_complete("task_3", timeout=30)
            group.create_task(client.wait_until_complete("task_3", timeout=60).result())

        moments = sorted(at - start for at, _ in sora.requests)
        assert len(moments) == 5
        assert moments[1] < 1 and moments[2] >= 50 and moments[-1] <= 55

    async def test_the_other_waits_keep_a_long_silence_for_a_minute(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", running(0.1), running(0.2), completed())
        sora.script("task_2", running(0.1), http_error(429, headers={"Retry-After": "1700"}))
        start = now()

        hinted = asyncio.create_task(client.wait_until_complete("task_2", schedule=EXACT).result())
        await client.wait_until_complete("task_1", schedule=EXACT)

        assert 60 <= now() - start <= 65
        assert not hinted.done()
        assert len(sora.polls("task_2")) == 2
        await client.close()
        with pytest.raises(ClientClosedError):
            await hinted

    @pytest.mark.parametrize("status", [429, 503])
    async def test_what_a_silence_held_back_begins_at_the_rate_of_the_budget_and_in_no_burst(
        self, sora: FakeSora, client: SoraClient, now: Clock, status: int
    ) -> None:
        sora.script("hinted", http_error(status, headers={"Retry-After": "20"}), completed())
        ids = [sora.script(f"task_{number}", completed()) for number in range(30)]
        start = now()

        async with asyncio.TaskGroup() as group:
            group.create_task(client.wait_until_complete("hinted").result())
            await asyncio.sleep(5)
            for task_id in ids:
                group.create_task(client.wait_until_complete(task_id).result())

        moments = sorted(at - start for task_id in ids for at in sora.polls(task_id))
        assert all(at >= 20 + number / 50 - 1e-6 for number, at in enumerate(moments, 1))
        assert moments[-1] < 23

    async def test_a_silence_is_not_charged_to_the_outage_of_another_wait(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.1), http_error(503), completed())
        sora.script("task_2", http_error(429, headers={"Retry-After": "300"}), completed())

        async with asyncio.TaskGroup() as group:
            first = group.create_task(client.wait_until_complete("task_1").result())
            while len(sora.polls("task_1")) < 2:
                await asyncio.sleep(0.01)
            group.create_task(client.wait_until_complete("task_2").result())

        assert first.result().is_complete

    async def test_a_timeout_after_the_success_gives_the_task(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", running(0.5), completed(url=None))
        sora.script_file("task_1", http_error(404), at="content")
        start = now()

        task = await client.wait_until_complete("task_1", timeout=30)

        assert now() - start == pytest.approx(30.0)
        assert task.content_url is not None
        with pytest.raises(VideoMissingError):
            await client.wait_until_complete("task_1", timeout=30, until="video_url")

    async def test_no_timeout_means_none(self, sora: FakeSora, client: SoraClient) -> None:
        sora.add(Scenario(queued=0, running=4 * 3600), task_id="task_1")

        assert (await client.wait_until_complete("task_1", timeout=None)).is_complete


class TestEndings:
    async def test_a_failed_task_raises_its_reason(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.5), failed("moderation_blocked", "not this"))
        watch = client.wait_until_complete("task_1")

        with pytest.raises(TaskFailedError) as caught:
            await watch

        assert caught.value.failure.code == "moderation_blocked"
        assert str(caught.value) == "task task_1 failed (failed): moderation_blocked: not this"
        assert watch.latest is not None and watch.latest.task.phase is Phase.FAILED

    async def test_an_error_in_many_waits_is_raised_as_a_copy_in_each(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", failed("code", "text"))
        watch = client.wait_until_complete("task_1")

        errors = await asyncio.gather(
            *(watch.result() for _ in range(3)),
            client.wait_until_complete("task_1"),
            return_exceptions=True,
        )

        assert all(isinstance(error, TaskFailedError) for error in errors)
        assert len({id(error) for error in errors}) == 4
        with pytest.raises(TaskFailedError):
            async for _ in watch:
                pass

    async def test_events_tell_of_an_outage_and_its_end(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script(
            "task_1",
            running(0.1),
            http_error(503),
            reset(),
            http_error(502),
            running(0.2),
            completed(),
        )

        events = [event async for event in client.wait_until_complete("task_1")]

        assert [event.is_degraded for event in events] == [False, True, False, False]
        recovered = events[2].recovered_after
        assert recovered is not None and recovered > 0
        assert [event.recovered_after is None for event in events] == [True, True, False, True]

    async def test_an_outage_that_lasts_ends_the_wait(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", running(0.4), http_error(503, "the reason"))
        start = now()

        with pytest.raises(OutageError) as caught:
            await client.wait_until_complete("task_1", schedule=EXACT)

        assert now() - start == pytest.approx(122.0)
        error = caught.value
        assert error.last is not None and error.last.progress == 0.4
        assert error.__cause__ is error.last_error and "the reason" in str(error)
        assert (error.elapsed, error.outage) == (pytest.approx(122.0), pytest.approx(120.0))

    async def test_a_task_without_url_ends_with_its_content_address(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task:1", completed(url=None))
        sora.script_file("task:1", http_error(404), at="content")
        start = now()

        task = await client.wait_until_complete("task:1")

        assert now() - start == pytest.approx(45.0)
        assert (task.video_url, task.content_url) == (None, f"{sora.url}/v1/videos/task:1/content")

    async def test_until_chooses_what_ends_the_wait(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", completed(url=None))
        start = now()

        assert not (await client.wait_until_complete("task_1", until="completed")).is_complete
        assert now() == start
        with pytest.raises(VideoMissingError, match="task_1/content"):
            await client.wait_until_complete("task_1", until="video_url")

    async def test_a_task_not_visible_yet_is_waited_for(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", unknown_task(), unknown_task(), completed())

        assert (await client.wait_until_complete("task_1")).is_complete

    async def test_no_phase_is_told_before_the_service_knows_the_task(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", unknown_task(), queued(), completed())

        events = [event async for event in client.wait_until_complete("task_1")]

        assert [event.phase for event in events] == [None, Phase.QUEUED, Phase.SUCCEEDED]
        assert isinstance(events[0].last_error, TaskNotFoundError)
        assert "queued" not in str(events[0])

    async def test_how_long_a_task_may_stay_unknown_can_be_chosen(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        start = now()

        with pytest.raises(TaskNotFoundError):
            await client.wait_until_complete("task_1", appear_within=0)
        async for outcome in client.as_completed(["task_1"], appear_within=100):
            assert isinstance(outcome.error, TaskNotFoundError)

        assert now() - start == pytest.approx(100, abs=12)

    async def test_a_path_that_does_not_exist_ends_the_wait_at_once(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        start = now()
        async with SoraClient(api_key=KEY, base_url=f"{sora.url}/api") as other:
            with pytest.raises(ResponseError, match="Invalid URL"):
                await other.wait_until_complete("task_1")

        assert now() == start


class TestPollInterval:
    async def test_polls_are_as_far_apart_as_it_says_within_15_percent(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        task_id = sora.add(Scenario(queued=0, running=200))

        await client.wait_until_complete(task_id, poll_interval=10)

        polls = sora.polls(task_id)
        gaps = [after - before for before, after in itertools.pairwise(polls)]
        assert 5.0 <= gaps[0] <= 15.0
        assert all(8.5 <= gap <= 11.5 for gap in gaps[1:]) and len(set(gaps)) > 5

    async def test_waits_with_the_same_interval_share_their_polls(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        task_id = sora.add(Scenario(queued=0, running=50))

        await asyncio.gather(
            *(client.wait_until_complete(task_id, poll_interval=10) for _ in range(9))
        )

        assert len(sora.polls(task_id)) <= 7

    @pytest.mark.parametrize(
        "options",
        [
            {"poll_interval": 0},
            {"poll_interval": 1e6},
            {"poll_interval": "10"},
            {"poll_interval": 5, "schedule": EXACT},
            {"appear_within": -1},
        ],
        ids=repr,
    )
    async def test_what_cannot_be_is_refused(
        self, client: SoraClient, options: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidArgumentError, match=next(iter(options))):
            client.wait_until_complete("task_1", **options)
        with pytest.raises(InvalidArgumentError, match=next(iter(options))):
            client.create_and_wait(prompt="a boat", **options)
        with pytest.raises(InvalidArgumentError, match=next(iter(options))):
            client.events(["task_1"], **options)


class TestClosing:
    async def test_closing_the_client_ends_its_waits_at_once(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", running(0.1))
        sora.script("task_2", stall())
        waits = [
            asyncio.create_task(client.wait_until_complete(task_id).result())
            for task_id in ("task_1", "task_2")
        ]
        await asyncio.sleep(20)
        start = now()

        await client.close()
        errors = await asyncio.gather(*waits, return_exceptions=True)

        assert now() == start
        assert [type(error) for error in errors] == [ClientClosedError] * 2
        assert isinstance(errors[0], ClientClosedError) and errors[0].elapsed == pytest.approx(20)

    async def test_a_wait_left_before_closing_can_be_taken_up_again(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", running(0.1), completed())
        watch = client.wait_until_complete("task_1")
        async for _ in watch:
            break
        await client.close()

        assert (await watch).is_complete

    async def test_a_bug_in_a_request_reaches_those_who_wait(self, sora: FakeSora) -> None:
        async def broken(*_: object) -> None:
            raise LookupError("a bug in a user's trace")

        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(broken)

        async with SoraClient(base_url=sora.url, trace_configs=[trace]) as client:
            with pytest.raises(LookupError, match="trace"):
                await client.wait_until_complete("task_1")

    async def test_a_bug_in_a_poll_reaches_those_who_wait(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        def broken(interval: float) -> float:
            raise LookupError("a bug in a user's jitter")

        sora.script("task_1", running(0.1))

        with pytest.raises(LookupError, match="jitter"):
            await client.wait_until_complete("task_1", schedule=Schedule(first_jitter=broken))

    async def test_a_poll_cancelled_by_a_stranger_does_not_leave_its_waits_hanging(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", stall())
        wait = asyncio.create_task(client.wait_until_complete("task_1").result())
        await asyncio.sleep(1)

        for task in asyncio.all_tasks():
            if task.get_name() == "poll task_1":
                task.cancel()

        with pytest.raises(ClientClosedError):
            await wait

    async def test_a_poll_that_ends_before_its_task_is_there_gives_its_slot_back(
        self, sora: FakeSora
    ) -> None:
        """So it may be with the eager tasks of Python 3.12; this one does without them."""

        class Ended(asyncio.Future[Any]):
            def set_name(self, name: str) -> None:
                assert name.startswith("poll task_")

        def run_at_once(
            loop: asyncio.AbstractEventLoop, poll: Coroutine[Any, Any, Any], **_: object
        ) -> asyncio.Future[Any]:
            with pytest.raises(StopIteration):
                poll.send(None)
            ended = Ended(loop=loop)
            ended.set_result(None)
            return ended

        async with aiohttp.ClientSession() as closed:
            pass
        loop = asyncio.get_running_loop()
        async with SoraClient(
            base_url=sora.url, session=closed, rate_limit=RateLimit(max_concurrent=1)
        ) as client:
            loop.set_task_factory(run_at_once)
            for number in range(3):
                with pytest.raises(InvalidArgumentError, match="session: it is closed"):
                    await client.wait_until_complete(f"task_{number}")
            loop.set_task_factory(None)

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
    async def test_eager_tasks_make_no_difference(self, sora: FakeSora, client: SoraClient) -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009
        sora.script("task_1", running(0.1), completed())

        assert (await client.wait_until_complete("task_1")).is_complete


async def test_a_wait_that_moved_here_goes_on_with_its_age(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    sora.script("task_1", running(0.3))
    watch = client.wait_until_complete("task_1", already_waited=100, timeout=150)

    event = await anext(aiter(watch))
    with pytest.raises(WaitTimeoutError) as caught:
        await watch

    assert event.elapsed == pytest.approx(100)
    assert (now(), caught.value.elapsed) == pytest.approx((50, 150))


@pytest.mark.parametrize("already_waited", [-1, float("nan"), float("inf"), "1", True])
def test_an_age_that_is_no_time_is_refused(already_waited: float) -> None:
    client = SoraClient(base_url="http://127.0.0.1:9")

    with pytest.raises(InvalidArgumentError, match="already_waited"):
        client.wait_until_complete("task_1", already_waited=already_waited)
