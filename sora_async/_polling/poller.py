"""Who is asked next: one entry for each task, shared by all its waits; a wait's only retry loop."""

import asyncio
import contextvars
import logging
import math
from collections.abc import Awaitable, Callable

import attrs

from .._http.rate_limit import RateLimit
from .._http.request_queue import RequestQueue
from ..errors import (
    ClientClosedError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    SoraError,
)
from ..models import VideoTask
from ..schedule import History
from ..schedule.learning.memory import DurationHistory
from .decide import Decision, Done, GiveUp, Sleep, decide
from .fault_policy import EPSILON
from .learner import TaskLearner
from .polled_task import PolledTask, PollKey, Subscriber, WaitResult

logger = logging.getLogger("sora_async")

MAX_REFUSED = 1000
"""Tasks of which the last refusal is remembered."""

LATE = 0.001
"""Seconds after its moment at which a poll is late: time that no wait may be charged for."""


class Poller:
    """Polls the tasks of one client on one running loop."""

    def __init__(
        self,
        fetch: Callable[[str, VideoTask | None], Awaitable[VideoTask]],
        budget: RateLimit,
        memory: DurationHistory,
    ) -> None:
        self._fetch = fetch
        self._loop = asyncio.get_running_loop()
        self._entries: dict[PollKey, PolledTask] = {}
        self._flights: dict[asyncio.Task[None], PolledTask] = {}
        self.slots = RequestQueue[PolledTask](budget, self._take_off)
        self._served_at = self._asked_until = -math.inf
        self._refusal: ResponseError | None = None
        self._refused: dict[str, float] = {}
        self.is_closed = False
        self._lessons = TaskLearner(memory)
        self.is_acquainted = False

    def join(
        self, key: PollKey, waiter: Subscriber, previous: PolledTask | None, *, since: float
    ) -> PolledTask:
        """
        Return the entry that polls for a key, with one more who waits for it.

        Args:
            key: What to poll for.
            waiter: Who wants to know.
            previous: The entry this waiter has left before; polling goes on where it stopped.
            since: The moment it began to wait, which may be before this loop began.
        """
        entry = self._entries.get(key)
        if entry is None:
            entry = self._resume(previous) if previous else self._begin(key, since)
            self._entries[key] = entry
            self.slots.plan(entry, entry.due)
        entry.add(waiter)
        return entry

    def _begin(self, key: PollKey, since: float) -> PolledTask:
        now = self._loop.time()
        if since < now - EPSILON:
            return PolledTask(key, History(task_id=key.task_id, started=now, born=since))
        # The very number that the wait has: thousands of waits keep one each.
        return PolledTask(key, History(task_id=key.task_id, started=since))

    def _resume(self, entry: PolledTask) -> PolledTask:
        now = self._loop.time()
        entry.resume(now)
        entry.due = max(entry.due, now)
        return entry

    def leave(self, entry: PolledTask, waiter: Subscriber) -> None:
        """Take one who waits from an entry; the last one out stops the polling."""
        entry.remove(waiter)
        if not entry.waiters and self._entries.get(entry.key) is entry:
            del self._entries[entry.key]
            self._rest(entry)
            entry.left_at = self._loop.time()

    def silence(self) -> float:
        """Return the seconds for which the service wants to be left alone, by all waits."""
        return max(0.0, self._asked_until - self._loop.time())

    def refusal(self) -> ResponseError:
        """Return the error of a call that came in a silence: the one that asked for it."""
        assert self._refusal is not None
        return attrs.evolve(self._refusal, retry_after=self.silence())

    def note(self, task_id: str, seen: VideoTask | SoraError) -> None:
        """Take note of an answer to any request of the client: it may slow down all of them."""
        now, meter = self._loop.time(), self.slots.meter
        if isinstance(seen, VideoTask):
            self._served_at = now
            self.is_acquainted = True
            if self._refused:
                self._refused.pop(task_id, None)
            meter.note_good(now)
        elif isinstance(seen, RateLimitError | ServiceUnavailableError):
            self._note_refusal(task_id, seen, now)
        elif isinstance(seen, ResponseError):
            meter.note_good(now)

    def _note_refusal(self, task_id: str, seen: ResponseError, now: float) -> None:
        """Be silent and slower; not for a task that is refused again and again, alone of all."""
        before = self._refused.pop(task_id, math.inf)
        is_own = before < self._served_at
        self._refused[task_id] = now
        if len(self._refused) > MAX_REFUSED:
            del self._refused[next(iter(self._refused))]
        asked = seen.retry_after
        if is_own and asked:
            return
        if isinstance(seen, RateLimitError):
            self.slots.meter.note_limited(now, asked, is_again=before < math.inf)
        elif asked:
            self.slots.meter.keep_silent(now, asked)
        else:
            return
        self._refusal = seen
        if asked:
            self._asked_until = self.slots.meter.quiet_until

    async def close(self) -> None:
        """End every wait with :class:`ClientClosedError` and every request in flight."""
        self.is_closed = True
        for entry in list(self._entries.values()):
            self._settle(entry, _closed(entry.history))
        self.slots.close()
        flights = [flight for flight in self._flights if flight is not asyncio.current_task()]
        await asyncio.gather(self.slots.meter.close(), *flights, return_exceptions=True)

    def _take_off(self, entry: PolledTask) -> None:
        if self._entries.get(entry.key) is not entry:
            # Left while it was planned: the collector may drop the last waiter at any moment.
            self.slots.give_back()
            return
        self._excuse(entry)
        entry.number += 1
        polling = self._poll(entry, entry.number)
        name = f"poll {entry.key.task_id}"
        create = self._loop.create_task
        context = entry.context or contextvars.Context()
        flight = context.run(lambda: create(polling, name=name))
        if flight.done():  # an eager task (3.12) may have ended already
            self.slots.give_back()
            return
        entry.flight = flight
        self._flights[flight] = entry
        flight.add_done_callback(self._land)

    def _excuse(self, entry: PolledTask) -> None:
        """
        Charge a late poll to no outage and no grace.

        Time in which the service answers nobody counts all the same, unless it
        has asked for it: that is an outage, whoever waits for a slot meanwhile.
        """
        late = self._loop.time() - entry.due
        if late <= LATE:
            return
        late = min(late, max(self._served_at, self._asked_until) - entry.due)
        if late > 0:
            entry.excuse(late)

    def _land(self, flight: asyncio.Task[None]) -> None:
        entry = self._flights.pop(flight)
        if entry.flight is flight and flight.cancelled():
            # By a stranger, before its first step: nobody else would tell those who wait.
            self._settle(entry, _closed(entry.history))
        self.slots.give_back()

    async def _poll(self, entry: PolledTask, number: int) -> None:
        """Ask once and act on the answer; whatever goes wrong in here reaches those who wait."""
        seen: VideoTask | SoraError
        try:
            seen = await self._fetch(entry.key.task_id, entry.history.last)
        except SoraError as error:
            seen = _without_frames(error)
        except BaseException as stop:
            if entry.number == number:
                self._settle(entry, stop if isinstance(stop, Exception) else _closed(entry.history))
            if isinstance(stop, Exception):
                return
            raise
        if entry.number != number:
            return  # everybody has left, and the cancellation was lost on the way
        entry.flight = None
        try:
            self._decide(entry, seen)
        except Exception as bug:
            self._settle(entry, bug)

    def _decide(self, entry: PolledTask, seen: VideoTask | SoraError) -> None:
        before, now = entry.history, self._loop.time()
        self.note(entry.key.task_id, seen)
        if isinstance(seen, VideoTask):
            before = self._lessons.prepare(entry, seen, now)
        else:
            before = attrs.evolve(
                before,
                is_acquainted=before.is_acquainted or self.is_acquainted,
                served_at=self._served_at,
            )
        entry.history, decision = decide(
            before,
            seen,
            now=now,
            schedule=entry.key.schedule,
            patience=self._lessons.patience(entry, seen),
        )
        self.is_acquainted |= entry.history.is_acquainted
        _log(before, entry.history, decision, now=now)
        is_recovery = isinstance(seen, VideoTask) and before.fault is not None
        is_worse = before.fault is None or entry.history.faults > before.faults == 0
        if isinstance(seen, VideoTask) or is_worse:
            entry.news_at = now
            entry.recovered_after = now - before.fault_started if is_recovery else None
        if isinstance(decision, Sleep):
            self.slots.plan(entry, now + decision.seconds)
            self._tell(entry, decision, is_news=entry.news_at == now)
        else:
            self._lessons.learn(entry, before, decision, now)
            self._settle(entry, decision.task if isinstance(decision, Done) else decision.error)

    def _tell(self, entry: PolledTask, decision: Sleep, *, is_news: bool) -> None:
        if not is_news and decision.asked is None:
            return
        for waiter in tuple(entry.waiters):
            if is_news:
                waiter._publish()
            if decision.asked is not None:
                waiter._allow_silence(decision.asked)

    def _settle(self, entry: PolledTask, end: WaitResult) -> None:
        self._entries.pop(entry.key, None)
        self._rest(entry)
        waiters, entry.waiters = entry.waiters, ()
        for waiter in waiters:
            waiter._settle(end)

    def _rest(self, entry: PolledTask) -> None:
        self.slots.drop(entry)
        entry.rest()


def _without_frames(error: SoraError) -> SoraError:
    """Return a fault without the frames it came through, which hold the whole reply."""
    if error.__cause__ is not None:
        error.__cause__ = error.__cause__.with_traceback(None)
    return error.with_traceback(None)


def _closed(history: History) -> ClientClosedError:
    return ClientClosedError(history.task_id, history.last, 0.0, history.polls, history.fault)


def _log(before: History, after: History, decision: Decision, *, now: float) -> None:
    """Write one line of a poll at DEBUG, and one at WARNING where an outage begins or ends."""
    if after.faults == 1 and not before.faults and not isinstance(decision, GiveUp):
        logger.warning("task %s: degraded: %s", after.task_id, after.fault)
    elif before.faults and not after.faults:
        logger.warning(
            "task %s: recovered after %.1f s", after.task_id, now - before.outage_started
        )
    if logger.isEnabledFor(logging.DEBUG):
        seen = after.fault or (after.last and f"{after.last.phase} ({after.last.status})")
        then = (
            f"next in {decision.seconds:.2f} s"
            if isinstance(decision, Sleep)
            else type(decision).__name__
        )
        logger.debug("task %s: poll %d: %s; %s", after.task_id, after.polls, seen, then)
