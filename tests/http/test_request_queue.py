"""Which request goes next: the requests of a whole client, under one rate limit."""

import asyncio
import collections
import contextlib
import itertools
import math
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import aiohttp
import attrs
import pytest
from support import KEY

from sora_async import (
    ClientClosedError,
    DurationHistory,
    InvalidArgumentError,
    OutageError,
    RateLimit,
    RateLimitError,
    ResponseError,
    Schedule,
    SoraClient,
    WaitTimeoutError,
)
from sora_async._http.rate_limit import AdaptiveTokenBucket
from sora_async._http.request_queue import RequestQueue
from sora_async.schedule.learning.duration_history import task_kinds
from sora_async.schedule.learning.observations import CensoredDuration
from sora_async.testing import (
    Answer,
    FakeSora,
    Scenario,
    completed,
    http_error,
    queued,
    running,
    slow,
    stall,
)

EXACT = Schedule(intervals=[2.0], jitter=float, first_jitter=float)

Clock = Callable[[], float]


@contextlib.asynccontextmanager
async def client_of(
    sora: FakeSora, rate_limit: RateLimit, **options: Any
) -> AsyncIterator[SoraClient]:
    async with SoraClient(
        api_key=KEY, base_url=sora.url, rate_limit=rate_limit, **options
    ) as client:
        yield client


def moments(sora: FakeSora) -> list[float]:
    return [at for at, _ in sora.requests]


def fullest(starts: Sequence[float], seconds: float) -> int:
    """Return the most starts within any stretch of so many seconds, its ends included."""
    most = first = 0
    for last, at in enumerate(starts):
        while starts[first] < at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@attrs.define(eq=False)
class Limit:
    """A service's limit for all its tasks: so many requests a second, and none at once."""

    rate: float
    refused: list[float] = attrs.field(factory=list)
    served: list[float] = attrs.field(factory=list)
    _level: float = 1.0
    _level_at: float = 0.0

    def is_served(self) -> bool:
        now = asyncio.get_running_loop().time()
        level = min(1.0, self._level + (now - self._level_at) * self.rate)
        is_served = level > 1.0 - 1e-6
        self._level, self._level_at = level - is_served, now
        (self.served if is_served else self.refused).append(now)
        return is_served


@attrs.frozen(kw_only=True)
class LimitedLife(Scenario):
    """A life that is told of only while the service's limit allows it."""

    limit: Limit
    refusal: Answer = attrs.field(factory=lambda: http_error(429))

    def answer(self, age: float, poll: int) -> Answer:
        return super().answer(age, poll) if self.limit.is_served() else self.refusal


async def wait_for_all(client: SoraClient, ids: Iterable[str], **terms: object) -> int:
    """Return how many of many waits end with a video; the others must not be."""
    outcomes = client.as_completed(ids, max_concurrent=10_000, **terms)  # type: ignore[arg-type]
    return len([outcome.result() async for outcome in outcomes])


@attrs.define(eq=False)
class Turn:
    """Something that wants a slot, without a request behind it."""

    is_new: bool = False
    is_urgent: bool = False
    due: float = 0.0
    ticket: int = 0
    grows_by: float = 0.0

    def urgency(self, now: float) -> float:
        """Return what grows with the time it has been due, for each at a rate of its own."""
        return self.grows_by * (now - self.due) - now


def going_round(
    rate_limit: RateLimit, now: Clock, tell: Callable[[Turn], None] = lambda _: None
) -> RequestQueue[Turn]:
    """Return slots after which each turn wants another at once; *tell* hears of each."""

    def start(turn: Turn) -> None:
        tell(turn)
        queue.schedule(turn, now())
        queue.release()

    queue = RequestQueue[Turn](rate_limit)
    queue.start = start
    return queue


async def test_what_ends_at_once_and_comes_again_is_given_one_slot_after_the_other(
    now: Clock,
) -> None:
    starts: list[float] = []

    def start(turn: Turn) -> None:
        starts.append(now())
        if len(starts) < 10:
            queue.schedule(turn, now())
        queue.release()

    queue = RequestQueue[Turn](RateLimit(rate=2, burst=4, max_concurrent=1))
    queue.start = start
    queue.schedule(Turn(), now())
    await asyncio.sleep(60)

    assert starts == pytest.approx([0.0] * 4 + [0.5, 1.0, 1.5, 2.0, 2.5, 3.0])


