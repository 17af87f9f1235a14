"""What is learned from tasks that have ended, and what it says of those to come."""

import copy
import json
import math
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_async.schedule import History, LearningSchedule
from sora_async.schedule.learning.duration_history import KINDS, DurationHistory, task_kinds
from sora_async.schedule.learning.duration_model import MEMORY, PRIOR, DurationModel, TaskKind
from sora_async.schedule.learning.forecast import Distribution, DurationForecast
from sora_async.schedule.learning.histogram import DecayingHistogram, bin_of, heavy_tailed
from sora_async.schedule.learning.observations import (
    CensoredDuration,
    Result,
    TaskObservations,
    is_stalled,
    remaining,
    urgency,
)
from sora_async.schedule.learning.progress_regression import DecayingRegression, ProgressPoint

ages = st.floats(0.0, 1e6)
parts = st.floats(0.0, 1.0)
marks = st.lists(st.builds(ProgressPoint, st.floats(0.0, 1e5), parts), max_size=4).map(tuple)
answers = st.lists(st.tuples(st.floats(0.0, 600.0), st.none() | parts), min_size=1, max_size=20)
models = st.sampled_from([None, "sora-2", "veo"])
kinds = st.builds(task_kinds, models, st.none() | st.just("small"), st.none() | st.floats(1, 60))
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ANY = task_kinds(None)


@st.composite
def endings(draw: st.DrawFn) -> CensoredDuration:
    after = draw(ages)
    result: Result = draw(st.sampled_from(("video", "failure", "unknown")))
    before = math.inf if result == "unknown" else after + draw(st.floats(0.0, 1e4))
    return CensoredDuration(
        result=result, after=after, before=before, marks=draw(marks), silence=draw(ages)
    )


Lessons = Sequence[tuple[tuple[TaskKind, ...], CensoredDuration]]


def taught(lessons: Lessons) -> DurationHistory:
    duration_history = DurationHistory()
    for which, ending in lessons:
        duration_history.learn(which, ending)
    return duration_history


memories = st.lists(st.tuples(kinds, endings()), max_size=10).map(taught)


def seen(*answers: tuple[float, float | None], created_at: float = 0.0) -> TaskObservations:
    """The sight of a task after answers: when after our first poll, and the part done."""
    observations = TaskObservations()
    for elapsed, progress in answers:
        observations = observations.saw(
            age=created_at + elapsed, elapsed=elapsed, progress=progress, moved=False
        )
    return observations


def video(
    length: float, *, marks: tuple[ProgressPoint, ...] = (), silence: float = 0.0
) -> CensoredDuration:
    return CensoredDuration(
        result="video", after=length - 1, before=length + 1, marks=marks, silence=silence
    )


def of_lengths(lengths: Sequence[float], which: tuple[TaskKind, ...] = ANY) -> DurationHistory:
    return taught([(which, video(length)) for length in lengths])


def around(middle: float, count: int, *, width: float = 0.2) -> list[float]:
    chance = random.Random(1)
    return [middle * math.exp(chance.gauss(0, width)) for _ in range(count)]


def known(duration_history: DurationHistory, which: tuple[TaskKind, ...] = ANY) -> DurationForecast:
    forecast = duration_history.forecast(which)
    assert forecast is not None
    return forecast


# --- Sight ------------------------------------------------------------------------------------


def test_a_sight_keeps_the_first_and_the_newest_move_of_each_tenth() -> None:
    observations = seen((1, 0.11), (2, 0.12), (3, 0.13), (4, 0.13), (5, 0.1), (6, 0.35), (7, None))

    assert observations.marks == (
        ProgressPoint(1, 0.11),
        ProgressPoint(3, 0.13),
        ProgressPoint(6, 0.35),
    )
    assert observations.mark == ProgressPoint(6, 0.35)
    assert (observations.polls, observations.age, observations.moved, observations.furthest) == (
        7,
        7,
        6,
        0.35,
    )


def test_nothing_is_copied_while_nothing_moves() -> None:
    before = seen((1, 0.1), (2, 0.2))

    after = before.saw(age=3, elapsed=3, progress=0.2, moved=False)

    assert after.trail is before.trail


def test_a_phase_that_changes_ends_a_silence() -> None:
    observations = seen((1, None), (30, None)).saw(age=31, elapsed=31, progress=None, moved=True)

    assert observations.moved == 31
    assert observations.silence == 30


