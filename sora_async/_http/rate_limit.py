"""
One request rate for all waits, slower after a 429 and faster again later: pure arithmetic.

Moments come in as arguments, in seconds on any clock that only goes forward.
"""

import math
from collections.abc import Callable
from typing import Any, Protocol

import attrs

from ..errors import InvalidArgumentError
from ..models.numbers import is_number
from ..models.repr import brief

__all__ = ["AdaptiveTokenBucket", "PermitSource", "RateLimit"]

MAX_SHARED_RETRY_AFTER = 60.0
"""Seconds for which all keep a silence that one request was asked for. Its own wait keeps all of
it; but it may have been meant for one task, and the others must not run out of time for it."""

MAX_RATE = 1e6
"""Requests a second that no process can send; a rate beyond it is no limit."""

MIN_RATE = 1 / 60
"""Requests a second below which no 429 brings the rate."""

DECREASE = 0.85
"""What 429s that come soon after each other leave of the rate. A half, as TCP has it, would leave a
quarter of the service's limit unused on average; at 0.85 the average is above nine tenths."""

GENTLE_DECREASE = 0.98
"""What a lone 429 leaves. Some services answer so by chance, whatever the rate: to fall for each of
those would bring 50 requests a second to 11 where seven answers in a thousand are 429s, and so they
come to 37. At a limit, the next one follows soon."""

GENTLE_DECREASE_WITH_HINT = 0.94
"""The same where it asks for a silence: each of those costs more time than the slower rate."""

EVIDENCE_DECAY = 0.982
"""What each good answer leaves of a 429's weight as evidence of a limit."""

EVIDENCE_OF_LIMIT = 1.6
"""The evidence that is a limit: two 429s within 28 answers, or three within some 80."""

MIN_DECREASE = 0.3
"""What one 429 leaves at least, when far fewer good answers came than the rate allows."""

INCREASE = 0.001
"""By what part of the rate after a fall each good answer raises the rate again."""

INCREASE_AFTER_GENTLE_DECREASE = 0.0007
"""The same after a lone 429, for less has to be regained."""

MAX_INCREASE = 0.01
"""Slots a second by which one good answer raises it at most: one percent in a second, whatever the
rate. Steeper, and a high limit would be hit every few seconds, with a pause and a fall each time.
"""

DOUBLING = 30.0
"""Seconds without a 429 after which the rise doubles: a limit may be gone for good."""

MIN_PAUSE = 0.25
"""Seconds of silence after a first 429 without a hint; they double with each one in a row."""

MAX_PAUSE = 15.0
"""Seconds at which they stop doubling."""

MEMORY = 10.0
"""Seconds over which requests and good answers are counted, to know what was really let through."""


EPSILON = 1e-6
"""Seconds that are as good as none: a rounding error must not ask for a timer of its own."""


def _check_rate(_: object, __: object, rate: Any) -> None:
    if rate is None:
        return
    if not is_number(rate) or not MIN_RATE <= rate <= MAX_RATE:
        raise InvalidArgumentError(
            f"rate: expected requests a second from 1/60 to a million, or None, got {rate!r}"
        )


def check_number(_: object, field: "attrs.Attribute[Any]", number: Any) -> None:
    """Refuse what is no whole number of slots."""
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    if not is_whole or not 1 <= number <= MAX_RATE:
        raise InvalidArgumentError(
            f"{field.name}: expected a whole number from 1 to a million, got {number!r}"
        )


class PermitSource(Protocol):
    """
    Where the permits of one client on one loop come from: a bucket of its own, or a shared one.

    A shared one calls back when it has more; see :meth:`RateLimit._open`.
    """

    @property
    def quiet_until(self) -> float:
        """The moment before which there are none."""

    def delay(self, now: float) -> float:
        """
        Return the seconds until there is a slot.

        Asked only for somebody who wants one now; infinity of who calls back when it knows.
        """

    def take(self, now: float) -> None:
        """Use a slot; there must be one."""

    def keep_silent(self, now: float, seconds: float) -> None:
        """Give no slot for some seconds."""

    def note_good(self, now: float) -> None:
        """Take note of an answer that was no 429."""

    def note_limited(self, now: float, asked: float | None, *, is_again: bool = False) -> None:
        """Take note of a 429."""

    async def close(self) -> None:
        """Let go of all that is open."""


@attrs.frozen(kw_only=True)
class RateLimit:
    """
    What all requests of a client on one event loop may add up to.

    In any stretch of *t* seconds at most ``burst + rate * t`` requests begin.
    With the default, fifty waits at the default schedule feel nothing, and
    ten thousand are each asked for every 200 seconds, the one that has been
    due for longest first.

    A 429 lowers the rate for the whole client, and good answers raise it
    again, so that it settles near the service's own limit.

    Attributes:
        rate: Requests a second, over all waits; None for no limit of our own.
        burst: Requests that may begin at once after a quiet time.
        max_concurrent: Requests under way at the same time, and so connections.
    """

    __repr__ = brief

    rate: float | None = attrs.field(default=50.0, validator=_check_rate)
    burst: int = attrs.field(default=20, validator=check_number)
    max_concurrent: int = attrs.field(default=64, validator=check_number)

    def _open(self, now: float, look: Callable[[], None]) -> PermitSource:
        """Return where the slots come from; it may call *look* when there are some again."""
        return AdaptiveTokenBucket(self, now=now)


