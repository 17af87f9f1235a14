"""When to ask again."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_async import InvalidArgumentError, Phase, VideoTask
from sora_async.schedule import (
    DEFAULT_SCHEDULE,
    History,
    LearningSchedule,
    Policy,
    Schedule,
    ramp,
    spread,
    spread_phase,
)
from sora_async.schedule.learning.duration_history import DurationHistory, task_kinds
from sora_async.schedule.learning.observations import CensoredDuration


def same(interval: float) -> float:
    return interval


def test_a_ramp_grows_to_its_longest_interval_and_ends_there() -> None:
    assert ramp(first=2.0, factor=1.5, longest=6.0) == (2.0, 3.0, 4.5, 6.0)
    assert ramp(first=5.0, factor=2.0, longest=5.0) == (5.0,)


@pytest.mark.parametrize(
    ("first", "factor", "longest"),
    [
        (0, 2, 5),
        (-1, 2, 5),
        (5, 2, 4),
        (1, 1, 5),
        (1, 0.5, 5),
        (1, 2, 1e9),
        (1, float("inf"), 5),
        (float("nan"), 2, 5),
        ("1", 2, 5),
        (1, None, 5),
        (1, 2, True),
    ],
)
def test_a_ramp_that_never_ends_is_refused(first: Any, factor: Any, longest: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="ramp"):
        ramp(first=first, factor=factor, longest=longest)


@given(st.floats(1e-3, 1e3), st.floats(1.01, 10), st.floats(1, 80))
def test_any_ramp_is_short_and_grows(first: float, factor: float, times: float) -> None:
    intervals = ramp(first=first, factor=factor, longest=first * times)

    assert intervals[0] == first or len(intervals) == 1
    assert list(intervals) == sorted(intervals)
    assert len(intervals) < 500


def test_the_last_interval_repeats() -> None:
    schedule = Schedule(intervals=(1, 2), jitter=same, first_jitter=same)
    history = History(task_id="x", started=0.0)

    delays = [schedule.delay(attrs.evolve(history, polls=polls)) for polls in (0, 1, 2, 3, 1000)]

    assert delays == [1.0, 1.0, 2.0, 2.0, 2.0]


def test_a_schedule_takes_any_iterable_of_numbers_and_is_a_value() -> None:
    assert Schedule(intervals=[1, 2]) == Schedule(intervals=iter((1.0, 2.0)))
    assert hash(Schedule(intervals=[1, 2])) == hash(Schedule(intervals=(1.0, 2.0)))
    assert LearningSchedule() == DEFAULT_SCHEDULE


@pytest.mark.parametrize(
    "intervals",
    [(), (0,), (-1,), (1, math.nan), (90_000,), ("5",), (None,), (True,), "12", b"12", 5, None],
)
def test_intervals_that_are_no_intervals_are_refused(intervals: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="intervals"):
        Schedule(intervals=intervals)


@pytest.mark.parametrize("name", ["jitter", "first_jitter"])
@pytest.mark.parametrize("make", [lambda: 0.15, lambda: None, lambda: Spread()])
def test_a_jitter_that_cannot_be_used_is_refused(name: str, make: Callable[[], Any]) -> None:
    jitter = make()

    with pytest.raises(InvalidArgumentError, match=name):
        Schedule(**{name: jitter})


@dataclasses.dataclass
class Spread:
    """A callable with equality and so without a hash, as any dataclass."""

    part: float = 0.1

    def __call__(self, interval: float) -> float:
        return interval


@given(st.floats(0.01, 1e4))
def test_jitter_stays_near_the_interval_and_never_at_zero(interval: float) -> None:
    assert 0.85 * interval <= spread(interval) <= 1.15 * interval
    assert 0.5 * interval <= spread_phase(interval) <= 1.5 * interval


# --- The schedule that learns -----------------------------------------------------------------

ANY = task_kinds(None)
PLAIN = Schedule(jitter=same, first_jitter=same)
gaps = st.lists(
    st.tuples(st.floats(0.0, 600.0), st.none() | st.floats(0.0, 1.0)), min_size=1, max_size=30
)
endings = st.builds(
    lambda result, after, width: CensoredDuration(
        result=result, after=after, before=math.inf if result == "unknown" else after + width
    ),
    st.sampled_from(["video", "video", "failure", "unknown"]),
    st.floats(0.0, 1e5),
    st.floats(0.0, 1e3),
)


def remember(endings: list[CensoredDuration], *, trust: float = 0.9) -> DurationHistory:
    duration_history = DurationHistory()
    for ending in endings:
        duration_history.learn(ANY, ending)
    for record in duration_history.records.values():
        record.trust = trust
    return duration_history


def about(length: float) -> DurationHistory:
    """A memory of 30 tasks that took 5 % more or less than a length, or just that."""
    return remember(
        [
            CensoredDuration(result="video", after=length * part - 1, before=length * part + 1)
            for part in (0.95, 1.0, 1.05) * 10
        ]
    )


def look(history: History, gap: float, progress: float | None = None) -> History:
    observations = history.observations
    observations = observations.saw(
        age=observations.age + gap,
        elapsed=observations.elapsed + gap,
        progress=progress,
        moved=False,
    )
    return attrs.evolve(history, polls=history.polls + 1, observations=observations)


def begun(duration_history: DurationHistory | None = None) -> History:
    forecast = None if duration_history is None else duration_history.forecast(ANY)
    return look(History(task_id="x", started=0.0, forecast=forecast), 0.2)


@settings(max_examples=40)
@given(st.lists(endings, max_size=20).map(remember), gaps)
def test_whatever_was_learned_and_seen_a_delay_stays_within_its_bounds(
    duration_history: DurationHistory, gaps: list[tuple[float, float | None]]
) -> None:
    policy, history = LearningSchedule(fallback=PLAIN), begun(duration_history)
    for gap, progress in gaps:
        history = look(history, gap, progress)
        delay = policy.delay(history)
        assert policy.shortest <= delay <= max(policy.longest, history.observations.age / 20)


@settings(max_examples=40)
@given(st.lists(endings, max_size=20), gaps)
def test_with_nothing_learned_or_trusted_it_is_the_plain_backoff(
    endings: list[CensoredDuration], gaps: list[tuple[float, float | None]]
) -> None:
    policy = LearningSchedule(fallback=PLAIN)
    for history in (begun(), begun(remember(endings, trust=0.4))):
        for gap, progress in gaps:
            history = look(history, gap, progress)
            assert policy.delay(history) == PLAIN.delay(history)
            assert policy.next_delays(history=history) == PLAIN.next_delays(history=history)


@settings(max_examples=40)
@given(
    st.lists(endings, max_size=20).map(remember),
    st.lists(st.none() | st.floats(0.0, 1.0), min_size=60, max_size=60),
)
def test_never_many_more_polls_than_the_backoff(
    duration_history: DurationHistory, progress: list[float | None]
) -> None:
    policy, history = LearningSchedule(fallback=PLAIN), begun(duration_history)
    plain = [sum(PLAIN.next_delays(count=number)) for number in range(60)]
    for one in progress:
        history = look(history, policy.delay(history), one)
        asked = sum(moment <= history.observations.elapsed for moment in plain)
        assert history.polls <= 1.1 * asked + 2.2


def test_polls_are_dense_where_the_end_is_likely_and_sparse_before() -> None:
    policy = LearningSchedule(fallback=PLAIN)

    delays = policy.next_delays(history=begun(about(100)), count=30)

    moments = [0.2 + sum(delays[: number + 1]) for number in range(30)]
    assert sum(moment < 90 for moment in moments) <= 9
    assert sum(90 <= moment <= 110 for moment in moments) >= 8


def test_what_will_be_done_is_what_is_done() -> None:
    policy, history = LearningSchedule(fallback=PLAIN), begun(about(100))
    foretold = policy.next_delays(history=history)

    done = []
    for _ in range(10):
        done.append(policy.delay(history))
        history = look(history, done[-1])

    assert done == pytest.approx(foretold)


def test_a_first_delay_has_the_first_jitter_of_the_fallback() -> None:
    plain = Schedule(jitter=lambda interval: 1.0, first_jitter=lambda interval: 2.0)
    policy, history = LearningSchedule(fallback=plain), begun(about(100))

    assert policy.delay(history) == 2.0
    assert policy.delay(look(history, 2.0)) == 1.0


def test_a_slow_fallback_is_not_outrun() -> None:
    slow = Schedule(intervals=(60,), jitter=same, first_jitter=same)
    policy = LearningSchedule(fallback=slow)

    delays = policy.next_delays(history=begun(about(100)), count=5)

    assert min(delays) > 15


def test_a_schedule_shows_its_next_delays() -> None:
    assert Schedule().next_delays(count=5) == (2.0, 3.0, 4.5, 6.0, 6.0)
    assert Schedule(intervals=(5,)).next_delays(history=begun()) == (5.0,) * 10
    assert LearningSchedule().next_delays() == Schedule().next_delays()


@pytest.mark.parametrize("policy", [Schedule(), LearningSchedule()])
def test_a_policy_is_a_value_that_prints_itself(policy: Schedule | LearningSchedule) -> None:
    again: Policy = attrs.evolve(policy)

    assert again == policy and hash(again) == hash(policy)
    assert type(policy).__name__ in repr(policy)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("price", value) for value in (0, -1, math.nan, math.inf, "1", None, True)),
        *(("slowest", 0), ("shortest", 0), ("longest", 90_000)),
        *(("slack", value) for value in (0.9, math.inf, math.nan, "2", None, True)),
        ("shortest", 19.0),
    ],
)
def test_settings_that_cannot_be_are_refused(name: str, value: Any) -> None:
    settings: dict[str, Any] = {name: value}

    with pytest.raises(InvalidArgumentError, match=name):
        LearningSchedule(**settings)


def test_a_snapshot_carries_on_what_was_seen_and_learned() -> None:
    history = begun(about(100))

    ended = history.after_task(VideoTask(id="x", phase=Phase.SUCCEEDED), now=50.0)
    goes_on = history.after_task(VideoTask(id="x", phase=Phase.RUNNING), now=50.0)

    assert (ended.observations, ended.forecast) == (history.observations, history.forecast)
    assert goes_on.observations.polls == history.observations.polls + 1
    assert (goes_on.observations.age, goes_on.forecast) == (50.0, history.forecast)
    assert (ended.succeeded_at, goes_on.succeeded_at) == (50.0, None)


class TestEstimateOfTheService:
    def polls_until(self, length: float, estimate: float | None) -> list[float]:
        """Poll a task of a service that names an estimate; return the moments of the polls."""
        history, now, moments = History(task_id="x", started=0.0), 0.0, []
        schedule = LearningSchedule(fallback=PLAIN)
        task = VideoTask(id="x", phase=Phase.RUNNING, estimated_time=estimate)
        while now < length:
            moments.append(now)
            history = history.after_task(task, now=now)
            now += schedule.delay(history)
        return [*moments, now]

    def test_a_first_task_is_polled_less_before_it(self) -> None:
        told, untold = self.polls_until(165, 165), self.polls_until(165, None)

        assert len(told) < 0.7 * len(untold)
        assert told[-1] - 165 <= untold[-1] - 165 + 6.0

    @pytest.mark.parametrize("estimate", [86_400.0, 1e6, 1.0, 0.0])
    def test_a_wrong_one_costs_half_a_minute_at_most(self, estimate: float) -> None:
        moments = self.polls_until(100, estimate)

        assert moments[-1] - 100 <= 30.0
        assert max(after - before for before, after in itertools.pairwise(moments)) <= 30.0

    def test_what_was_learned_counts_for_more(self) -> None:
        history = begun(about(100))
        task = VideoTask(id="x", phase=Phase.RUNNING, estimated_time=1e4)
        told = attrs.evolve(history, last=task)

        assert LearningSchedule(fallback=PLAIN).delay(told) == LearningSchedule(
            fallback=PLAIN
        ).delay(history)

    def test_after_a_success_it_counts_no_more(self) -> None:
        task = VideoTask(id="x", phase=Phase.SUCCEEDED, estimated_time=1e4)
        history = History(task_id="x", started=0.0).after_task(task, now=0.0)

        assert LearningSchedule(fallback=PLAIN).delay(history) == PLAIN.delay(history)