def test_an_age_never_goes_back() -> None:
    assert seen((50, None), (40, None)).age == 50


def test_an_end_lies_between_two_answers() -> None:
    observations = seen((0, 0.0), (60, 0.5), (100, 0.5))

    assert observations.ending("video", age=104) == CensoredDuration(
        result="video", after=100, before=104, marks=(ProgressPoint(60, 0.5),), silence=60
    )
    assert observations.ending("failure", age=104).result == "failure"


@pytest.mark.parametrize(("exact", "bounds"), [(101.5, (101.5, 101.5)), (90.0, (100, 104))])
def test_the_services_own_word_is_heeded_where_it_fits(
    exact: float, bounds: tuple[float, float]
) -> None:
    ending = seen((0, None), (100, None)).ending("video", age=104, exact=exact)

    assert (ending.after, ending.before) == bounds


@pytest.mark.parametrize(("result", "age"), [("unknown", 104.0), ("video", None)])
def test_a_wait_that_was_broken_off_tells_how_long_it_lasted(result: Any, age: Any) -> None:
    ending = seen((0, None), (100, None)).ending(result, age=age)

    assert ending == CensoredDuration(result="unknown", after=100)
    assert ending.is_telling


def test_a_first_answer_that_is_an_end_tells_nothing() -> None:
    ending = TaskObservations().ending("video", age=300.0)

    assert TaskObservations().is_late
    assert not ending.is_telling
    duration_history = taught([(ANY, ending)])
    assert duration_history.records == {}


def test_a_task_of_unknown_age_that_is_far_advanced_tells_only_how_long_it_lasted_since() -> None:
    late = seen((0, 0.6), (40, 0.9))

    assert late.is_late
    assert late.ending("video", age=44) == CensoredDuration(result="unknown", after=40)
    assert not seen((0, 0.6), (40, 0.9), created_at=200).is_late
    assert not seen((0, 0.1), (40, 0.9)).is_late


def test_progress_made_before_a_late_join_is_no_mark() -> None:
    observations = seen((0, 0.6), (5, 0.6), (9, 0.7), created_at=200)

    assert observations.marks == (ProgressPoint(209, 0.7),)
    assert observations.silence == 9


@given(answers)
def test_whatever_is_seen_a_sight_is_in_order(answers: list[tuple[float, float | None]]) -> None:
    observations = TaskObservations()
    for gap, progress in answers:
        age = observations.age + gap
        observations = observations.saw(age=age, elapsed=age, progress=progress, moved=False)

    ages = [mark.age for mark in observations.marks]
    levels = [mark.level for mark in observations.marks]
    assert ages == sorted(ages) and levels == sorted(levels)
    assert all(levels.count(level) <= 2 for level in levels)
    assert observations.moved <= observations.age and observations.silence <= observations.age


# --- Kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "kinds"),
    [
        ((None, None, None), ((),)),
        (("sora-2", None, None), ((), ("sora-2",))),
        (("sora-2", "small", 10.0), ((), ("sora-2",), ("sora-2", "small", "10"))),
        ((None, "small", None), ((), ("",), ("", "small", ""))),
    ],
)
def test_a_task_is_of_kinds_as_narrow_as_is_known(known: Any, kinds: tuple[TaskKind, ...]) -> None:
    assert task_kinds(*known) == kinds


def test_the_number_of_kinds_is_bounded_and_the_widest_stays() -> None:
    duration_history = taught(
        [(task_kinds(f"m{number}", "s", 4), video(9)) for number in range(200)]
    )

    assert len(duration_history.records) == KINDS
    assert () in duration_history.records
    assert ("m199", "s", "4") in duration_history.records


def test_an_unknown_kind_has_no_outlook_until_it_has_proven_itself() -> None:
    one, other = task_kinds("sora-2"), task_kinds("veo")
    duration_history = of_lengths(around(100, 30), one)
    assert known(duration_history, one).is_trusted

    assert duration_history.forecast(other) is None
    duration_history.learn(other, video(100))
    assert known(duration_history, other).weight > 20
    duration_history.learn(other, video(100))
    duration_history.learn(other, video(100))
    assert known(duration_history, other).is_trusted


# --- What is learned --------------------------------------------------------------------------


