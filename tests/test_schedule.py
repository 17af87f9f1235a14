"""When to ask again."""

import dataclasses
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_async import InvalidArgumentError
from sora_async.schedule import DEFAULT_SCHEDULE, History, Schedule, ramp, spread, spread_phase


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
    ],
)
def test_a_ramp_that_never_ends_is_refused(first: float, factor: float, longest: float) -> None:
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
    assert Schedule() == DEFAULT_SCHEDULE


@pytest.mark.parametrize("intervals", [(), (0,), (-1,), (1, float("nan")), (90_000,)])
def test_intervals_that_are_no_intervals_are_refused(intervals: tuple[float, ...]) -> None:
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
