"""
One request budget for many programs, kept in Redis: extra ``redis``.

::

    budget = SharedRateLimit(url="redis://localhost", rate=50)
    async with SoraClient(budget=budget) as client:
        ...
"""

import asyncio
import logging
import math
import random
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .. import InvalidArgumentError, RateLimit
from .._http.rate_limit import EPSILON, AdaptiveTokenBucket, check_number

__all__ = ["SharedRateLimit"]

logger = logging.getLogger("sora_async")

LONGEST_ANSWER = 0.5
"""Seconds for one answer of Redis, and for a connection to it."""

STRIDE = 0.1
"""Seconds for which slots are reserved at once: about ten questions a second, whatever the rate."""

LONGEST_HOARD = 1.0
"""Seconds after its moment at which a slot that nobody wanted is worth nothing any more."""

ECHO = 0.05
"""Seconds by which a silence must be longer than ours to be another's."""

RETURN = 1.0
"""Seconds, on average, between two looks whether Redis is back."""

RESERVE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local spacing, burst, wanted = 1 / ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local silence = tonumber(ARGV[5])
local slack = (burst - 1) * spacing

local known = redis.call('HMGET', KEYS[1], 'next', 'quiet', 'falls')
local next = math.max(tonumber(known[1] or 0), now)
local quiet, falls = tonumber(known[2] or 0), tonumber(known[3] or 0)
if quiet > now + 61 then quiet, next = 0, now end
if silence > 0 then
    quiet = math.max(quiet, now + silence)
    next = math.max(next, quiet + slack)
    falls = falls + tonumber(ARGV[6])
end
redis.call('ZADD', KEYS[2], now, ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 20)
local programs = redis.call('ZCARD', KEYS[2])
local fair = math.max(1, math.floor(ARGV[7] / programs + 0.5))
local count = math.min(wanted, fair)
if quiet > now then count = 0 end
next = math.min(next, now + slack + 60 + 2 * programs * math.max(spacing, 1))

redis.call('HSET', KEYS[1], 'next', string.format('%.6f', next + count * spacing),
    'quiet', string.format('%.6f', quiet), 'falls', falls)
redis.call('EXPIRE', KEYS[1], 3600)
redis.call('EXPIRE', KEYS[2], 3600)
return {count, string.format('%.6f', next - slack - now),
    string.format('%.6f', math.max(0, quiet - now)), falls, programs}
"""
"""
Reserve the next slots, and pass on who was refused: one atomic step, by the clock of Redis alone.

``next`` is the theoretical arrival time of GCRA: slots are spaced evenly over all who share, and
each who asks gets those after the ones of who asked before. None gets more at once than is fair.
A clock that was set back leaves nothing in a future further away than any silence and queue.

