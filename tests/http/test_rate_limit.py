"""The arithmetic of slots: a rate, a burst, silences, and what a 429 teaches."""

import heapq
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_async import InvalidArgumentError, RateLimit
from sora_async._http.rate_limit import (
    EPSILON,
    MAX_PAUSE,
    MAX_RATE,
    MAX_SHARED_RETRY_AFTER,
    MIN_PAUSE,
    MIN_RATE,
    AdaptiveTokenBucket,
)

Kind = Literal["wanted", "good", "limited", "silence"]


@attrs.frozen
class Step:
    """
    Something that happens to a meter.

    Attributes:
        after: Seconds since the step before, in which as many slots are used as are *wanted*.
        kind: A slot is wanted now, or an answer has come.
        seconds: The silence that the answer asks for.
        wanted: How many slots are wanted on the way here, each as soon as there is one.
    """

    after: float
    kind: Kind
    seconds: float | None
    wanted: int


budgets = st.builds(
    lambda rate, burst: RateLimit(rate=rate, burst=burst),
    st.sampled_from([MIN_RATE, 0.5, 1.0, 3.7, 50.0, 1000.0]) | st.floats(MIN_RATE, 1000.0),
    st.integers(1, 30),
)
moments = st.sampled_from([0.0, 1e-9, 1e-3, 1.0]) | st.floats(0.0, 5.0) | st.floats(0.0, 200.0)
steps = st.builds(
    lambda after, kind, seconds, wanted: Step(
        after, kind, (seconds or 0.0) if kind == "silence" else seconds, wanted
    ),
    moments,
    st.sampled_from(["wanted", "good", "good", "limited", "limited", "silence"]),
    st.none() | st.sampled_from([0.0, 0.5, 59.9, 61.0, 3600.0]) | st.floats(0.0, 90.0),
    st.integers(0, 40),
)
stories = st.lists(steps, max_size=30)


class Play:
    """
    A story, played to a meter.

    Attributes:
        starts: The moment of each slot.
        rates: The rate after each step, with its moment.
        silences: When each silence was asked for, and when it ends at the earliest.
    """

    def __init__(
        self, rate_limit: RateLimit, story: Iterable[Step], *, now: float = 1000.0
    ) -> None:
        self.bucket = AdaptiveTokenBucket(rate_limit, now=now)
        self.starts: list[float] = []
        self.rates = [(now, self.bucket.rate)]
        self.silences: list[tuple[float, float]] = []
        for step in story:
            self.use_slots(now, now + step.after, step.wanted)
            now += step.after
            self.do(step, now)
            self.rates.append((now, self.bucket.rate))
        self.use_slots(now, now + 1000.0, 100)

    def use_slots(self, now: float, end: float, wanted: int) -> None:
        for _ in range(wanted):
            while delay := self.bucket.delay(now):
                now += delay
            if now > end:
                return
            self.bucket.take(now)
            self.starts.append(now)

    def do(self, step: Step, now: float) -> None:
        if step.kind == "good":
            self.bucket.record_success(now)
        elif step.kind == "limited":
            self.bucket.record_429(now, step.seconds)
        elif step.kind == "silence":
            self.bucket.pause(now, step.seconds or 0.0)
        if step.kind in ("limited", "silence") and step.seconds is not None:
            self.silences.append((now, now + min(step.seconds, MAX_SHARED_RETRY_AFTER)))