def test_nothing_is_known_of_few_ends() -> None:
    assert DurationHistory().forecast(ANY) is None
    assert of_lengths([100] * 4).forecast(ANY) is None
    assert of_lengths([100] * 6).forecast(ANY) is not None


def test_what_was_seen_is_expected_and_trusted() -> None:
    forecast = known(of_lengths(around(100, 40, width=0.1)))

    assert forecast.is_trusted
    assert forecast.videos.quantile(0.5, age=0) == pytest.approx(100, rel=0.1)
    assert forecast.chance(80, 120, None) > 0.8
    assert forecast.chance(0, 50, None) < 0.1


def test_trust_is_lost_with_a_wrong_forecast_and_won_again_with_right_ones() -> None:
    duration_history = of_lengths(around(100, 100, width=0.05))
    assert known(duration_history).is_trusted

    duration_history.learn(ANY, video(400))
    assert not known(duration_history).is_trusted
    for _ in range(3):
        duration_history.learn(ANY, video(100))
    assert known(duration_history).is_trusted


def test_an_outlook_is_made_anew_for_each_end_at_first_and_seldom_later() -> None:
    duration_history = of_lengths([100] * 10)
    first = known(duration_history)
    assert known(duration_history) is first
    duration_history.learn(ANY, video(100))
    assert known(duration_history).videos is not first.videos

    for _ in range(100):
        duration_history.learn(ANY, video(100))
    found = []
    for _ in range(48):
        duration_history.learn(ANY, video(100))
        found.append(known(duration_history).videos)
    assert len(set(map(id, found))) <= 5


def test_a_broken_off_wait_moves_what_is_expected_to_the_right() -> None:
    duration_history = of_lengths([100, 300] * 10)
    before = known(duration_history).videos.outlast(200)

    for _ in range(10):
        duration_history.learn(ANY, CensoredDuration(result="unknown", after=200))

    assert known(duration_history).videos.outlast(200) > before + 0.1


def test_failures_are_expected_apart_from_videos() -> None:
    duration_history = of_lengths([300] * 20)
    for _ in range(20):
        duration_history.learn(ANY, CensoredDuration(result="failure", after=19, before=21))

    forecast = known(duration_history)

    assert forecast.videos.outlast(100) > 0.95
    assert 0.6 < forecast.ends.outlast(100) < 0.85


@given(st.lists(endings(), min_size=1, max_size=20))
def test_an_outlook_is_a_distribution(lessons: list[CensoredDuration]) -> None:
    record = DurationModel()
    for one in lessons:
        record.learn(one, None)
    forecast = record.forecast(None)

    for curve in (forecast.videos, forecast.ends):
        assert math.fsum(curve.masses) == pytest.approx(1.0)
        assert min(curve.masses) >= 0
        assert list(curve.outlasts) == sorted(curve.outlasts, reverse=True)


@given(ages, st.floats(0, 1e5))
def test_an_end_counts_once(after: float, width: float) -> None:
    tally = DecayingHistogram()

    tally.add(after, after + width, PRIOR)

    assert math.fsum(tally.weights.values()) == pytest.approx(1.0)
    assert min(tally.weights) >= bin_of(after)
    assert max(tally.weights) <= bin_of(after + width)


def test_an_end_where_nothing_was_believed_counts_all_the_same() -> None:
    tally = DecayingHistogram()

    tally.add(10, 12, [0.0] * len(PRIOR))

    assert tally.weights == {bin_of(10): 1.0}


def test_a_quantile_undoes_the_chance_to_outlast() -> None:
    curve = Distribution.of(heavy_tailed(middle=100.0))

    assert curve.quantile(0.5, age=0) == pytest.approx(100, rel=0.02)
    assert curve.outlast(curve.quantile(0.3, age=50)) == pytest.approx(0.7 * curve.outlast(50))
    assert curve.between(10, math.inf) == curve.outlast(10)


@given(st.lists(endings(), min_size=1, max_size=200))
def test_no_record_outgrows_its_bound(lessons: list[CensoredDuration]) -> None:
    record = taught([(ANY, one) for one in lessons]).records.get((), DurationModel())

    assert record.weight <= MEMORY + 1
    assert all(line.weight <= MEMORY + 1 for line in record.lines)


# --- Progress ---------------------------------------------------------------------------------