@pytest.mark.parametrize("is_closed", [False, True])
async def test_a_call_that_was_cancelled_in_the_same_turn_takes_no_permit(is_closed: bool) -> None:
    queue = RequestQueue[Turn](RateLimit(max_concurrent=1))
    await queue.acquire()
    call = asyncio.create_task(queue.acquire())
    await asyncio.sleep(0)

    call.cancel()
    queue.close() if is_closed else queue.release()

    assert queue._free == (0 if is_closed else 1)
    with pytest.raises(asyncio.CancelledError):
        await call
    assert queue._free == (0 if is_closed else 1)


async def test_what_is_urgent_waits_for_no_more_than_its_turn_among_the_lines(now: Clock) -> None:
    started: list[Turn] = []

    def start(turn: Turn) -> None:
        started.append(turn)
        queue.release()

    queue = RequestQueue[Turn](RateLimit(rate=10, burst=1))
    queue.start = start
    for _ in range(100):
        queue.schedule(Turn(), now())
        queue.schedule(Turn(is_new=True), now())
    await asyncio.sleep(1)
    urgent = [Turn(is_urgent=True) for _ in range(3)]
    for turn in urgent:
        queue.schedule(turn, now())
    queue.cancel(urgent[1])
    await asyncio.sleep(1)

    assert [turn for turn in started if turn.is_urgent] == [urgent[0], urgent[2]]
    assert len(started) == pytest.approx(20, abs=1)