class TestAnyStory:
    @settings(max_examples=300)
    @given(budgets, stories)
    def test_any_stretch_of_time_holds_at_most_a_burst_and_what_the_rate_gives(
        self, rate_limit: RateLimit, story: Sequence[Step]
    ) -> None:
        rate, rounding = rate_limit.rate or 0.0, 1e-6 + (rate_limit.rate or 0.0) * 2 * EPSILON

        starts = Play(rate_limit, story).starts

        earliest = math.inf  # of what the windows that begin so far had used before they began
        for number, at in enumerate(starts):
            earliest = min(earliest, number - rate * at)
            assert number + 1 - rate * at - earliest <= rate_limit.burst + rounding

    @given(budgets, stories)
    def test_no_slot_is_within_a_silence_and_those_after_it_are_no_burst(
        self, rate_limit: RateLimit, story: Sequence[Step]
    ) -> None:
        rate = rate_limit.rate or 0.0

        play = Play(rate_limit, story)

        for asked_at, until in play.silences:
            later = [at for at in play.starts if at > asked_at]
            assert all(at >= until - 2 * EPSILON for at in later)
            for number, at in enumerate(later, 1):
                assert number <= rate * (at - until) + 1e-6 + 2 * EPSILON * rate

    @given(budgets, stories)
    def test_the_rate_falls_once_a_second_at_most_and_stays_within_its_bounds(
        self, rate_limit: RateLimit, story: Sequence[Step]
    ) -> None:
        rates = Play(rate_limit, story).rates

        falls = [at for (_, old), (at, new) in itertools.pairwise(rates) if new < old]
        assert all(late - early >= 1.0 for early, late in itertools.pairwise(falls))
        assert all(MIN_RATE <= rate <= (rate_limit.rate or 0.0) for _, rate in rates)

    @given(budgets, stories, st.floats(0.0, 100.0))
    def test_the_delay_is_exact(
        self, rate_limit: RateLimit, story: Sequence[Step], after: float
    ) -> None:
        bucket = Play(rate_limit, story).bucket
        now = 1e6 + after

        delay = bucket.delay(now)

        assert delay == bucket.delay(now) >= 0.0
        assert bucket.delay(now + delay) == 0.0
        assert delay < 0.001 or bucket.delay(now + 0.99 * delay) > 0.0

    @given(stories)
    def test_without_a_rate_there_are_slots_as_long_as_nobody_minds(
        self, story: Sequence[Step]
    ) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=None, burst=1), now=0.0)

        for number in range(100):
            assert bucket.delay(0.5) == 0.0
            bucket.take(0.5)
            bucket.record_success(0.5 + number)

        assert bucket.rate == math.inf
        assert all(rate >= MIN_RATE for _, rate in Play(RateLimit(rate=None), story).rates)


class TestSilence:
    def test_one_of_more_than_a_minute_is_kept_for_a_minute(self) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=10.0), now=0.0)

        bucket.pause(5.0, 3600.0)

        assert bucket.paused_until == 65.0
        assert bucket.delay(5.0) == pytest.approx(60.0 + 1 / 10)
        assert bucket.delay(65.0 + 1 / 10) == 0.0

    def test_a_shorter_one_takes_nothing_from_a_longer_one(self) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(), now=0.0)

        bucket.pause(0.0, 20.0)
        bucket.pause(1.0, 5.0)

        assert bucket.paused_until == 20.0

    def test_a_pause_after_a_429_without_a_hint_doubles_up_to_a_quarter_of_a_minute(self) -> None:
        bucket, now, pauses = AdaptiveTokenBucket(RateLimit(), now=0.0), 0.0, []

        for _ in range(9):
            for _ in range(5):  # those of one moment are one
                bucket.record_429(now, None)
            pauses.append(bucket.paused_until - now)
            now += bucket.delay(now)

        assert pauses == pytest.approx([0.25, 0.5, 1, 2, 4, 8, 15, 15, 15])
        assert (pauses[0], pauses[-1]) == (MIN_PAUSE, pytest.approx(MAX_PAUSE))
        bucket.record_success(now)
        bucket.record_429(now + 1, None)
        assert bucket.paused_until - now - 1 == MIN_PAUSE

    def test_a_hint_of_no_seconds_is_none(self) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(), now=0.0)

        bucket.record_429(0.0, 0.0)

        assert bucket.paused_until == MIN_PAUSE

    def test_it_holds_without_a_rate_too(self) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=None), now=0.0)

        bucket.pause(1.0, 20.0)

        assert bucket.delay(1.0) == 20.0
        assert (bucket.delay(21.0), bucket.rate) == (0.0, math.inf)