def steady(length: float, chance: random.Random) -> tuple[ProgressPoint, ...]:
    """Progress that behaves: nearly a straight line."""
    tenths = (0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95)
    return tuple(
        ProgressPoint(length * part * math.exp(chance.gauss(0, 0.03)), part) for part in tenths
    )


def test_progress_that_behaves_sharpens_the_estimate() -> None:
    chance = random.Random(3)
    duration_history = taught(
        [(ANY, video(one, marks=steady(one, chance))) for one in around(200, 60, width=0.4)]
    )
    forecast = known(duration_history)
    blind, bright = seen((0, None), (100, None)), seen((0, None), (100, 0.65))

    vague, sharp = (remaining(observations, forecast, age=100) for observations in (blind, bright))

    assert vague is not None and sharp is not None
    assert sharp[0] == pytest.approx(100 / 0.65 - 100, rel=0.3)
    assert sharp[1] - sharp[0] < 0.5 * (vague[1] - vague[0])
    assert forecast.chance(100, 165, bright.mark) > forecast.chance(100, 165, None) + 0.2
    assert forecast.chance(150, 165, bright.mark) > forecast.chance(150, 165, None) + 0.2


def test_progress_that_was_wrong_is_dropped_once_its_time_is_over() -> None:
    chance = random.Random(3)
    forecast = known(
        taught([(ANY, video(one, marks=steady(one, chance))) for one in around(200, 60)])
    )
    mark = ProgressPoint(20, 0.95)

    assert forecast.remaining(0.9, 400, mark) == forecast.remaining(0.9, 400, None)


def test_constants_and_clocks_of_their_own_say_nothing() -> None:
    constants = (ProgressPoint(3, 0.15), ProgressPoint(10, 0.25), ProgressPoint(30, 0.35))
    forecast = known(
        taught([(ANY, video(one, marks=constants)) for one in around(200, 60, width=0.4)])
    )

    for mark in constants:
        assert forecast.remaining(0.5, 60, mark) == forecast.remaining(0.5, 60, None)


def test_what_is_too_scattered_says_nothing() -> None:
    chance, line = random.Random(5), DecayingRegression()
    for _ in range(60):
        came = chance.gauss(5, 0.2)
        line.add(came, came + chance.gauss(0, 2), keep=1.0)

    assert line.read(5.0) is None


@given(st.lists(st.floats(-5, 5), min_size=10, max_size=40))
def test_a_promise_that_is_the_same_whatever_comes_says_nothing(lengths: list[float]) -> None:
    line = DecayingRegression()
    for one in lengths:
        line.add(one, 1.0, keep=0.99)

    assert line.read(1.0) is None


def test_lines_that_were_merged_say_what_one_line_of_all_says() -> None:
    chance = random.Random(2)
    pairs = [(x := chance.gauss(5, 0.5), x + chance.gauss(0, 0.1)) for _ in range(40)]
    whole, one, two = DecayingRegression(), DecayingRegression(), DecayingRegression()
    for number, pair in enumerate(pairs):
        for line in (whole, one if number % 3 else two):
            line.add(*pair, keep=1.0)

    one.merge(two)
    one.merge(DecayingRegression())

    expected, found = whole.read(5.0), one.read(5.0)
    assert expected is not None and found is not None
    assert found == pytest.approx(expected)
    one.bound(4.0)
    again = one.read(5.0)
    assert one.weight == 4.0 and again is not None
    assert again.middle == pytest.approx(found.middle, abs=0.05)


# --- Estimates --------------------------------------------------------------------------------


def test_nothing_is_said_of_what_is_not_known() -> None:
    stranger = attrs.evolve(known(of_lengths([100] * 20)), trust=0.1)
    observations = seen((0, None), (50, None))

    for forecast in (None, stranger):
        assert remaining(observations, forecast, age=50) is None
        assert not is_stalled(observations, forecast, age=1e6)
        assert urgency(observations, forecast, age=74) == pytest.approx(24 / 240)


def test_of_a_task_that_is_older_than_all_that_can_be_learned_nothing_is_said() -> None:
    forecast = known(of_lengths(around(100, 40)))

    assert remaining(seen((0, None), (9e4, None)), forecast, age=9e4) is None
    assert forecast.next_look(9e4, None, price=0.14, longest=18.0) == 18.0