class TestRate:
    async def test_waits_started_together_never_crowd(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        ids = [sora.add(Scenario(queued=0, running=30)) for _ in range(300)]

        assert await wait_for_all(client, ids) == 300

        assert fullest(moments(sora), 0.1) <= 20 + 50 * 0.1
        assert fullest(moments(sora), 10.0) <= 20 + 50 * 10

    async def test_fifty_waits_feel_nothing_of_the_default(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        ids = [sora.add(Scenario(queued=0, running=60)) for _ in range(50)]
        start = now()

        await wait_for_all(client, ids)

        for task_id in ids:
            polls = sora.polls(task_id)
            assert polls[0] - start < 0.7
            assert all(late - early < 7.5 for early, late in itertools.pairwise(polls))

    async def test_no_rate_is_no_limit(self, sora: FakeSora, now: Clock) -> None:
        ids = [sora.script(f"task_{number}", completed()) for number in range(200)]
        start = now()

        async with client_of(sora, RateLimit(rate=None, burst=1)) as client:
            await wait_for_all(client, ids)

        assert set(moments(sora)) == {start}

    async def test_a_budget_is_for_one_loop_and_all_of_it(self, sora: FakeSora, now: Clock) -> None:
        sora.script("task_1", queued())

        async with client_of(sora, RateLimit(rate=2, burst=1)) as client:
            start = now()
            await asyncio.gather(*(client.get_task("task_1") for _ in range(7)))

        assert [at - start for at in moments(sora)] == pytest.approx([n / 2 for n in range(7)])


class TestTurns:
    async def test_with_nothing_learned_the_one_asked_or_due_for_longest_is_first(
        self, sora: FakeSora
    ) -> None:
        intervals = {f"task_{number}": 2.0 + number * 0.11 for number in range(40)}
        for task_id in intervals:
            sora.script(task_id, running(0.1))

        async def wait(client: SoraClient, task_id: str) -> None:
            schedule = attrs.evolve(EXACT, intervals=[intervals[task_id]])
            with pytest.raises(WaitTimeoutError):
                await client.wait_until_complete(task_id, schedule=schedule, timeout=90)

        async with client_of(sora, RateLimit(rate=5, burst=1)) as client:
            await asyncio.gather(*(wait(client, task_id) for task_id in intervals))

        asked: dict[str, float] = {}
        late = 0
        for at, request in sora.requests:
            task_id = request.task_id or ""
            if task_id in asked and len(asked) == len(intervals):
                due = [one for one in asked if asked[one] + intervals[one] <= at + 1e-6]
                is_oldest = asked[task_id] <= min(asked[one] for one in due) + 1e-6
                moments = {one: asked[one] + intervals[one] for one in due}
                assert is_oldest or moments[task_id] <= min(moments.values()) + 1e-6
                late += asked[task_id] + intervals[task_id] < at - 1.0
            asked[task_id] = at
        assert late > 300

    async def test_what_is_most_likely_there_is_asked_for_first(self, sora: FakeSora) -> None:
        memory = DurationHistory()
        for length in range(100, 140):
            ending = CensoredDuration(result="video", after=length - 1.0, before=length + 1.0)
            memory.learn(task_kinds("sy_ore", "small"), ending)
        for record in memory.records.values():
            record.trust = 0.9
        scenario = Scenario(queued=0, running=600, trajectory=None)
        old = [sora.add(scenario, task_id=f"old_{number}") for number in range(20)]

        async with client_of(sora, RateLimit(rate=2, burst=1), duration_history=memory) as client:
            elders = asyncio.create_task(wait_for_all(client, old))
            await asyncio.sleep(90)
            new = [sora.add(scenario, task_id=f"new_{number}") for number in range(20)]
            others = asyncio.create_task(wait_for_all(client, new))
            await asyncio.sleep(50)
            for task in (elders, others):
                task.cancel()

        polled = collections.Counter(
            (request.task_id or "")[:3] for at, request in sora.requests if at > 110
        )
        assert polled["old"] > 1.7 * polled["new"]

    async def test_nobody_due_is_passed_over_for_good(self, now: Clock) -> None:
        served = collections.Counter[float]()
        queue = going_round(
            RateLimit(rate=10, burst=1, max_concurrent=1),
            now,
            lambda turn: served.update([turn.grows_by]),
        )
        for number in range(200):
            queue.schedule(Turn(grows_by=1.0 + number % 2), now())
        await asyncio.sleep(100)
        queue.close()

        assert 2 * served[1.0] > served[2.0] > 1.1 * served[1.0]

    async def test_many_slots_in_a_second_do_not_look_at_everybody_each_time(
        self, now: Clock
    ) -> None:
        looks = 0

        class Looked(Turn):
            def urgency(self, now: float) -> float:
                nonlocal looks
                looks += 1
                return super().urgency(now)

        queue = going_round(RateLimit(rate=1000, burst=1, max_concurrent=1), now)
        for _ in range(500):
            queue.schedule(Looked(), now())
        await asyncio.sleep(10)
        queue.close()

        # 500 in a second, whatever the rate.
        assert 9 * 500 <= looks <= 11 * 500

    async def test_polls_that_are_cancelled_while_they_are_put_in_order_get_no_permit(
        self, now: Clock
    ) -> None:
        started: list[Turn] = []

        class Collected(Turn):
            def urgency(self, now: float) -> float:
                for turn in turns:
                    queue.cancel(turn)
                return super().urgency(now)

        queue = RequestQueue[Turn](RateLimit(rate=1, burst=1, max_concurrent=1))
        queue.start = started.append
        turns = [Collected() for _ in range(3)]
        for turn in turns:
            queue.schedule(turn, now())
        await asyncio.sleep(60)

        assert not started
        assert queue._free == 1

    async def test_the_queue_holds_each_request_once(self, now: Clock) -> None:
        queue = going_round(RateLimit(rate=100, burst=1, max_concurrent=1), now)
        for _ in range(500):
            queue.schedule(Turn(), now())
        await asyncio.sleep(60)

        assert len(queue._due_polls) + len(queue._later_polls) == 500
        queue.close()

    async def test_a_call_and_a_new_wait_do_not_starve_behind_a_crowd(
        self, sora: FakeSora, now: Clock
    ) -> None:
        ids = [sora.script(f"task_{number}", running(0.1)) for number in range(1000)]
        sora.script("mine", running(0.1), completed())
        slot = 1 / 5

        async with client_of(sora, RateLimit(rate=5)) as client:
            crowd = asyncio.create_task(wait_for_all(client, ids))
            await asyncio.sleep(450)
            assert {request.task_id for _, request in sora.requests} == set(ids)
            start = now()
            await client.get_task("task_1")
            assert now() - start <= 2 * slot + 1e-6
            wait = asyncio.create_task(client.wait_until_complete("mine").result())
            await asyncio.sleep(3 * slot)
            assert len(sora.polls("mine")) == 1
            start = now()
            await asyncio.gather(*(client.get_task("task_1") for _ in range(10)))
            assert now() - start <= (10 * 2 + 1) * slot + 1e-6
            for task in (crowd, wait):
                task.cancel()

    async def test_a_crowd_of_new_waits_does_not_starve_the_old_ones(
        self, sora: FakeSora, now: Clock
    ) -> None:
        old = {sora.script(f"old_{number}", running(0.1)) for number in range(20)}
        new = [sora.script(f"new_{number}", running(0.1)) for number in range(1000)]

        async with client_of(sora, RateLimit(rate=10, burst=1)) as client:
            waits = asyncio.create_task(wait_for_all(client, old))
            await asyncio.sleep(20)
            crowd = asyncio.create_task(wait_for_all(client, new))
            start = now()
            await asyncio.sleep(30)
            waits.cancel()
            crowd.cancel()

        polled = collections.Counter[str | None]()
        firsts = others = 0
        for at, request in sora.requests:
            polled[request.task_id] += 1
            firsts += at > start + 5 and polled[request.task_id] == 1
            others += at > start + 5 and polled[request.task_id] > 1
        assert firsts + others >= 249
        assert abs(firsts - others) <= 1

    async def test_new_waits_have_their_first_poll_in_the_order_in_which_they_came(
        self, sora: FakeSora
    ) -> None:
        ids = [sora.script(f"task_{number}", completed()) for number in range(60)]
        random.Random(1).shuffle(ids)

        async with client_of(sora, RateLimit(rate=5, burst=3)) as client:
            await wait_for_all(client, ids)

        assert [request.task_id for _, request in sora.requests] == ids


class TestInFlight:
    async def test_no_more_requests_are_under_way_than_allowed(self, sora: FakeSora) -> None:
        answers = slow(0.5, running(0.1)), slow(0.5, running(0.2)), slow(0.5, completed())
        ids = [sora.script(f"task_{number}", *answers) for number in range(30)]
        others = [sora.script(f"other_{number}", *answers) for number in range(30)]

        async with client_of(sora, RateLimit(rate=None, max_concurrent=3)) as client:
            calls = [asyncio.create_task(client.get_task(task_id)) for task_id in others]
            assert await wait_for_all(client, ids) == 30
            await asyncio.gather(*calls)

        assert fullest(moments(sora), 0.5 - 1e-6) == 3
        assert max(moments(sora)) - min(moments(sora)) == pytest.approx(0.5 * 120 / 3, abs=5)

    async def test_a_wait_that_is_left_gives_its_slot_back(self, sora: FakeSora) -> None:
        sora.script("hangs", stall())

        async with client_of(sora, RateLimit(rate=None, max_concurrent=2)) as client:
            waits = [
                asyncio.create_task(client.wait_until_complete("hangs", timeout=timeout).result())
                for timeout in (100, 5)
            ]
            call = asyncio.create_task(client.get_task("hangs"))
            await asyncio.sleep(1)
            waits[0].cancel()
            call.cancel()
            await asyncio.gather(*waits, call, return_exceptions=True)
            await assert_all_slots_can_be_used(sora, client, 2)

    async def test_a_poll_that_is_left_before_it_has_begun_gives_its_slot_back(
        self, sora: FakeSora, now: Clock
    ) -> None:
        sora.script("task_1", running(0.1))

        async with client_of(sora, RateLimit(rate=None, max_concurrent=1)) as client:
            events = [aiter(client.wait_until_complete("task_1", schedule=EXACT))]
            await anext(events[0])
            # In the turn in which its slot is given out, and before its task takes a step.
            asyncio.get_running_loop().call_at(now() + 2.0 + 1e-9, events.clear)
            await asyncio.sleep(10)
            assert len(sora.polls("task_1")) == 1
            await assert_all_slots_can_be_used(sora, client, 1)

    @pytest.mark.parametrize("after", [0.1, 1.0 - 1e-9, 1.0 + 1e-9, 1.1])
    async def test_a_call_that_is_cancelled_around_its_slot_leaves_nothing_behind(
        self, sora: FakeSora, now: Clock, after: float
    ) -> None:
        sora.script("task_1", stall())

        async with client_of(sora, RateLimit(rate=1, burst=1, max_concurrent=3)) as client:
            others = [asyncio.create_task(client.get_task("task_1")) for _ in range(3)]
            asyncio.get_running_loop().call_at(now() + after, others[1].cancel)
            await asyncio.sleep(0.5)
            others[0].cancel()
            await asyncio.sleep(10)
            others[2].cancel()
            ends = await asyncio.gather(*others, return_exceptions=True)
            assert [type(end) for end in ends] == [asyncio.CancelledError] * 3
            assert len(sora.requests) == 2 + (after > 1.01)
            await assert_all_slots_can_be_used(sora, client, 3)

    async def test_waits_that_come_and_go_in_a_silence_leave_nothing_behind(
        self, sora: FakeSora
    ) -> None:
        sora.script("hinted", http_error(503, headers={"Retry-After": "50"}), completed())
        ids = [sora.script(f"task_{number}", running(0.1)) for number in range(200)]

        async with client_of(sora, RateLimit(max_concurrent=2)) as client:
            crowd = asyncio.create_task(wait_for_all(client, ids, schedule=EXACT))
            await asyncio.sleep(20)
            hinted = asyncio.create_task(client.wait_until_complete("hinted").result())
            await asyncio.sleep(20)
            before = len(sora.requests)
            crowd.cancel()
            for _ in range(3):
                crowd = asyncio.create_task(wait_for_all(client, ids))
                await asyncio.sleep(1)
                crowd.cancel()
            assert (await hinted).is_complete
            assert len(sora.requests) == before + 1
            await assert_all_slots_can_be_used(sora, client, 2)


async def assert_all_slots_can_be_used(sora: FakeSora, client: SoraClient, number: int) -> None:
    """So many waits and no more have their requests under way at once."""
    ids = [sora.script(f"check_{one}", slow(5, completed())) for one in range(2 * number)]
    before = len(sora.requests)

    async with asyncio.timeout(60):
        assert await wait_for_all(client, ids) == 2 * number

    assert fullest(moments(sora)[before:], 5 - 1e-6) == number
    await asyncio.gather(*(client.get_task(task_id) for task_id in ids))


class TestRateLimit:
    @pytest.mark.parametrize(("hint", "minutes"), [(None, 10), ("1", 5)])
    async def test_many_waits_settle_near_the_limit_of_the_service_and_none_dies_of_it(
        self, sora: FakeSora, client: SoraClient, now: Clock, hint: str | None, minutes: int
    ) -> None:
        limit = Limit(10.0)
        refusal = http_error(429, headers={"Retry-After": hint} if hint else None)
        scenario = LimitedLife(queued=0, running=3600, limit=limit, refusal=refusal)
        start = now()

        ids = [sora.add(scenario) for _ in range(300)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait_for_all(client, ids, timeout=None), 60 * minutes)

        refused = sum(at > start + 60 for at in limit.refused)
        served = sum(at > start + 60 for at in limit.served)
        assert refused / (refused + served) < 0.02
        assert served >= (0.85 if hint is None else 0.8) * 10 * 60 * (minutes - 1)

    @pytest.mark.parametrize(("hint", "silence"), [(None, 0.25), ("3", 3.0), ("0", 0.25)])
    async def test_one_429_slows_all_waits(
        self, sora: FakeSora, client: SoraClient, hint: str | None, silence: float
    ) -> None:
        ids = [sora.add(Scenario(queued=0, running=30)) for _ in range(50)]
        refusal = http_error(429, headers={"Retry-After": hint} if hint else None)
        sora.script("limited", running(0.1), running(0.2), refusal, completed())

        assert await wait_for_all(client, [*ids, "limited"]) == 51

        at = sora.polls("limited")[2]
        last, following = [one for one in moments(sora) if one <= at], moments(sora)
        assert following[len(last)] >= at + silence
        assert fullest(following[len(last) :], 1.0) <= 50

    async def test_a_wait_that_is_limited_while_others_are_served_is_in_no_outage(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("limited", running(0.1), http_error(429))
        sora.script("served", running(0.1))
        start = now()

        ends = await asyncio.gather(
            client.wait_until_complete("limited", timeout=900),
            client.wait_until_complete("served", timeout=1000),
            return_exceptions=True,
        )

        assert [type(end) for end in ends] == [WaitTimeoutError] * 2
        assert isinstance(getattr(ends[0], "last_error", None), RateLimitError)
        assert now() - start == pytest.approx(1000)

    async def test_a_task_that_is_always_limited_does_not_take_the_slots_of_the_others(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("limited", running(0.1), http_error(429))
        sora.script("served", running(0.1))

        await asyncio.gather(
            client.wait_until_complete("limited", timeout=900),
            client.wait_until_complete("served", timeout=900),
            return_exceptions=True,
        )

        polls = sora.polls("served")
        assert max(late - early for early, late in itertools.pairwise(polls)) < 15

    async def test_a_limit_that_is_gone_is_forgotten(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        limit = Limit(2.0)
        ids = [sora.add(LimitedLife(queued=0, running=400, limit=limit)) for _ in range(100)]

        async def look() -> tuple[int, int]:
            await asyncio.sleep(100)
            before = sum(at > now() - 50 for at in moments(sora))
            limit.rate = 1000.0
            await asyncio.sleep(200)
            return before, sum(at > now() - 50 for at in moments(sora))

        (before, after), _ = await asyncio.gather(look(), wait_for_all(client, ids))

        assert before < 2.5 * 50
        assert after > 15 * 50


@attrs.frozen(kw_only=True)
class BrokenOff(Scenario):
    """A life whose service breaks down at a moment."""

    down_from: list[float]

    def answer(self, age: float, poll: int) -> Answer:
        return http_error(503) if self.down_from else super().answer(age, poll)


class TestOutage:
    async def test_time_in_the_queue_is_no_outage_while_others_are_served(
        self, sora: FakeSora
    ) -> None:
        ids = [sora.script(f"task_{number}", running(0.1)) for number in range(200)]
        sora.script("sick", running(0.1), *(http_error(503),) * 4, completed())

        async with client_of(sora, RateLimit(rate=2)) as client:
            crowd = asyncio.create_task(wait_for_all(client, ids))
            await asyncio.sleep(1)
            assert (await client.wait_until_complete("sick", timeout=None)).is_complete
            crowd.cancel()

        faulty = sora.polls("sick")[1:-1]
        assert faulty[-1] - faulty[0] > 200

    async def test_time_in_the_queue_is_an_outage_while_nobody_is_served(
        self, sora: FakeSora, now: Clock
    ) -> None:
        ids = [sora.script(f"task_{number}", running(0.1), http_error(503)) for number in range(60)]

        async with client_of(sora, RateLimit(rate=2)) as client:
            outcomes = [outcome async for outcome in client.as_completed(ids, timeout=None)]

        assert {type(outcome.error) for outcome in outcomes} == {OutageError}
        assert now() < 30 + 120 + 2 * 30

    async def test_time_in_the_queue_counts_from_the_last_answer_to_others(
        self, sora: FakeSora, now: Clock
    ) -> None:
        down_from: list[float] = []
        ids = [sora.add(BrokenOff(queued=0, running=9999, down_from=down_from)) for _ in range(100)]
        sora.script("sick", running(0.1), http_error(503))

        async with client_of(sora, RateLimit(rate=1, burst=1), outage_timeout=60.0) as client:
            crowd = asyncio.create_task(wait_for_all(client, ids, timeout=None))
            await asyncio.sleep(300)
            sick = asyncio.create_task(client.wait_until_complete("sick", timeout=None).result())
            while len(sora.polls("sick")) < 3:
                await asyncio.sleep(0.1)
            await asyncio.sleep(5)  # it is due already, and others are served meanwhile
            down_from += [now()]
            with pytest.raises(OutageError):
                await sick
            crowd.cancel()

        # Its next poll is about 100 s later: by then nobody was served for more than its patience.
        assert now() - down_from[0] < 130
        assert len(sora.polls("sick")) == 4

    async def test_a_silence_that_was_asked_for_is_no_outage_of_another_wait(
        self, sora: FakeSora
    ) -> None:
        hinted = http_error(503, headers={"Retry-After": "50"})
        sora.script("sick", running(0.1), *(http_error(503),) * 6, completed())
        sora.script("hinted", hinted, hinted, completed())

        async with client_of(sora, RateLimit(), outage_timeout=40.0) as client:
            sick = asyncio.create_task(client.wait_until_complete("sick").result())
            while len(sora.polls("sick")) < 2:
                await asyncio.sleep(0.01)
            hint = asyncio.create_task(client.wait_until_complete("hinted").result())
            assert (await sick).is_complete
            assert (await hint).is_complete

        faults = sora.polls("sick")[1:-1]
        assert faults[-1] - faults[0] > 40

    async def test_time_in_the_queue_takes_nothing_from_the_grace_for_a_late_url(
        self, sora: FakeSora
    ) -> None:
        ids = [sora.script(f"task_{number}", running(0.1)) for number in range(200)]
        sora.script("late", completed(url=None), completed(url=None), completed())

        async with client_of(sora, RateLimit(rate=2)) as client:
            crowd = asyncio.create_task(wait_for_all(client, ids))
            await asyncio.sleep(120)
            task = await client.wait_until_complete("late", timeout=None)
            crowd.cancel()

        assert task.video_url is not None
        assert sora.polls("late")[-1] - sora.polls("late")[0] > 90


class TestBrokenUse:
    async def test_calls_that_wait_for_a_slot_end_with_the_client(self, sora: FakeSora) -> None:
        sora.script("task_1", running(0.1))

        async with aiohttp.ClientSession() as session:
            client = SoraClient(
                api_key=KEY,
                base_url=sora.url,
                session=session,
                rate_limit=RateLimit(rate=1, burst=1),
            )
            calls = [asyncio.create_task(client.get_task("task_1")) for _ in range(5)]
            while not sora.requests:
                await asyncio.sleep(0)
            await client.close()
            ends = await asyncio.gather(*calls, return_exceptions=True)

        assert len(sora.requests) == 1
        assert [type(end) for end in ends[1:]] == [ClientClosedError] * 4

    async def test_a_call_that_is_thrown_away_in_the_queue_takes_no_slot(
        self, sora: FakeSora
    ) -> None:
        sora.script("task_1", running(0.1))

        async with client_of(sora, RateLimit(rate=1, burst=1, max_concurrent=1)) as client:
            await client.get_task("task_1")
            for _ in range(3):
                call = client.get_task("task_1")
                call.send(None)
                call.close()
            async with asyncio.timeout(10):
                await client.get_task("task_1")

    async def test_a_poll_cancelled_by_a_stranger_ends_its_wait(self, sora: FakeSora) -> None:
        sora.script("task_1", running(0.1))

        async with client_of(sora, RateLimit()) as client:
            wait = asyncio.create_task(client.wait_until_complete("task_1").result())
            polls: list[asyncio.Task[object]] = []
            while not polls:
                await asyncio.sleep(0)
                polls = [one for one in asyncio.all_tasks() if one.get_name() == "poll task_1"]
            polls[0].cancel()
            with pytest.raises(ClientClosedError):
                await wait

    @pytest.mark.parametrize("delay", [math.nan, math.inf, -1e9])
    async def test_a_jitter_that_makes_no_delay_ends_its_own_waits_only(
        self, sora: FakeSora, delay: float
    ) -> None:
        sora.script("bad", running(0.1))
        sora.script("good", *[running(0.1)] * 9, completed())
        broken = Schedule(jitter=lambda _: delay, first_jitter=lambda _: delay)

        async with client_of(sora, RateLimit()) as client:
            good = asyncio.create_task(client.wait_until_complete("good").result())
            with pytest.raises(InvalidArgumentError, match="jitter"):
                await client.wait_until_complete("bad", schedule=broken)
            assert (await good).is_complete

    async def test_a_wait_that_is_collected_while_its_poll_is_planned_is_not_polled_again(
        self, sora: FakeSora
    ) -> None:
        sora.script("task_1", running(0.1))

        def collect(interval: float) -> float:
            events.clear()
            return interval

        schedule = Schedule(intervals=[2.0], jitter=collect, first_jitter=float)
        async with client_of(sora, RateLimit()) as client:
            events = [aiter(client.wait_until_complete("task_1", schedule=schedule))]
            await anext(events[0])
            await asyncio.sleep(60)

        assert len(sora.polls("task_1")) == 2

    async def test_a_task_refused_again_and_again_silences_itself_only(
        self, sora: FakeSora, now: Clock
    ) -> None:
        sora.script("limited", http_error(429, headers={"Retry-After": "50"}))
        sora.script("task_1", running(0.1))

        async with client_of(sora, RateLimit()) as client, asyncio.TaskGroup() as group:
            waits = [
                group.create_task(client.wait_until_complete(one, schedule=EXACT).result())
                for one in ("limited", "task_1")
            ]
            await asyncio.sleep(600)
            for wait in waits:
                wait.cancel()

        assert len(sora.polls("task_1")) > 200

    async def test_as_many_refused_tasks_as_there_may_be_are_remembered(
        self, sora: FakeSora
    ) -> None:
        async with client_of(sora, RateLimit(rate=None)) as client:
            throttle = client._find_poller().throttle
            for number in range(1500):
                throttle.record_response(f"task_{number}", RateLimitError("u", 429))

        assert len(throttle._refused_at) == 1000

    async def test_another_answer_than_a_429_ends_the_pauses(self, sora: FakeSora) -> None:
        sora.script("limited", *[http_error(429)] * 4, http_error(400), completed())

        async with client_of(sora, RateLimit()) as client:
            for _ in range(2):
                with contextlib.suppress(ResponseError):
                    await client.get_task("limited")
            assert client._find_poller().queue.bucket.delay(asyncio.get_running_loop().time()) < 0.3


@attrs.frozen(kw_only=True)
class Distant(RateLimit):
    """A budget kept elsewhere: it takes a second to ask for one slot."""

    asked: list[float] = attrs.field(factory=list, eq=False)

    def _open(self, now: float, look: Callable[[], None]) -> AdaptiveTokenBucket:
        return DistantMeter(self, look)


class DistantMeter(AdaptiveTokenBucket):
    def __init__(self, rate_limit: Distant, look: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(RateLimit(rate=None), now=loop.time())
        self.asked, self.queue, self.look, self.loop = rate_limit.asked, 0, look, loop
        self.is_asking = False

    def delay(self, now: float) -> float:
        if self.queue:
            return 0.0
        if not self.is_asking:
            self.is_asking = True
            self.asked.append(now)
            self.loop.call_later(1.0, self.arrive)
        return math.inf

    def take(self, now: float) -> None:
        self.queue -= 1

    def arrive(self) -> None:
        self.is_asking = False
        self.queue += 1
        self.look()


async def test_slots_may_come_from_elsewhere_and_are_asked_for_when_somebody_wants_one(
    sora: FakeSora, now: Clock
) -> None:
    sora.script("video", running(0.5), completed())
    rate_limit = Distant()
    async with client_of(sora, rate_limit, schedule=EXACT) as client:
        await client.get_task("video")
        await client.wait_until_complete("video")

    assert moments(sora) == pytest.approx([1.0, 2.0])
    assert rate_limit.asked == pytest.approx([0.0, 1.0])
