"""The requests of one client that wait for a permit: calls, first polls and planned polls."""

import asyncio
import bisect
import contextvars
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from .rate_limit import EPSILON, PermitSource, RateLimit

SECONDS_PER_ORDERED_POLL = 0.002
"""Due polls are not put in order again for so long for each of them: at most 500 estimates of
urgency a second, or one half percent of a core, however many are due and however high the rate."""


class QueuedRequest(Protocol):
    """
    A poll that wants a permit at a certain moment.

    Attributes:
        due: The moment, on the loop's clock.
        ticket: Its number in the queue; 0 while it is not in it.
        is_new: Whether it is a first poll.
        is_urgent: Whether it is known to find something new.
    """

    due: float
    ticket: int

    @property
    def is_new(self) -> bool:
        """Whether it is a first poll."""

    @property
    def is_urgent(self) -> bool:
        """Whether it is known to find something new."""

    def urgency(self, now: float) -> float:
        """Return how much the poll is worth now; the greatest goes first."""


AnyRequest = TypeVar("AnyRequest", bound=QueuedRequest)


class RequestQueue(Generic[AnyRequest]):
    """
    Hands out the permits of a rate limit on the running loop.

    Four lines take turns while permits are short, so that none starves behind another: lone
    calls, first polls, and polls that are known to find something new, each in the order in which
    they came, and planned polls that are due.

    The line of due polls is put in order from time to time: alternately the most urgent of them
    and the one that has been due for longest. What becomes due meanwhile joins at the end. So the
    estimates cannot make a poll more than twice as late as it would be if all took turns by age.

    One timer serves all, and it runs only while something waits.

    Args:
        rate_limit: How many permits there are.

    Attributes:
        bucket: Where the permits come from.
        start: Called with a poll that has its permit; the permit is given back by :meth:`release`.
    """

    start: Callable[[AnyRequest], None]

    def __init__(self, rate_limit: RateLimit) -> None:
        self._loop = asyncio.get_running_loop()
        self.bucket: PermitSource = rate_limit._open(self._loop.time(), self._dispatch)
        self._free = rate_limit.max_concurrent
        self._tickets = itertools.count(1)
        self._calls: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._first_polls: OrderedDict[AnyRequest, None] = OrderedDict()
        self._urgent_polls: OrderedDict[AnyRequest, None] = OrderedDict()
        self._due_polls: OrderedDict[AnyRequest, None] = OrderedDict()
        self._later_polls: list[tuple[float, int, AnyRequest]] = []  # the next one due is the last
        self._order_again_at = -math.inf
        lines = (self._calls, self._first_polls, self._urgent_polls, self._due_polls)
        self._turns: Iterator[OrderedDict[Any, None]] = itertools.cycle(lines)
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf
        self._is_dispatching = False
        # Of its own, or the timer would keep the variables of whoever happened to set it.
        self._context = contextvars.Context()

    def schedule(self, request: AnyRequest, due: float) -> None:
        """Start a poll at a moment, or as soon after it as there is a permit; at no other one."""
        if request.ticket:
            self.cancel(request)
        request.due = due
        request.ticket = next(self._tickets)
        if request.is_new:
            self._first_polls[request] = None
        elif request.is_urgent:
            self._urgent_polls[request] = None
        else:
            bisect.insort(self._later_polls, (-due, -request.ticket, request))
        if not self._is_dispatching:
            self._wake_at(due)

    def cancel(self, request: AnyRequest) -> None:
        """Take a poll out of the queue, if it is in it."""
        if not request.ticket:
            return
        place = (-request.due, -request.ticket)
        request.ticket = 0
        self._first_polls.pop(request, None)
        self._urgent_polls.pop(request, None)
        self._due_polls.pop(request, None)
        index = bisect.bisect_left(self._later_polls, place)
        if index < len(self._later_polls) and self._later_polls[index][2] is request:
            del self._later_polls[index]

    async def acquire(self) -> None:
        """Wait for the permit of a lone call; :meth:`release` gives it back."""
        now = self._loop.time()
        if self._free and not self._calls and not self.bucket.delay(now):
            self._use_permit(now)
            return
        call = self._loop.create_future()
        self._calls[call] = None
        self._dispatch()
        try:
            await call
        except BaseException:
            self._calls.pop(call, None)
            if call.done() and not call.cancelled():
                self.release()  # it had its permit already
            raise

    def release(self) -> None:
        """Take a permit back: the request has ended."""
        self._free += 1
        self._dispatch()

    def close(self) -> None:
        """Let every call go on, to find that it is too late, and wake no more."""
        self._first_polls.clear()
        self._urgent_polls.clear()
        self._due_polls.clear()
        self._later_polls.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._calls:
            call, _ = self._calls.popitem(last=False)
            if not call.done():
                self._free -= 1
                call.set_result(None)

    def _dispatch(self) -> None:
        """Hand out permits, as many as there are."""
        if self._is_dispatching:
            return  # a request that ended at once has given its permit back
        self._is_dispatching = True
        try:
            while self._free > 0:
                now = self._loop.time()
                while self._later_polls and -self._later_polls[-1][0] <= now + EPSILON:
                    self._due_polls[self._later_polls.pop()[2]] = None
                if not (self._calls or self._first_polls or self._urgent_polls or self._due_polls):
                    if self._later_polls:
                        self._wake_at(-self._later_polls[-1][0])
                    return
                delay = self.bucket.delay(now)
                if delay:
                    if delay < math.inf:  # otherwise the bucket calls when it has a permit
                        self._wake_at(now + delay)
                    return
                self._serve(next(filter(None, self._turns)), now)
        finally:
            self._is_dispatching = False

    def _serve(self, line: OrderedDict[Any, None], now: float) -> None:
        """Give the first of a line a permit."""
        if line is self._due_polls and len(line) > 1 and now >= self._order_again_at:
            self._order_due(now)
            if not line:
                return
        first, _ = line.popitem(last=False)
        if line is self._calls:
            if not first.done():  # not cancelled
                self._use_permit(now)
                first.set_result(None)
        else:
            first.ticket = 0
            self._use_permit(now)
            self.start(first)

    def _order_due(self, now: float) -> None:
        """Put the due polls in order: alternately the most urgent and the longest due."""
        oldest = sorted(self._due_polls, key=lambda request: request.due)
        urgent = sorted(oldest, key=lambda request: request.urgency(now), reverse=True)
        merged = itertools.chain.from_iterable(zip(urgent, oldest, strict=True))
        for request in dict.fromkeys(merged):
            if request.ticket:  # an estimate may let the collector run, which may cancel a poll
                self._due_polls.move_to_end(request)
        self._order_again_at = now + len(oldest) * SECONDS_PER_ORDERED_POLL

    def _use_permit(self, now: float) -> None:
        self._free -= 1
        self.bucket.take(now)

    def _wake_at(self, moment: float) -> None:
        """Dispatch at a moment, unless that happens earlier anyway."""
        if self._timer is not None:
            if self._wakes_at <= moment:
                return
            self._timer.cancel()
        self._wakes_at = moment
        self._timer = self._loop.call_at(moment, self._wake, context=self._context)

    def _wake(self) -> None:
        self._timer = None
        self._dispatch()