def test_a_task_is_stalled_when_it_is_silent_for_longer_than_others_were() -> None:
    duration_history = taught([(ANY, video(length, silence=20)) for length in around(100, 40)])
    narrow = task_kinds("sora-2")
    for _ in range(3):
        duration_history.learn(narrow, video(100))
    observations = seen((0, 0.1), (50, 0.5))

    for kinds in (ANY, narrow):
        forecast = known(duration_history, kinds)
        assert not is_stalled(observations, forecast, age=60)
        assert is_stalled(observations, forecast, age=150)


def test_who_is_likely_to_have_ended_goes_first_and_nobody_starves() -> None:
    forecast = known(of_lengths(around(100, 60, width=0.1)))
    young, ripe = seen((0, None), (10, None)), seen((0, None), (90, None))

    assert urgency(ripe, forecast, age=96) > urgency(young, forecast, age=16)
    assert urgency(young, forecast, age=10 + 300) > 1.0


@settings(max_examples=30)
@given(memories, kinds, ages, marks, st.floats(0.1, 100))
def test_estimates_and_chances_are_in_order(
    duration_history: DurationHistory,
    which: tuple[TaskKind, ...],
    age: float,
    seen: tuple[ProgressPoint, ...],
    gap: float,
) -> None:
    forecast = duration_history.forecast(which)
    trail = b"".join(struct.pack("=dd", *mark) for mark in seen)
    observations = TaskObservations(age=age, elapsed=age, polls=3, trail=trail)

    found = remaining(observations, forecast, age=age)

    assert urgency(observations, forecast, age=age + gap) > 0
    if found is not None and forecast is not None:
        assert 0 <= found[0] <= found[1] < math.inf
        assert 0 <= forecast.chance(age, age + gap, observations.mark) <= 1


Life = Callable[[random.Random], float]


def test_the_bound_of_90_in_100_holds_in_about_so_many() -> None:
    chance = random.Random(11)
    duration_history, held = DurationHistory(), []
    for number in range(200):
        length = 100 * math.exp(chance.gauss(0, 0.3))
        observations = seen((0, None), (40, None))
        told = remaining(observations, duration_history.forecast(ANY), age=40)
        if told is not None and number >= 20 and length > 40:
            held.append((length - 40 <= told[0], length - 40 <= told[1]))
        duration_history.learn(ANY, video(length))

    assert len(held) > 150
    assert 0.4 <= sum(half for half, _ in held) / len(held) <= 0.6
    assert 0.85 <= sum(most for _, most in held) / len(held) <= 0.95


# --- Merged, saved, damaged -------------------------------------------------------------------


def saved(duration_history: DurationHistory) -> Any:
    return json.loads(json.dumps(duration_history.to_json()))


@settings(max_examples=30)
@given(memories)
def test_a_memory_survives_the_disk(duration_history: DurationHistory) -> None:
    again = DurationHistory.from_json(saved(duration_history))

    assert list(again.records) == list(duration_history.records)
    for kind, record in duration_history.records.items():
        assert again.records[kind].weight == pytest.approx(record.weight, abs=0.2)
    assert saved(DurationHistory.from_json(saved(again))) == saved(again)


def test_a_memory_that_was_handed_in_has_to_prove_itself() -> None:
    duration_history = of_lengths(around(100, 60))
    again = DurationHistory.from_json(saved(duration_history))
    assert known(duration_history).is_trusted

    assert not known(again).is_trusted
    for _ in range(3):
        again.learn(ANY, video(100))
    assert known(again).is_trusted


def test_a_memory_tells_how_much_it_knows() -> None:
    assert repr(DurationHistory()) == "<DurationHistory of 0 tasks, 0 kinds>"
    assert repr(of_lengths([100] * 3, task_kinds("veo"))) == "<DurationHistory of 3 tasks, 2 kinds>"


@given(junk)
def test_damage_is_a_value_error_and_nothing_else(saved: Any) -> None:
    with pytest.raises(ValueError):
        DurationHistory.from_json(saved)


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": "sora-2"},
        {"kind": [1]},
        {"lines": []},
        {"lines": [[-1.0, 0, 0, 0, 0, 0]] * 10},
        {"lines": [[1.0, 0, 0, 0, 0]] * 10},
        {"videos": {"456": 1.0}},
        {"videos": {"5": -1.0}},
        {"videos": {"5": float("nan")}},
        {"silences": None},
    ],
)
def test_a_number_that_cannot_be_is_damage(damage: dict[str, Any]) -> None:
    whole = saved(of_lengths([100] * 5))
    whole["kinds"][0] |= damage

    with pytest.raises(ValueError):
        DurationHistory.from_json(whole)