class TestRate:
    @pytest.mark.parametrize(("hint", "left"), [(None, 9.8), (1.0, 9.4)])
    def test_a_lone_429_takes_little_and_the_others_of_its_moment_nothing(
        self, hint: float | None, left: float
    ) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=10.0), now=0.0)
        answer_for(bucket, 0.0, 20.0)

        for _ in range(10):
            bucket.record_429(20.0, hint)
            bucket.record_success(20.0)

        assert bucket.rate == pytest.approx(left, rel=0.01)

    @pytest.mark.parametrize(("answers", "is_limit"), [(25, True), (35, False)])
    def test_a_429_that_follows_another_soon_takes_a_part(
        self, answers: int, is_limit: bool
    ) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=10.0), now=0.0)
        answer_for(bucket, 0.0, 20.0)
        bucket.record_429(20.0, None)
        for number in range(answers):
            bucket.record_success(20.3 + number / 10)
        before = bucket.rate

        bucket.record_429(25.0, None)

        assert (bucket.rate <= 0.85 * before) is is_limit
        assert bucket.rate < before

    def test_the_429s_of_a_service_that_serves_nobody_take_no_more(self) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=10.0), now=0.0)
        answer_for(bucket, 0.0, 20.0)

        for second in range(0, 600, 20):
            bucket.record_429(20.0 + second, None)

        assert bucket.rate == pytest.approx(9.8)

    def test_it_never_falls_to_nothing(self) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=1.0), now=0.0)

        for minute in range(60):
            bucket.record_success(120.0 * minute)
            bucket.record_429(120.0 * minute + 119.0, None)

        assert bucket.rate == MIN_RATE
        assert bucket.delay(1e5) == 0.0

    def test_far_fewer_good_answers_than_slots_make_it_fall_to_what_was_served(self) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=50.0), now=0.0)
        answer_for(bucket, 0.0, 30.0, is_good=lambda number: number % 2 == 0)

        bucket.record_429(30.0, None)
        bucket.record_success(30.3)
        bucket.record_429(31.1, None)

        assert bucket.rate == pytest.approx(25.0, rel=0.15)

    @pytest.mark.parametrize("rate", [0.5, 5.0, 50.0, 1000.0])
    def test_good_answers_raise_it_again_up_to_the_budget(self, rate: float) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=rate), now=0.0)
        answer_for(bucket, 0.0, 10.0)
        bucket.record_429(10.0, None)
        assert bucket.rate < rate

        rates = answer_for(bucket, 10.0, 600.0)

        assert rates == sorted(rates)
        assert bucket.rate == rate

    def test_no_limit_of_ours_becomes_one_with_a_429_and_none_again_without_them(self) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=None), now=0.0)
        for number in range(400):
            bucket.take(number / 20)
            bucket.record_success(number / 20)

        bucket.record_429(20.0, None)
        learned = bucket.rate
        answer_for(bucket, 20.0, 600.0)

        assert learned == pytest.approx(0.85 * 20.0, rel=0.2)
        assert bucket.rate == math.inf
        assert bucket.delay(600.0) == 0.0

    def test_few_slots_gather_while_the_service_has_shown_a_limit(self) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=10.0, burst=50), now=0.0)
        answer_for(bucket, 0.0, 20.0)
        bucket.record_429(20.0, None)

        free = 0
        while not bucket.delay(500.0):
            bucket.take(500.0)
            free += 1

        assert free == int(bucket.rate / 4) == 2

    def test_a_first_answer_that_is_a_429_leaves_a_rate_that_can_be_used(self) -> None:
        bucket = AdaptiveTokenBucket(RateLimit(rate=None), now=0.0)
        bucket.take(0.0)

        bucket.record_429(0.0, None)

        assert MIN_RATE <= bucket.rate <= 1.0


def answer_for(
    bucket: AdaptiveTokenBucket,
    now: float,
    end: float,
    is_good: Callable[[int], bool] = lambda _: True,
) -> list[float]:
    """
    Use slots up to a moment, a hundred a second at most, each with its good answer or another.

    Returns:
        The rate after each of them.
    """
    rates: list[float] = []
    while now < end:
        while delay := bucket.delay(now):
            now += delay
        bucket.take(now)
        if is_good(len(rates)):
            bucket.record_success(now)
        rates.append(bucket.rate)
        now += 0.01
    return rates


class Bucket:
    """A service's limit: so many requests a second, and a few at once after a quiet time."""

    def __init__(self, limit: float, burst: float) -> None:
        self._limit = limit
        self._burst = self._level = burst
        self._at = 0.0

    def is_served(self, now: float) -> bool:
        gathered = self._level + (now - self._at) * self._limit
        self._level, self._at = min(self._burst, gathered), now
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True


