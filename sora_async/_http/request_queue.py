"""Whose turn it is: the slots of one budget, handed out to calls, first polls and planned polls."""

import asyncio
import contextvars
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from .rate_limit import EPSILON, PermitSource, RateLimit

MAX_REFRESHED = 32
"""Turns whose urgency is worked out anew for each slot, at most: thousands may be due."""

ROUND = 1.0
"""Seconds in which it is worked out anew about once for each of them, at most: what is known of a
task changes in many seconds, and thousands of slots a second would look at all of it."""

FAIR_SHARE = 2
"""Each second planned slot goes to the one that has been due for longest: what was learned may
mislead, and then a wait is at most so many times as late as if all took their turns by age."""


class QueuedRequest(Protocol):
    """
    Something that wants a slot at a moment.

    Attributes:
        due: The moment, on the loop's clock.
        ticket: Its place in the queue; 0 while it wants none.
        is_new: Whether it has never had a slot.
    """

    due: float
    ticket: int

    @property
    def is_new(self) -> bool:
        """Whether it has never had a slot."""

    def urgency(self, now: float) -> float:
        """Return a number that is the greatest for who goes first, whenever it was worked out."""


AnyRequest = TypeVar("AnyRequest", bound=QueuedRequest)


class RequestQueue(Generic[AnyRequest]):
    """
    Hands out the slots of a budget on the running loop.

    Three queues take turns while slots are short: lone calls, first polls, and
    planned polls. In the first two, who came first is first; in the third, of
    those who are due, the most urgent. So neither a call nor a new wait starves
    behind a full house, nor the house behind a crowd of new waits.

    To work out the urgency of all for each slot would stall the loop. So it is worked out
    when a turn becomes due, and anew for some of those who wait with each slot, in rounds.

    There is one timer for all, and it runs only while somebody wants a slot.

    Args:
        rate_limit: How many slots there are.

    Attributes:
        start: Called with a planned request whose turn it is; it gives the slot back at its end.
    """

    start: Callable[[AnyRequest], None]

    def __init__(self, rate_limit: RateLimit) -> None:
        self._loop = asyncio.get_running_loop()
        self.bucket: PermitSource = rate_limit._open(self._loop.time(), self._dispatch)
        self._free = rate_limit.max_concurrent
        self._tickets = itertools.count(1)
        self._calls: deque[asyncio.Future[None]] = deque()
        self._new: deque[tuple[int, AnyRequest]] = deque()
        self._planned: list[tuple[float, int, AnyRequest]] = []  # by the moment
        self._due: list[tuple[float, int, AnyRequest]] = []  # by the urgency, negative
        self._by_age: deque[tuple[float, AnyRequest]] = deque()  # the same, by the moment
        self._given = 0
        self._refreshed = 0
        self._round_at = -math.inf
        self._turns = itertools.cycle((self._next_call, self._next_new, self._next_planned))
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf
        self._is_busy = False
        # Of its own, or the timer would keep the variables of whoever happened to set it.
        self._context = contextvars.Context()

    def plan(self, request: AnyRequest, due: float) -> None:
        """Give a slot to one at a moment, or as soon after it as there is one."""
        request.due = due
        request.ticket = next(self._tickets)
        if request.is_new:
            self._new.append((request.ticket, request))
        else:
            place = (
                due,
                request.ticket,
                request,
            )  # before: whoever is collected now may sweep the queue
            heapq.heappush(self._planned, place)
        if not self._is_busy:
            self._wake_at(due)

    def drop(self, request: AnyRequest) -> None:
        """Take one out of the queue that may be in it."""
        if not request.ticket:
            return
        request.ticket = 0
        self._count_left()

    async def take(self) -> None:
        """Return when there is a slot for a lone call; it has to be given back."""
        now = self._loop.time()
        if self._free and not self._calls and not self.bucket.delay(now):
            self._use(now)
            return
        call = self._loop.create_future()
        self._calls.append(call)
        self._dispatch()
        try:
            await call
        except BaseException:
            if call.done() and not call.cancelled():
                self.release()
            elif not call.done():
                call.cancel()
            self._count_left()
            raise

    def release(self) -> None:
        """Take a slot back: the request has ended."""
        self._free += 1
        self._dispatch()

    def close(self) -> None:
        """Let every call through, to find that it is too late, and wake no more."""
        self._new.clear()
        self._planned.clear()
        self._due.clear()
        self._by_age.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for call in self._calls:
            if not call.done():
                self._free -= 1
                call.set_result(None)
        self._calls.clear()

    def _count_left(self) -> None:
        """Count one who has left: in the middle of a queue nobody can be taken out."""
        self._left += 1
        self._sweep()

    def _sweep(self) -> None:
        """Sweep out, now and then, the places of those who have left."""
        waiting = len(self._planned) + len(self._due) + len(self._new) + len(self._calls)
        if self._left <= 100 or self._left <= waiting // 2:
            return
        self._left = 0  # before: the collector may run in here, and let waits go that call this
        for queue in (self._planned, self._due):
            queue[:] = [one for one in tuple(queue) if one[2].ticket == one[1]]
            heapq.heapify(queue)
        by_age = tuple(self._by_age)
        self._by_age = deque(one for one in by_age if one[1].ticket and one[1].due == one[0])
        self._new = deque(one for one in tuple(self._new) if one[1].ticket == one[0])
        self._calls = deque(call for call in tuple(self._calls) if not call.done())

    def _dispatch(self) -> None:
        """Give slots to those whose turn it is, as many as there are."""
        if self._is_busy or not (self._calls or self._new or self._due or self._planned):
            return  # one that ended at once has given its slot back while they are handed out
        self._sweep()
        self._is_busy = True
        try:
            while self._free > 0:
                now = self._loop.time()
                if not (self._calls or self._new or self._due or self._has_due(now)):
                    if self._planned:
                        self._wake_at(self._planned[0][0])
                    return
                delay = self.bucket.delay(now)
                if delay:
                    if delay < math.inf:  # else it calls when there is one
                        self._wake_at(now + delay)
                    return
                # To nobody, where all who were due have left; then they are out of the queue now.
                any(next(self._turns)(now) for _ in range(3))
        finally:
            self._is_busy = False

    def _next_call(self, now: float) -> bool:
        """Give a slot to the first call; return whether there was one."""
        while self._calls:
            call = self._calls.popleft()
            if not call.done():
                self._use(now)
                call.set_result(None)
                return True
        return False

    def _next_new(self, now: float) -> bool:
        while self._new:
            ticket, request = self._new.popleft()
            if request.ticket == ticket:
                self._begin(request, now)
                return True
        return False

    def _next_planned(self, now: float) -> bool:
        request = self._pop_planned(now)
        if request is not None and not self._due and not self._has_due(now):
            self._begin(request, now)  # there is no choice, and nothing to work out
            return True
        if request is not None:
            self._line_up(request, now, is_new=True)
            self._gather(now)
        self._given += 1
        if self._given % FAIR_SHARE == 0:
            request = self._pop_oldest()
            if request is not None:
                self._left += 1
                self._begin(request, now)
                return True
        self._refresh(now)
        while self._due:
            _, ticket, request = heapq.heappop(self._due)
            if request.ticket == ticket:
                self._begin(request, now)
                return True
        return False

    def _pop_oldest(self) -> AnyRequest | None:
        """Take out the one that has been due for longest; its place by urgency becomes void."""
        while self._by_age:
            due, request = self._by_age.popleft()
            if request.ticket and request.due == due:
                return request
        return None

    def _has_due(self, now: float) -> bool:
        return bool(self._planned) and self._planned[0][0] <= now + EPSILON

    def _pop_planned(self, now: float) -> AnyRequest | None:
        """Take the one that has been due for longest out of those that are planned."""
        while self._has_due(now):
            _, ticket, request = heapq.heappop(self._planned)
            if request.ticket == ticket:
                return request
        return None

    def _gather(self, now: float) -> None:
        """Put those who have become due into the order of their urgency, not too many at once."""
        for _ in range(MAX_REFRESHED):
            request = self._pop_planned(now)
            if request is None:
                return
            self._line_up(request, now, is_new=True)

    def _line_up(self, request: AnyRequest, now: float, *, is_new: bool = False) -> None:
        if is_new:
            self._by_age.append((request.due, request))
        heapq.heappush(self._due, (-request.urgency(now), request.ticket, request))

    def _refresh(self, now: float) -> None:
        """Work out anew the urgency of a few who wait, all of them in turn."""
        for _ in range(min(MAX_REFRESHED, len(self._due) - 1)):
            if self._refreshed + 1 >= len(self._due):
                if now < self._round_at + ROUND:
                    return
                self._refreshed, self._round_at = -1, now
            self._refreshed += 1
            _, ticket, request = self._due[self._refreshed]
            if request.ticket == ticket:
                request.ticket = next(self._tickets)  # which makes the old place void
                self._line_up(request, now)
                self._left += 1

    def _begin(self, request: AnyRequest, now: float) -> None:
        self._use(now)
        request.ticket = 0
        self.start(request)

    def _use(self, now: float) -> None:
        self._free -= 1
        self.bucket.take(now)

    def _wake_at(self, moment: float) -> None:
        """See at a moment whose turn it is, unless we look earlier anyway."""
        if self._timer is not None:
            if self._wakes_at <= moment:
                return
            self._timer.cancel()
        self._wakes_at = moment
        self._timer = self._loop.call_at(moment, self._wake, context=self._context)

    def _wake(self) -> None:
        self._timer = None
        self._dispatch()