class AdaptiveTokenBucket:
    """
    The slots of one budget, as time goes by: a token bucket whose rate learns from 429s.

    The rate follows additive increase and multiplicative decrease.

    Source: Chiu and Jain, "Analysis of the increase and decrease algorithms
    for congestion avoidance in computer networks", 1989.

    Attributes:
        rate: Slots a second at present; infinity for no limit.
        quiet_until: The moment before which there are none.
        usual: Where there is no limit, slots a second from which a 429 lowers the rate at least.
    """

    __slots__ = (
        "_counted_at",
        "_evidence",
        "_fell_at",
        "_good",
        "_is_limited",
        "_is_served",
        "_level",
        "_level_at",
        "_opened",
        "_pause",
        "_rate_limit",
        "_rise",
        "_sent",
        "quiet_until",
        "rate",
        "usual",
    )

    def __init__(self, rate_limit: RateLimit, *, now: float) -> None:
        self._rate_limit = rate_limit
        self.rate = math.inf if rate_limit.rate is None else float(rate_limit.rate)
        self.quiet_until = -math.inf
        self.usual = 0.0
        self._level = float(rate_limit.burst)
        self._level_at = now
        self._pause = MIN_PAUSE
        self._good = self._sent = 0.0
        self._counted_at = self._opened = now
        self._is_limited = False
        self._is_served = True
        self._fell_at = -math.inf
        self._rise = 0.0
        self._evidence = 0.0

    def delay(self, now: float) -> float:
        """Return the seconds until there is a slot, 0.0 when there is one now."""
        silence = max(0.0, self.quiet_until - now)
        missing = 0.0
        if self.rate != math.inf:
            self._refill(now)
            missing = (1.0 - self._level) / self.rate + max(0.0, self._level_at - now)
        delay = max(silence, missing)
        return delay if delay > EPSILON else 0.0

    def take(self, now: float) -> None:
        """Use a slot; there must be one."""
        self._forget(now)
        self._sent += 1.0
        if self.rate != math.inf:
            self._refill(now)
            self._level -= 1.0

    def keep_silent(self, now: float, seconds: float) -> None:
        """Give no slot for some seconds, at most a minute, and none in a burst after them."""
        self.quiet_until = max(self.quiet_until, now + min(seconds, MAX_SHARED_RETRY_AFTER))
        self._refill(now)
        self._level = min(self._level, 0.0)
        self._level_at = max(self._level_at, self.quiet_until)

    def note_good(self, now: float) -> None:
        """Take note of an answer that was no 429: the rate may rise."""
        self._pause = MIN_PAUSE
        self._is_served = True
        self._forget(now)
        self._good += 1.0
        self._evidence *= EVIDENCE_DECAY
        if not self._is_limited:
            return
        doublings = min(60.0, (now - self._fell_at) / DOUBLING)
        self._refill(now)
        self.rate += self._rise * 2.0**doublings
        ceiling = MAX_RATE if self._rate_limit.rate is None else self._rate_limit.rate
        if self.rate >= ceiling:
            self.rate = math.inf if self._rate_limit.rate is None else ceiling
            self._is_limited = False

    def note_limited(self, now: float, asked: float | None, *, is_again: bool = False) -> None:
        """
        Take note of a 429: be silent, and then a little slower; or much, when others were near.

        The other 429s of the same moment, to requests that were under way, change nothing.

        Args:
            now: The moment of the answer.
            asked: The seconds of silence that it asks for; None, or 0.0, when it names none.
            is_again: Whether the answer before it, about the same task, was one too: it may be
                about this task only, and the others need not go slower for it.
        """
        if asked:
            self.keep_silent(now, asked)
        elif now >= self.quiet_until:
            self.keep_silent(now, self._pause)
            self._pause = min(2 * self._pause, MAX_PAUSE)
        # One that follows no good answer tells nothing new of the rate: pauses are for that.
        if is_again or not self._is_served:
            return
        self._evidence += 1.0
        if now < self._fell_at + 1.0 + 1.0 / self.rate:
            return
        if self._evidence >= EVIDENCE_OF_LIMIT or self.rate == math.inf:
            self._fall(now)
        else:
            rate = self.rate * (GENTLE_DECREASE_WITH_HINT if asked else GENTLE_DECREASE)
            self._slow_down(now, rate, INCREASE_AFTER_GENTLE_DECREASE)

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    def _fall(self, now: float) -> None:
        self._forget(now)
        span = MEMORY * -math.expm1(-max(1.0, now - self._opened) / MEMORY)
        rate = max(self._sent / span, self.usual) if self.rate == math.inf else self.rate
        rate = max(min(rate * DECREASE, self._good / span), rate * MIN_DECREASE)
        self._slow_down(now, rate, INCREASE)

    def _slow_down(self, now: float, rate: float, rise: float) -> None:
        self.rate = max(MIN_RATE, rate)
        self._rise = min(rise * self.rate, MAX_INCREASE)
        self._level = min(self._level, 0.0)
        self._level_at = max(now, self.quiet_until)
        self._fell_at = now
        self._is_served = False
        self._is_limited = True

    def _room(self) -> float:
        """Return how many slots may gather: while the service has shown a limit, very few."""
        burst = float(self._rate_limit.burst)
        return min(burst, max(1.0, self.rate / 4)) if self._is_limited else burst

    def _refill(self, now: float) -> None:
        if self.rate != math.inf and now > self._level_at:
            gathered = self._level + (now - self._level_at) * self.rate
            self._level = min(self._room(), gathered)
            self._level_at = now

    def _forget(self, now: float) -> None:
        """Let what was counted fade."""
        if now > self._counted_at:
            rest = math.exp((self._counted_at - now) / MEMORY)
            self._good *= rest
            self._sent *= rest
            self._counted_at = now
