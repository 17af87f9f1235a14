"""A client that learns from its own waits, over real sockets."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from statistics import mean

import pytest
from support import KEY

from sora_async import (
    DurationHistory,
    InvalidArgumentError,
    LearningSchedule,
    ProgressEvent,
    RateLimit,
    Schedule,
    SoraClient,
    TaskFailedError,
)
from sora_async._polling.polled_task import PolledTask
from sora_async.schedule import History, Policy
from sora_async.schedule.learning.duration_model import TaskKind
from sora_async.schedule.learning.observations import CensoredDuration
from sora_async.testing import FakeSora, Scenario, running

LENGTHS = [208, 232, 266, 240, 301, 255, 388, 270, 262, 284, 222, 249]


async def wait_for(sora: FakeSora, client: SoraClient, seconds: float) -> tuple[int, float]:
    """Wait for a task that takes so long; return its polls, and how late its video was known."""
    scenario = Scenario(queued=5, running=seconds - 5)
    task_id = sora.add(scenario, model="sora-2", size="1280x720", seconds="10")
    start = asyncio.get_running_loop().time()
    await client.wait_until_complete(task_id)
    delay = asyncio.get_running_loop().time() - start - seconds
    return len(sora.polls(task_id)), delay


async def test_a_client_that_has_learned_polls_less_and_knows_sooner(sora: FakeSora) -> None:
    figures = {}
    for schedule in (Schedule(), LearningSchedule()):
        async with SoraClient(api_key=KEY, base_url=sora.url, schedule=schedule) as client:
            found = [await wait_for(sora, client, seconds) for seconds in LENGTHS * 2]
        polls, delays = zip(*found[len(LENGTHS) :], strict=True)
        figures[type(schedule)] = (mean(polls), mean(delays))

    plain, learned = figures[Schedule], figures[LearningSchedule]
    assert learned[0] < 0.8 * plain[0]
    assert learned[0] * learned[1] < 0.6 * plain[0] * plain[1]


async def test_events_tell_what_is_left_once_that_is_known(
    sora: FakeSora, client: SoraClient
) -> None:
    for seconds in LENGTHS:
        await wait_for(sora, client, seconds)
    scenario = Scenario(queued=5, running=1e5, trajectory=((0.0, 0.3),))
    task_id = sora.add(scenario, model="sora-2", size="1280x720", seconds="10")

    events: list[ProgressEvent] = []
    async for event in client.wait_until_complete(task_id, timeout=None):
        events.append(event)
        if event.stalled:
            break

    left = events[0].eta
    assert left is not None and 150 < left.p50 < left.p90 < 500
    assert not events[0].stalled


async def test_nothing_is_told_of_tasks_of_which_too_little_is_known(
    sora: FakeSora, client: SoraClient
) -> None:
    await wait_for(sora, client, 30)

    async for event in client.wait_until_complete(sora.script("task_1", running(0.5))):
        assert event.eta is None and not event.stalled
        break


async def test_a_clock_that_differs_does_not_make_tasks_older(
    sora: FakeSora, client: SoraClient, now: Callable[[], float]
) -> None:
    for seconds in LENGTHS:
        await wait_for(sora, client, seconds)

    record = client.duration_history.records[()]
    poller = client._find_poller()
    assert min(record.videos.weights) > 150
    eight, seven = (
        poller._learner._estimate_age(sora.now - timedelta(hours=n), 0.0, now()) for n in (8, 7)
    )
    assert eight - seven == pytest.approx(3600, abs=5)


async def test_what_a_wait_learns_that_moved_here_is_the_whole_length(
    sora: FakeSora, client: SoraClient
) -> None:
    whole = sora.add(Scenario(queued=0, running=300))
    moved = sora.add(Scenario(queued=0, running=300))
    async with SoraClient(api_key=KEY, base_url=sora.url) as other:
        waiting = asyncio.ensure_future(client.wait_until_complete(whole))
        await asyncio.sleep(200)
        await asyncio.gather(waiting, other.wait_until_complete(moved, already_waited=200))

        length, same = (
            max(one.duration_history.records[()].videos.weights) for one in (client, other)
        )
    assert same == pytest.approx(length, abs=4)  # places on a ruler, of two or three percent each


async def test_failures_are_learned_and_our_own_errors_are_not(
    sora: FakeSora, client: SoraClient
) -> None:
    bad = sora.add(Scenario(queued=5, running=40, failure=("moderation_blocked", None)))
    with pytest.raises(TaskFailedError):
        await client.wait_until_complete(bad)
    with pytest.raises(TimeoutError):
        await client.wait_until_complete(sora.add(Scenario(queued=5, running=900)), timeout=60)

    record = client.duration_history.records[()]
    assert record.failures.total == pytest.approx(1.0)
    assert record.videos.total == 0.0


async def test_of_very_many_ends_at_once_a_part_is_learned_from(
    sora: FakeSora, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = 0
    learn = DurationHistory.learn

    def count(
        duration_history: DurationHistory, kinds: Iterable[TaskKind], ending: CensoredDuration
    ) -> None:
        nonlocal learner
        learner += 1
        learn(duration_history, kinds, ending)

    monkeypatch.setattr(DurationHistory, "learn", count)
    ids = [sora.add(Scenario(queued=1, running=20)) for _ in range(300)]
    rate_limit = RateLimit(rate=None)

    async with SoraClient(api_key=KEY, base_url=sora.url, rate_limit=rate_limit) as client:
        await asyncio.gather(*map(client.wait_until_complete, ids))
        assert 80 <= learner < 240
        before = learner
        await asyncio.sleep(10)
        await wait_for(sora, client, 30)
        assert learner == before + 1


async def test_a_memory_may_be_handed_in_and_on(sora: FakeSora) -> None:
    duration_history = DurationHistory()
    async with SoraClient(
        api_key=KEY, base_url=sora.url, duration_history=duration_history
    ) as client:
        await wait_for(sora, client, 30)

        assert client.duration_history is duration_history
    assert (
        DurationHistory.from_json(duration_history.to_json()).records.keys()
        == duration_history.records.keys()
    )


async def test_any_hashable_with_a_delay_is_a_schedule(
    sora: FakeSora, client: SoraClient, now: Callable[[], float]
) -> None:
    class EveryTenSeconds:
        def delay(self, history: History) -> float:
            return 10.0

    policy: Policy = EveryTenSeconds()
    start = now()
    task_id = sora.add(Scenario(queued=0, running=25))
    await client.wait_until_complete(task_id, schedule=policy)

    assert [at - start for at in sora.polls(task_id)] == pytest.approx([0, 10, 20, 30])


@pytest.mark.parametrize("schedule", [5, "fast", Schedule, [1, 2]])
def test_what_is_no_schedule_is_refused(schedule: object) -> None:
    with pytest.raises(InvalidArgumentError, match="schedule: expected a Schedule"):
        SoraClient(schedule=schedule)  # type: ignore[arg-type]


def test_what_is_no_memory_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="duration_history: expected a DurationHistory"):
        SoraClient(duration_history={})  # type: ignore[arg-type]


async def test_waits_of_one_kind_share_what_it_is_called(
    sora: FakeSora, client: SoraClient
) -> None:
    poller = client._find_poller()
    for number in range(1500):
        poller._learner._kinds[(("model", str(number)),)] = ()
    entries: list[PolledTask] = []
    for _ in range(2):
        events = aiter(client.wait_until_complete(sora.add(Scenario(running=60), model="sora-2")))
        await anext(events)
        entries += poller._all()
        await events.aclose()

    assert entries[0].history.kinds is entries[1].history.kinds
    assert len(poller._learner._kinds) == 1