class Window:
    """A service's limit: so many requests in each second of its clock."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._counts = Counter[int]()

    def is_served(self, now: float) -> bool:
        self._counts[int(now)] += 1
        return self._counts[int(now)] <= self._limit


class Chance:
    """A service without a limit, of whose answers a part are 429s by chance."""

    def __init__(self, part: float) -> None:
        self._part = part
        self._dice = random.Random(20261125)

    def is_served(self, now: float) -> bool:
        return self._dice.random() >= self._part


def ask(
    service: Bucket | Window | Chance,
    rate_limit: RateLimit,
    *,
    hint: float | None = None,
    seconds: float = 240.0,
) -> tuple[float, float]:
    """
    Ask a service as often as a meter lets us.

    Returns:
        Of the requests after the first minute: the part that was answered 429, and the number
        of the others in a second.
    """
    chance, bucket, now = random.Random(20260114), AdaptiveTokenBucket(rate_limit, now=0.0), 0.0
    under_way: list[tuple[float, bool]] = []
    served = refused = 0
    while now < seconds:
        is_full = len(under_way) == rate_limit.max_concurrent
        slot = math.inf if is_full else now + bucket.delay(now)
        if under_way and under_way[0][0] <= slot:
            now, is_good = heapq.heappop(under_way)
            if is_good:
                bucket.record_success(now)
            else:
                bucket.record_429(now, hint)
        elif slot > now:
            now = slot
        else:
            bucket.take(now)
            is_good = service.is_served(now)
            heapq.heappush(under_way, (now + chance.uniform(0.02, 0.08), is_good))
            served += is_good and now > 60.0
            refused += not is_good and now > 60.0
    return refused / (served + refused), served / (seconds - 60.0)


@pytest.mark.parametrize("limit", [5, 10, 20])
@pytest.mark.parametrize(
    "make",
    [lambda limit: Bucket(limit, 10), lambda limit: Bucket(limit, 1), Window],
    ids=["burst of 10", "no burst", "window of 1 s"],
)
@pytest.mark.parametrize(
    ("rate", "hint", "least"),
    [(50.0, None, 0.85), (None, None, 0.85), (50.0, 1.0, 0.8)],
    ids=["rate", "no rate", "hint"],
)
def test_the_rate_settles_near_the_limit_of_the_service(
    make: Callable[[int], Bucket | Window],
    limit: int,
    rate: float | None,
    hint: float | None,
    least: float,
) -> None:
    refused, served = ask(make(limit), RateLimit(rate=rate), hint=hint)

    assert refused < 0.02
    assert served >= least * limit


@pytest.mark.parametrize("hint", [None, 1.0])
def test_a_high_limit_is_not_hit_more_often_than_a_low_one(hint: float | None) -> None:
    refused, served = ask(Bucket(100, 1), RateLimit(rate=1000.0), hint=hint)

    assert refused < 0.02
    assert served >= (0.85 if hint is None else 0.8) * 100


def test_a_service_without_a_limit_is_asked_at_the_rate_of_the_budget() -> None:
    refused, served = ask(Bucket(1e9, 1e9), RateLimit(rate=20.0))

    assert (refused, served) == (0.0, pytest.approx(20.0, rel=0.01))


def test_429s_that_come_by_chance_take_no_more_than_a_part_of_the_rate() -> None:
    """As long as they are few: more of them cannot be told from those of a limit."""
    _, served = ask(Chance(0.007), RateLimit(rate=50.0), seconds=900.0)

    assert served >= 30.0


class TestArguments:
    @pytest.mark.parametrize(
        "arguments",
        [
            *({"rate": rate} for rate in (0, -1, 0.01, 1e7, math.nan, math.inf, "50", True)),
            *({"burst": burst} for burst in (0, -1, 1.5, True, None, "20", 10**400)),
            *({"max_concurrent": number} for number in (0, -1, 64.0, False, None, 10**400)),
        ],
        ids=lambda arguments: str(arguments)[:20],
    )
    def test_those_that_cannot_be_used_are_refused_and_named(
        self, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidArgumentError, match=f"^{next(iter(arguments))}: expected "):
            RateLimit(**arguments)

    def test_the_ends_of_what_can_be_are_allowed(self) -> None:
        assert RateLimit(rate=MIN_RATE, burst=1, max_concurrent=1).rate == MIN_RATE
        assert RateLimit(rate=MAX_RATE, burst=10**6, max_concurrent=10**6).rate == MAX_RATE
        assert RateLimit(rate=None).rate is None

    def test_a_budget_is_a_value(self) -> None:
        assert RateLimit() == RateLimit(rate=50.0, burst=20, max_concurrent=64)
        assert hash(RateLimit(rate=5)) == hash(RateLimit(rate=5.0))
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            RateLimit().rate = 1.0  # type: ignore[misc]
