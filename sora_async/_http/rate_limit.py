"""
The rate limit of a client, and how its rate follows 429 responses: arithmetic without a clock.

Moments come in as arguments, in seconds on any clock that only goes forward.
"""

import math
from collections.abc import Callable
from typing import Any, Protocol

import attrs

from ..errors import InvalidArgumentError
from ..models.numbers import is_number, is_whole_number
from ..models.repr import brief, shorten

__all__ = ["AdaptiveTokenBucket", "PermitSource", "RateLimit"]

MAX_SHARED_RETRY_AFTER = 60.0
"""Seconds for which a ``Retry-After`` of one response pauses all requests. Its own wait keeps all
of it; but it may be meant for one task, and other waits must not run out of time for it."""

MAX_RATE = 1e6
"""Requests per second that no process can send; a higher rate is no limit."""

MIN_RATE = 1 / 60
"""Requests per second below which no 429 brings the rate."""

DECREASE = 0.85
"""Factor of the rate after several 429s in short time. TCP's 0.5 would leave a quarter of the
service's limit unused on average; 0.85 leaves less than a tenth."""

GENTLE_DECREASE = 0.98
"""Factor of the rate after a single 429. Some services send one at random, whatever the rate:
where 7 of 1000 responses are 429s, `DECREASE` for each would bring 50 requests per second to
11, and this brings them to 37. At a real limit the next 429 follows soon."""

GENTLE_DECREASE_WITH_HINT = 0.94
"""The same for a 429 with ``Retry-After``: each of those costs more time than a lower rate."""

EVIDENCE_DECAY = 0.982
"""Factor by which each success lowers the weight of past 429s as evidence of a limit."""

EVIDENCE_OF_LIMIT = 1.6
"""The weight that counts as a limit: two 429s within 28 responses, or three within about 80."""

MIN_DECREASE = 0.3
"""The smallest factor of one 429, when far fewer successes came than the rate allows."""

INCREASE = 0.001
"""Part of the decreased rate by which each success raises the rate again."""

INCREASE_AFTER_GENTLE_DECREASE = 0.0007
"""The same after a single 429, when less has to be regained."""

MAX_INCREASE = 0.01
"""Requests per second by which one success raises the rate at most: 1 % per second, whatever the
rate. With more, a high limit would be hit every few seconds, with a pause and a decrease each time.
"""

DOUBLING = 30.0
"""Seconds without a 429 after which the increase doubles: a limit may be gone for good."""

MIN_PAUSE = 0.25
"""Seconds of pause after a first 429 without ``Retry-After``; doubled by each further one."""

MAX_PAUSE = 15.0
"""Seconds at which the doubling stops."""

MEMORY = 10.0
"""Seconds over which requests and successes are counted, to know what rate was let through."""

EPSILON = 1e-6
"""Seconds that count as none: a rounding error must not set a timer of its own."""


def _check_rate(_: object, __: object, rate: Any) -> None:
    if rate is None:
        return
    if not is_number(rate) or not MIN_RATE <= rate <= MAX_RATE:
        raise InvalidArgumentError(
            f"rate: expected requests a second from 1/60 to a million, or None, got {shorten(rate)}"
        )


def check_number(_: object, field: "attrs.Attribute[Any]", number: Any) -> None:
    """Refuse what is no whole number of requests."""
    if not is_whole_number(number) or not 1 <= number <= MAX_RATE:
        raise InvalidArgumentError(
            f"{field.name}: expected a whole number from 1 to a million, got {shorten(number)}"
        )


class PermitSource(Protocol):
    """
    Where the permits of one client on one loop come from: a bucket of its own, or a shared one.

    A shared one calls back when it has more; see :meth:`RateLimit._open`.
    """

    @property
    def rate(self) -> float:
        """The permits a second that there are now; infinity for no limit."""

    @property
    def paused_until(self) -> float:
        """The moment before which there are no permits."""

    def delay(self, now: float) -> float:
        """
        Return the seconds until there is a permit.

        Infinity where the source calls back when it has one.
        """

    def take(self, now: float) -> None:
        """Use a permit; there must be one."""

    def pause(self, now: float, seconds: float) -> None:
        """Give no permit for some seconds."""

    def record_success(self, now: float) -> None:
        """Take note of a response that was no 429."""

    def record_429(self, now: float, asked: float | None, *, is_again: bool = False) -> None:
        """Take note of a 429."""

    async def close(self) -> None:
        """Close what is open."""


@attrs.frozen(kw_only=True)
class RateLimit:
    """
    The rate limit of all requests of a client on one event loop.

    In any *t* seconds at most ``burst + rate * t`` requests begin. The default delays no poll
    of 50 waits with the default schedule; 10,000 waits are polled every 200 seconds each.

    A 429 lowers the rate for the whole client, and later responses raise it again, so that it
    stays near the service's own limit.

    Attributes:
        rate: Requests per second, over all waits; None for no limit.
        burst: Requests that may begin at once after a pause.
        max_concurrent: Requests, and so connections, that are open at the same time.
    """

    __repr__ = brief

    rate: float | None = attrs.field(default=50.0, validator=_check_rate)
    burst: int = attrs.field(default=20, validator=check_number)
    max_concurrent: int = attrs.field(default=64, validator=check_number)

    def _open(self, now: float, on_permits: Callable[[], None]) -> PermitSource:
        """Return where the permits come from; *on_permits* is called when there are more."""
        return AdaptiveTokenBucket(self, now=now)


