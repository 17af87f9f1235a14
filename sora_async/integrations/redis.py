"""
One rate limit for many processes, kept in Redis: extra ``redis``.

::

    rate_limit = SharedRateLimit(url="redis://localhost", rate=50)
    async with SoraClient(rate_limit=rate_limit) as client:
        ...
"""

import asyncio
import logging
import math
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import attrs
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .. import InvalidArgumentError, RateLimit
from .._http.rate_limit import EPSILON, AdaptiveTokenBucket, check_number
from ..schedule.backoff import spread_phase

__all__ = ["SharedRateLimit"]

logger = logging.getLogger("sora_async")

RESPONSE_TIMEOUT = 0.5
"""Seconds for a connection to Redis, and for each of its responses."""

RESERVATION = 0.1
"""Seconds for which permits are reserved at once, beside the time that Redis takes to respond."""

MAX_PERMIT_AGE = 1.0
"""Seconds after its moment at which an unused permit expires."""

SAME_PAUSE = 0.05
"""Seconds by which a pause must be longer than ours to count as that of another process."""

RECONNECT_INTERVAL = 1.0
"""Seconds, on average, between two attempts to reach a Redis that is away."""

MAX_CLOCK_CORRECTION = 1.0
"""Seconds by which the clock of Redis may be set back without a warning."""

RESERVE_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local spacing, burst, wanted = 1 / ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local pause = tonumber(ARGV[5])
local slack = (burst - 1) * spacing

local known = redis.call('HMGET', KEYS[1], 'next', 'paused_until', 'decreases', 'clock')
local next, paused_until = tonumber(known[1] or 0), tonumber(known[2] or 0)
local decreases = tonumber(known[3] or 0)
local set_back = math.max(0, tonumber(known[4] or 0) - now)
if set_back > 0 then
    next, paused_until = next - set_back, paused_until - set_back
    redis.call('DEL', KEYS[2])
end
next = math.max(next, now)
if pause > 0 then
    paused_until = math.max(paused_until, now + pause)
    next = math.max(next, paused_until + slack)
    decreases = decreases + tonumber(ARGV[6])
end

redis.call('ZADD', KEYS[2], now, ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 20)
local processes = redis.call('ZCARD', KEYS[2])
local active = redis.call('ZCOUNT', KEYS[2], now - 2, '+inf')
local fair = math.max(1, math.floor(ARGV[7] / active + 0.5))
local count = math.min(wanted, fair)
if paused_until > now then count = 0 end

redis.call('HSET', KEYS[1], 'next', string.format('%.6f', next + count * spacing),
    'paused_until', string.format('%.6f', paused_until), 'decreases', decreases,
    'clock', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], 3600)
redis.call('EXPIRE', KEYS[2], 3600)
return {count, string.format('%.6f', next - slack - now),
    string.format('%.6f', math.max(0, paused_until - now)), decreases, processes,
    string.format('%.6f', set_back)}
"""
"""
Reserve the next permits and pass on the pauses that services asked for, in one atomic step.

``next`` is the theoretical arrival time of GCRA: permits are spaced evenly over all processes, and
each request for permits gets those after the ones that were reserved before. A request gets no more
than its fair share among the processes that asked in the last two seconds. Only the clock of Redis
counts. Where it was set back, all stored moments move back with it.