Source: "Generic Cell Rate Algorithm", ITU-T I.371, annex A.
"""


def _check_url(_: object, __: object, url: Any) -> None:
    schemes = ("redis://", "rediss://", "unix://")
    if not isinstance(url, str) or not url.startswith(schemes):
        raise InvalidArgumentError(f"url: expected one that begins with {' or '.join(schemes)}")


def _check_name(_: object, __: object, name: Any) -> None:
    if not isinstance(name, str) or not name or not name.isprintable() or set(name) & set("{}"):
        raise InvalidArgumentError(f"name: expected a name without braces, got {name!r}")


@attrs.frozen(kw_only=True)
class SharedRateLimit(RateLimit):
    """
    One budget for the clients of many programs, on any number of machines.

    All that name the same Redis and the same *name* share one rate: their
    requests are spaced evenly over all of them, and whoever asks is served in
    turn. A 429 that one sees silences and slows down all.

    Without Redis, each goes on with its share of the rate, says so once in
    the log, and comes back by itself. In all of it, no wait fails.

    Attributes:
        url: Where Redis is, as ``redis://`` URL; with ``rediss://`` over TLS.
        name: Of the budget: one for each account of a service.
        programs: How many are thought to share, for as long as Redis has not told.
        rate: Requests a second, over all who share.
        burst: Requests that may begin at once after a quiet time, over all who share.
        max_concurrent: Requests under way at the same time, of this client alone.
    """

    url: str = attrs.field(validator=_check_url, repr=False)
    name: str = attrs.field(default="default", validator=_check_name)
    programs: int = attrs.field(default=4, validator=check_number)

    def __attrs_post_init__(self) -> None:
        if self.rate is None:
            raise InvalidArgumentError("rate: expected a number; there is no sharing without limit")

    def _open(self, now: float, look: Callable[[], None]) -> "SharedTokenBucket":
        return SharedTokenBucket(self, now=now, look=look)


class SharedTokenBucket:
    """
    The slots of one client on one loop, reserved in Redis a few at a time.

    Its own :class:`~sora_async.budget.AdaptiveTokenBucket` learns from 429s, those that others saw included.
    """

    def __init__(
        self, rate_limit: SharedRateLimit, *, now: float, look: Callable[[], None]
    ) -> None:
        assert rate_limit.rate is not None
        self._rate_limit, self._rate, self._look = rate_limit, rate_limit.rate, look
        self._loop = asyncio.get_running_loop()
        self._redis: Redis = Redis.from_url(
            rate_limit.url,
            socket_timeout=LONGEST_ANSWER,
            socket_connect_timeout=LONGEST_ANSWER,
            retry=Retry(NoBackoff(), 1),  # the connection may be one from before a restart
        )
        self._reserve = self._redis.register_script(RESERVE)
        self._keys = [
            f"sora_async:{{{rate_limit.name}}}:{part}" for part in ("rate_limit", "programs")
        ]
        self._me = uuid.uuid4().hex
        self._own = AdaptiveTokenBucket(RateLimit(rate=None, burst=rate_limit.burst), now=now)
        self._own.usual = self._rate / rate_limit.programs
        self._alone: AdaptiveTokenBucket | None = None
        self._slots: deque[float] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._asked_at, self._used, self._wanted = now, 0, 1
        self._programs = rate_limit.programs
        self._has_news, self._falls = False, 0
        self._known_falls: int | None = None

    @property
    def rate(self) -> float:
        """The permits a second that all programs share, or this one has while it is alone."""
        return min(self._own.rate, self._rate if self._alone is None else self._alone.rate)

    @property
    def paused_until(self) -> float:
        """The moment before which there are no slots."""
        return self._own.paused_until

    def delay(self, now: float) -> float:
        """Return the seconds until there is a slot; infinity while Redis is being asked."""
        if self._is_closed:
            return 0.0
        delay = self._own.delay(now)
        if self._alone is not None:
            return max(delay, self._alone.delay(now))
        if delay:
            return delay
        while self._slots and self._slots[0] < now - LONGEST_HOARD:
            self._slots.popleft()
        if not self._slots:
            self._ask(now)
            return math.inf
        delay = self._slots[0] - now
        return delay if delay > EPSILON else 0.0

    def take(self, now: float) -> None:
        """Use a slot; there must be one."""
        self._own.take(now)
        self._used += 1
        if self._alone is not None:
            self._alone.take(now)
        elif not self._is_closed:
            self._slots.popleft()

    def pause(self, now: float, seconds: float) -> None:
        """Give no slot for some seconds, at most a minute, and let the others keep them too."""
        self._own.pause(now, seconds)
        self._tell(now)

    def record_success(self, now: float) -> None:
        """Take note of an answer that was no 429: the rate may rise."""
        self._own.record_success(now)

    def record_429(self, now: float, asked: float | None, *, is_again: bool = False) -> None:
        """Take note of a 429: be silent, and then slower; let the others do so too."""
        self._own.record_429(now, asked, is_again=is_again)
        self._falls += not is_again
        self._tell(now)

    async def close(self) -> None:
        """Ask no more, and close the connection; slots that were reserved are lost."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            if self._known_falls is not None and self._alone is None:
                await self._redis.zrem(self._keys[1], self._me)
        except RedisError:
            pass  # it forgets us by itself, a little later
        finally:
            await self._redis.aclose()

    def _tell(self, now: float) -> None:
        """Void what was reserved, and let the others know of a silence as soon as possible."""
        self._slots.clear()
        self._has_news = True
        self._ask(now)

    def _ask(self, now: float) -> None:
        """Ask Redis for slots, unless it is being asked."""
        if self._task is not None or self._is_closed:
            return
        pace = self._used / max(now - self._asked_at, EPSILON)
        # One more than were used: who gets too few must be able to want more.
        self._wanted = min(int(pace * STRIDE) + 1, 2 * self._wanted)
        self._asked_at, self._used = now, 0
        self._task = self._loop.create_task(
            self._share(), name=f"rate limit {self._rate_limit.name}"
        )

    async def _share(self) -> None:
        """Reserve the next slots; without Redis, take to our share until it is back."""
        try:
            try:
                await self._exchange(self._wanted)
                while self._has_news:
                    await self._exchange(0)
            except Exception as error:  # whatever it is, a budget must not end the waits
                await self._go_alone(error)
        finally:
            self._task = None
        self._look()

    async def _exchange(self, wanted: int) -> None:
        """Tell Redis what we saw, learn what the others saw, and reserve slots."""
        silence = self._own.paused_until - self._loop.time() if self._has_news else 0.0
        falls, self._has_news, self._falls = self._falls, False, 0
        most = self._rate * STRIDE
        args = (
            self._rate,
            self._rate_limit.burst,
            wanted,
            self._me,
            max(0.0, silence),
            falls,
            most,
        )
        try:
            count, first, quiet, fallen, programs = await self._reserve(self._keys, args)
        except BaseException:
            self._has_news, self._falls = self._has_news or silence > 0.0, self._falls + falls
            raise
        now, known, self._known_falls = self._loop.time(), self._known_falls, int(fallen)
        self._programs = max(1, int(programs))
        self._own.usual = self._rate / self._programs
        if known is not None and known + falls < int(fallen):
            self._own.record_429(now, float(quiet))
        elif float(quiet) > max(ECHO, self._own.paused_until - now + ECHO):
            self._own.pause(now, float(quiet))
        if self._own.paused_until > now:
            return  # whatever was reserved is void
        moment = now + float(first)
        self._slots.extend(max(now, moment + one / self._rate) for one in range(int(count)))

    async def _go_alone(self, error: Exception) -> None:
        """Take to our share of the rate until Redis answers; say so once, and once at the end."""
        lost_at = self._loop.time()
        share = max(self._rate / self._programs, 1 / 60)
        self._alone = AdaptiveTokenBucket(RateLimit(rate=share, burst=1), now=lost_at)
        logger.warning(
            "budget %s: no Redis (%s: %s); going on with %.3g of %.3g requests a second",
            *(self._rate_limit.name, type(error).__name__, error, share, self._rate),
        )
        self._look()
        while self._alone is not None:
            await asyncio.sleep(RETURN * random.uniform(0.5, 1.5))
            try:
                await self._exchange(0)
            except Exception:
                continue  # it was said that there is none
            self._alone = None
        logger.warning(
            "budget %s: Redis is back after %.1f s; sharing %.3g requests a second again",
            *(self._rate_limit.name, self._loop.time() - lost_at, self._rate),
        )