class AdaptiveTokenBucket:
    """
    The permits of one rate limit: a token bucket whose rate follows 429 responses.

    The rate follows additive increase and multiplicative decrease.

    Source: Chiu and Jain, "Analysis of the increase and decrease algorithms
    for congestion avoidance in computer networks", 1989.

    Attributes:
        rate: Permits per second at present; infinity for no limit.
        paused_until: The moment before which there are no permits.
        usual: Without a limit, the permits per second from which a 429 lowers the rate at least.
    """

    __slots__ = (
        "_counted_at",
        "_decreased_at",
        "_evidence",
        "_had_success",
        "_increase",
        "_is_limited",
        "_level",
        "_level_at",
        "_opened",
        "_pause",
        "_rate_limit",
        "_sent",
        "_successes",
        "paused_until",
        "rate",
        "usual",
    )

    def __init__(self, rate_limit: RateLimit, *, now: float) -> None:
        self._rate_limit = rate_limit
        self.rate = math.inf if rate_limit.rate is None else float(rate_limit.rate)
        self.paused_until = -math.inf
        self.usual = 0.0
        self._level = float(rate_limit.burst)
        self._level_at = now
        self._pause = MIN_PAUSE
        self._successes = self._sent = 0.0
        self._counted_at = self._opened = now
        self._is_limited = False
        self._had_success = True
        self._decreased_at = -math.inf
        self._increase = 0.0
        self._evidence = 0.0

    def delay(self, now: float) -> float:
        """Return the seconds until there is a permit, 0.0 when there is one now."""
        silence = max(0.0, self.paused_until - now)
        missing = 0.0
        if self.rate != math.inf:
            self._refill(now)
            missing = (1.0 - self._level) / self.rate + max(0.0, self._level_at - now)
        delay = max(silence, missing)
        return delay if delay > EPSILON else 0.0

    def take(self, now: float) -> None:
        """Use a permit; there must be one."""
        self._decay(now)
        self._sent += 1.0
        if self.rate != math.inf:
            self._refill(now)
            self._level -= 1.0

    def pause(self, now: float, seconds: float) -> None:
        """Give no permit for some seconds, at most 60, and no burst after them."""
        self.paused_until = max(self.paused_until, now + min(seconds, MAX_SHARED_RETRY_AFTER))
        self._refill(now)
        self._level = min(self._level, 0.0)
        self._level_at = max(self._level_at, self.paused_until)

    def record_success(self, now: float) -> None:
        """Take note of a response that was no 429: the rate may rise."""
        self._pause = MIN_PAUSE
        self._had_success = True
        self._decay(now)
        self._successes += 1.0
        self._evidence *= EVIDENCE_DECAY
        if not self._is_limited:
            return
        doublings = min(60.0, (now - self._decreased_at) / DOUBLING)
        self._refill(now)
        self.rate += self._increase * 2.0**doublings
        ceiling = MAX_RATE if self._rate_limit.rate is None else self._rate_limit.rate
        if self.rate >= ceiling:
            self.rate = math.inf if self._rate_limit.rate is None else ceiling
            self._is_limited = False

    def record_429(self, now: float, asked: float | None, *, is_again: bool = False) -> None:
        """
        Take note of a 429: pause, then lower the rate; by more when other 429s came shortly before.

        Further 429s of the same moment, to requests that were under way, change nothing.

        Args:
            now: The moment of the response.
            asked: Its ``Retry-After`` in seconds; None, or 0.0, without one.
            is_again: Whether the response before it, about the same task, was a 429 too: it may
                concern this task only, and does not lower the rate.
        """
        if asked:
            self.pause(now, asked)
        elif now >= self.paused_until:
            self.pause(now, self._pause)
            self._pause = min(2 * self._pause, MAX_PAUSE)
        # A 429 that follows no success tells nothing new of the rate: pauses are for that.
        if is_again or not self._had_success:
            return
        self._evidence += 1.0
        if now < self._decreased_at + 1.0 + 1.0 / self.rate:
            return
        if self._evidence >= EVIDENCE_OF_LIMIT or self.rate == math.inf:
            self._decrease(now)
        else:
            rate = self.rate * (GENTLE_DECREASE_WITH_HINT if asked else GENTLE_DECREASE)
            self._slow_down(now, rate, INCREASE_AFTER_GENTLE_DECREASE)

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    def _decrease(self, now: float) -> None:
        self._decay(now)
        span = MEMORY * -math.expm1(-max(1.0, now - self._opened) / MEMORY)
        rate = max(self._sent / span, self.usual) if self.rate == math.inf else self.rate
        rate = max(min(rate * DECREASE, self._successes / span), rate * MIN_DECREASE)
        self._slow_down(now, rate, INCREASE)

    def _slow_down(self, now: float, rate: float, rise: float) -> None:
        self.rate = max(MIN_RATE, rate)
        self._increase = min(rise * self.rate, MAX_INCREASE)
        self._level = min(self._level, 0.0)
        self._level_at = max(now, self.paused_until)
        self._decreased_at = now
        self._had_success = False
        self._is_limited = True

    def _refill(self, now: float) -> None:
        if self.rate != math.inf and now > self._level_at:
            gathered = self._level + (now - self._level_at) * self.rate
            capacity = float(self._rate_limit.burst)
            if self._is_limited:  # few may gather while the service has shown a limit
                capacity = min(capacity, max(1.0, self.rate / 4))
            self._level = min(capacity, gathered)
            self._level_at = now

    def _decay(self, now: float) -> None:
        """Let the counts decay."""
        if now > self._counted_at:
            rest = math.exp((self._counted_at - now) / MEMORY)
            self._successes *= rest
            self._sent *= rest
            self._counted_at = now