def test_another_version_is_not_read() -> None:
    with pytest.raises(ValueError, match="version 2"):
        DurationHistory.from_json({"version": 2, "kinds": []})


@settings(max_examples=30)
@given(st.lists(st.tuples(kinds, endings()), min_size=1, max_size=8).map(taught), junk, st.data())
def test_damage_within_is_a_value_error_or_harmless(
    duration_history: DurationHistory, bad: Any, data: st.DataObject
) -> None:
    if not duration_history.records:
        return
    whole = duration_history.to_json()
    one = data.draw(st.sampled_from(whole["kinds"]))
    one[data.draw(st.sampled_from(sorted(one)))] = bad
    try:
        again = DurationHistory.from_json(whole)
    except ValueError:
        return

    again.learn(task_kinds("x"), video(10))
    again.forecast(task_kinds("x"))


def test_weights_too_great_to_be_are_brought_within_bounds() -> None:
    whole = saved(of_lengths([100] * 5))
    whole["kinds"][0] |= {"videos": {"180": 1e8}, "silences": {"100": 1e8}}

    record = DurationHistory.from_json(whole).records[()]

    assert record.weight == pytest.approx(MEMORY)
    assert record.silences.total == pytest.approx(MEMORY)


@settings(max_examples=30)
@given(memories, memories)
def test_merging_keeps_within_bounds_and_its_order_does_not_matter(
    one: DurationHistory, two: DurationHistory
) -> None:
    merged, other = copy.deepcopy(one), copy.deepcopy(two)
    merged.merge(two)
    other.merge(one)

    assert set(merged.records) == set(other.records) == set(one.records) | set(two.records)
    for kind, record in merged.records.items():
        assert record.weight <= MEMORY + 1e-6
        assert record.weight == pytest.approx(other.records[kind].weight, abs=0.1)
        for mine, theirs in zip(record.lines, other.records[kind].lines, strict=True):
            assert mine.weight == pytest.approx(theirs.weight)
            assert mine.mean_x == pytest.approx(theirs.mean_x, abs=1e-6)


def test_what_two_have_learned_is_known_to_both() -> None:
    duration_history = of_lengths([100] * 4)
    duration_history.forecast(ANY)

    duration_history.merge(of_lengths([100] * 4))

    assert known(duration_history).weight == pytest.approx(8, abs=0.5)


# --- With the schedule ------------------------------------------------------------------------


def backoff_and_learned(
    scenario: Life, duration_history: DurationHistory, *, count: int, seed: int
) -> tuple[float, float]:
    """Polls times mean delay of the plain backoff, and of learning, on the same tasks."""
    found = []
    for own in (None, copy.deepcopy(duration_history)):
        chance, polls, late = random.Random(seed), 0, 0.0
        for _ in range(count):
            length = scenario(chance)
            observations, now = seen((0.2, None)), 0.2
            while now < length:
                history = History(
                    task_id="x",
                    started=0.0,
                    polls=observations.polls,
                    observations=observations,
                    forecast=None if own is None else own.forecast(ANY),
                )
                now += LearningSchedule().delay(history)
                if now < length:
                    observations = observations.saw(
                        age=now, elapsed=now, progress=None, moved=False
                    )
            polls += observations.polls + 1
            late += now - length
            if own is not None:
                own.learn(ANY, observations.ending("video", age=now))
        found.append(polls * late / count**2)
    return found[0], found[1]


def test_a_wrong_memory_that_was_handed_in_costs_little() -> None:
    random.seed(3)
    wrong = DurationHistory.from_json(saved(of_lengths(around(25, 80))))

    plain, learned = backoff_and_learned(
        lambda chance: chance.uniform(10, 400), wrong, count=20, seed=5
    )

    assert learned <= 1.2 * plain


def test_what_was_learned_of_likely_lengths_saves_a_third_and_more() -> None:
    random.seed(4)
    duration_history = of_lengths(around(260, 60, width=0.15))

    plain, learned = backoff_and_learned(
        lambda chance: 260 * math.exp(chance.gauss(0, 0.15)), duration_history, count=15, seed=6
    )

    assert learned <= 0.67 * plain