Source: "Generic Cell Rate Algorithm", ITU-T I.371, annex A.
"""


def _check_url(_: object, __: object, url: Any) -> None:
    schemes = ("redis://", "rediss://", "unix://")
    if not isinstance(url, str) or not url.startswith(schemes):
        raise InvalidArgumentError(f"url: expected one that begins with {' or '.join(schemes)}")
    try:
        urlsplit(url).port  # noqa: B018 - a property that raises
    except ValueError:
        # A part of the password may be in the error, and so in its context.
        is_readable = False
    else:
        is_readable = True
    if not is_readable:
        raise InvalidArgumentError(
            "url: expected redis://[user:password@]host:port[/db], with % and two hex digits for "
            "each / ? # @ of the password; it is not shown, as it holds the password"
        )


def _check_name(_: object, __: object, name: Any) -> None:
    if not isinstance(name, str) or not name or not name.isprintable() or set(name) & set("{}"):
        raise InvalidArgumentError(f"name: expected a name without braces, got {name!r:.80}")


@attrs.frozen(kw_only=True)
class SharedRateLimit(RateLimit):
    """
    One rate limit for the clients of many processes, on any number of machines.

    All clients with the same Redis and the same *name* share one rate. Their
    requests are spaced evenly. A 429 that one client receives pauses all of
    them and lowers the rate of each.

    While Redis is away, each process sends its share of the rate, logs one
    warning, and reconnects by itself. No wait fails because of Redis.

    Attributes:
        url: The Redis, as a ``redis://``, ``rediss://`` (TLS) or ``unix://`` URL.
        name: Names the rate limit; use one for each account of a service.
        processes: Assumed number of processes until Redis has told the real one.
        rate: Requests a second, over all processes.
        burst: Requests that may start at once after an idle time, over all processes.
        max_concurrent: Requests in flight at the same time, of this client alone.
    """

    url: str = attrs.field(validator=_check_url, repr=False)
    name: str = attrs.field(default="default", validator=_check_name)
    processes: int = attrs.field(default=4, validator=check_number)

    def __attrs_post_init__(self) -> None:
        if self.rate is None:
            raise InvalidArgumentError("rate: expected a number; a shared rate limit needs one")

    def _open(self, now: float, on_permits: Callable[[], None]) -> "SharedTokenBucket":
        return SharedTokenBucket(self, now=now, on_permits=on_permits)


class SharedTokenBucket:
    """
    The permits of one client on one event loop, reserved in Redis a few at a time.

    While permits are used, the next ones are reserved before the last one is
    used up, so that a slow Redis costs no throughput. An own
    :class:`~sora_async._http.rate_limit.AdaptiveTokenBucket` lowers the rate
    after 429s, also after those of other processes.
    """

    def __init__(
        self, rate_limit: SharedRateLimit, *, now: float, on_permits: Callable[[], None]
    ) -> None:
        assert rate_limit.rate is not None
        self._rate_limit, self._rate = rate_limit, rate_limit.rate
        self._on_permits = on_permits
        self._loop = asyncio.get_running_loop()
        self._redis: Redis = Redis.from_url(
            rate_limit.url,
            socket_timeout=RESPONSE_TIMEOUT,
            socket_connect_timeout=RESPONSE_TIMEOUT,
            retry=Retry(NoBackoff(), 1),  # the connection may be one from before a restart
        )
        self._reserve = self._redis.register_script(RESERVE_SCRIPT)
        prefix = f"sora_async:{{{rate_limit.name}}}"
        self._keys = [f"{prefix}:rate_limit", f"{prefix}:processes"]
        self._id = uuid.uuid4().hex
        self._own = AdaptiveTokenBucket(RateLimit(rate=None, burst=rate_limit.burst), now=now)
        self._own.usual = self._rate / rate_limit.processes
        self._offline_bucket: AdaptiveTokenBucket | None = None
        self._permits: deque[float] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._processes = rate_limit.processes
        # Permits used a second, as an exponential average over the time in which there were any.
        self._demand, self._used, self._reserved_at = 0.0, 0, now
        self._starved_since: float | None = None
        self._starved, self._latency, self._wanted = 0.0, 0.0, 1
        self._has_pause_to_report, self._decreases = False, 0
        self._known_decreases: int | None = None

    @property
    def rate(self) -> float:
        """The permits a second of all processes together, or of this one while Redis is away."""
        offline = self._offline_bucket
        return min(self._own.rate, self._rate if offline is None else offline.rate)

    @property
    def paused_until(self) -> float:
        """The moment before which there are no permits."""
        return self._own.paused_until

    def delay(self, now: float) -> float:
        """Return the seconds until there is a permit; infinity until Redis has responded."""
        if self._is_closed:
            return 0.0
        delay = self._own.delay(now)
        if self._offline_bucket is not None:
            return max(delay, self._offline_bucket.delay(now))
        if delay:
            return delay
        while self._permits and self._permits[0] < now - MAX_PERMIT_AGE:
            self._permits.popleft()
        if len(self._permits) <= self._demand * self._latency:
            self._start_reservation(now)
        if not self._permits:
            self._starved_since = self._starved_since or now
            return math.inf
        delay = self._permits[0] - now
        return delay if delay > EPSILON else 0.0

    def take(self, now: float) -> None:
        """Use a permit; there must be one."""
        self._own.take(now)
        self._used += 1
        if self._offline_bucket is not None:
            self._offline_bucket.take(now)
        elif not self._is_closed:
            self._permits.popleft()

    def pause(self, now: float, seconds: float) -> None:
        """Give no permit for some seconds, at most a minute, here and in the other processes."""
        self._own.pause(now, seconds)
        self._report_pause(now)

    def record_success(self, now: float) -> None:
        """Record a response that was no 429: the rate may rise."""
        self._own.record_success(now)

    def record_429(self, now: float, asked: float | None, *, is_again: bool = False) -> None:
        """Record a 429: pause and lower the rate, here and in the other processes."""
        self._own.record_429(now, asked, is_again=is_again)
        self._decreases += not is_again
        self._report_pause(now)

    async def close(self) -> None:
        """Close the connection; reserved permits are lost."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            if self._known_decreases is not None and self._offline_bucket is None:
                await self._redis.zrem(self._keys[1], self._id)
        except RedisError:
            pass  # Redis forgets this process by itself after 20 seconds
        finally:
            await self._redis.aclose()

    def _report_pause(self, now: float) -> None:
        """Drop the reserved permits, and tell the other processes of a pause."""
        self._permits.clear()
        self._has_pause_to_report = True
        self._start_reservation(now)

    def _start_reservation(self, now: float) -> None:
        """Start to reserve permits, unless that is under way."""
        if self._task is not None or self._is_closed:
            return
        elapsed = max(0.0, now - self._reserved_at - self._starved)
        self._demand *= math.exp(-elapsed / self._horizon)
        self._demand += self._used / self._horizon
        # One more than is used: otherwise a client with too few permits could never want more.
        self._wanted = min(int(self._demand * self._horizon) + 1, 2 * self._wanted)
        self._reserved_at, self._used, self._starved = now, 0, 0.0
        self._task = self._loop.create_task(
            self._reserve_permits(), name=f"rate limit {self._rate_limit.name}"
        )

    @property
    def _horizon(self) -> float:
        """Seconds for which permits are reserved: they must last until the next response."""
        return RESERVATION + 2 * self._latency

    async def _reserve_permits(self) -> None:
        """Reserve the next permits; without Redis, send our share of the rate until it is back."""
        try:
            try:
                await self._exchange(self._wanted)
                while self._has_pause_to_report:
                    await self._exchange(0)
            except Exception as error:  # no error of Redis or of its client may end the waits
                await self._send_without_redis(error)
        finally:
            self._task = None
        self._on_permits()

    async def _exchange(self, wanted: int) -> None:
        """Report our pause to Redis, learn of those of others, and reserve permits."""
        pause = 0.0
        if self._has_pause_to_report:
            pause = max(0.0, self._own.paused_until - self._loop.time())
        decreases = self._decreases
        self._has_pause_to_report, self._decreases = False, 0
        asked_at = self._loop.time()
        args = (
            *(self._rate, self._rate_limit.burst, wanted, self._id),
            *(pause, decreases, self._rate * self._horizon),
        )
        try:
            response = await self._reserve(self._keys, args)
        except BaseException:
            self._has_pause_to_report = self._has_pause_to_report or pause > 0.0
            self._decreases += decreases
            raise
        count, first, other_pause, all_decreases, processes, set_back = map(float, response)
        now = self._loop.time()
        took = min(now - asked_at, RESPONSE_TIMEOUT)
        self._latency = max(took, 0.7 * self._latency + 0.3 * took)
        if self._starved_since is not None:
            self._starved += now - self._starved_since
            self._starved_since = None
        self._processes = max(1, int(processes))
        self._own.usual = self._rate / self._processes
        if set_back > MAX_CLOCK_CORRECTION:
            logger.warning(
                "rate limit %s: the clock of Redis was set back by %.0f s; going on",
                *(self._rate_limit.name, set_back),
            )
        self._follow_others(now, other_pause, int(all_decreases), decreases)
        if self._own.paused_until > now:
            return  # what was reserved must not be used: a pause has begun
        moment = now + first
        self._permits.extend(max(now, moment + one / self._rate) for one in range(int(count)))

    def _follow_others(
        self, now: float, pause: float, all_decreases: int, own_decreases: int
    ) -> None:
        """Pause, and lower the rate, as other processes have since we asked last."""
        known, self._known_decreases = self._known_decreases, all_decreases
        if known is not None and known + own_decreases < all_decreases:
            self._own.record_429(now, pause)
        elif pause > max(SAME_PAUSE, self._own.paused_until - now + SAME_PAUSE):
            self._own.pause(now, pause)

    async def _send_without_redis(self, error: Exception) -> None:
        """Send our share of the rate until Redis responds; log its loss once, and its return."""
        lost_at = self._loop.time()
        share = max(self._rate / self._processes, 1 / 60)
        self._permits.clear()
        self._offline_bucket = AdaptiveTokenBucket(RateLimit(rate=share, burst=1), now=lost_at)
        logger.warning(
            "rate limit %s: no Redis (%s: %s); going on with %.3g of %.3g requests a second",
            *(self._rate_limit.name, type(error).__name__, error, share, self._rate),
        )
        self._on_permits()
        while self._offline_bucket is not None:
            await asyncio.sleep(spread_phase(RECONNECT_INTERVAL))
            try:
                await self._exchange(0)
            except Exception:
                continue  # the warning above has said so
            self._offline_bucket = None
        logger.warning(
            "rate limit %s: Redis is back after %.1f s; sharing %.3g requests a second again",
            *(self._rate_limit.name, self._loop.time() - lost_at, self._rate),
        )
