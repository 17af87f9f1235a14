"""Who is asked next: one entry for each task, shared by all its waits; a wait's only retry loop."""

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable

import attrs

from ._entry import End, Entry, Key, Waiter
from .errors import (
    ClientClosedError,
    RateLimitedError,
    ServiceUnavailableError,
    SoraError,
)
from .models import VideoTask
from .schedule import History
from .verdict import Decision, Done, GiveUp, Sleep, step

logger = logging.getLogger("sora_async")

LONGEST_SHARED_SILENCE = 60.0
"""Seconds for which all waits keep a silence that one of them was asked for. That one keeps all
of it; but it may have been meant for one task, and the others must not run out of time for it."""

SPREAD = 1.0
"""Seconds over which the polls that a silence held back begin again."""


class Poller:
    """Polls the tasks of one client on one running loop."""

    def __init__(self, fetch: Callable[[str], Awaitable[VideoTask]]) -> None:
        self._fetch = fetch
        self._loop = asyncio.get_running_loop()
        self._entries: dict[Key, Entry] = {}
        self._flights: set[asyncio.Task[None]] = set()
        self._quiet_until = -math.inf
        self.is_acquainted = False

    def join(self, key: Key, waiter: Waiter, previous: Entry | None) -> Entry:
        """
        Return the entry that polls for a key, with one more who waits for it.

        Args:
            key: What to poll for.
            waiter: Who wants to know.
            previous: The entry this waiter has left before; polling goes on where it stopped.
        """
        entry = self._entries.get(key)
        if entry is None:
            now = self._loop.time()
            entry = previous or Entry(key, History(task_id=key.task_id, started=now))
            entry.resume(now)
            self._entries[key] = entry
            self._plan(entry, entry.due - now)
        entry.waiters.add(waiter)
        return entry

    def leave(self, entry: Entry, waiter: Waiter) -> None:
        """Take one who waits from an entry; the last one out stops the polling."""
        entry.waiters.discard(waiter)
        if not entry.waiters and self._entries.get(entry.key) is entry:
            del self._entries[entry.key]
            entry.rest()
            entry.left_at = self._loop.time()

    def silence(self) -> float:
        """Return the seconds for which the service wants to be left alone, by all waits."""
        return max(0.0, self._quiet_until - self._loop.time())

    async def close(self) -> None:
        """End every wait with :class:`ClientClosedError` and every request in flight."""
        for entry in list(self._entries.values()):
            self._settle(entry, _closed(entry.history))
        flights = [flight for flight in self._flights if flight is not asyncio.current_task()]
        await asyncio.gather(*flights, return_exceptions=True)

    def _plan(self, entry: Entry, delay: float) -> None:
        entry.due = self._loop.time() + max(0.0, delay)
        if entry.due < self._quiet_until:
            held_back = self._quiet_until - entry.due + random.uniform(0.0, SPREAD)
            entry.excuse(held_back)
            entry.due += held_back
        entry.timer = self._loop.call_at(entry.due, self._take_off, entry)

    def _take_off(self, entry: Entry) -> None:
        if self.silence() > 0:
            self._plan(entry, 0.0)
            return
        entry.timer = None
        entry.number += 1
        polling = self._poll(entry, entry.number)
        flight = self._loop.create_task(polling, name=f"poll {entry.key.task_id}")
        if not flight.done():  # pragma: no branch - an eager task (3.12) may have ended already
            entry.flight = flight
            self._flights.add(flight)
            flight.add_done_callback(self._flights.discard)

    async def _poll(self, entry: Entry, number: int) -> None:
        """Ask once and act on the answer; whatever goes wrong in here reaches those who wait."""
        seen: VideoTask | SoraError
        try:
            seen = await self._fetch(entry.key.task_id)
        except SoraError as error:
            seen = _without_frames(error)
        except BaseException as stop:
            if self._is_current(entry, number):
                self._settle(entry, stop if isinstance(stop, Exception) else _closed(entry.history))
            if isinstance(stop, Exception):
                return
            raise
        if not self._is_current(entry, number):
            return  # everybody has left, and the cancellation was lost on the way
        entry.flight = None
        try:
            self._decide(entry, seen)
        except Exception as bug:
            self._settle(entry, bug)

    def _is_current(self, entry: Entry, number: int) -> bool:
        """Return whether a poll is still the one its entry wants."""
        return self._entries.get(entry.key) is entry and entry.number == number

    def _decide(self, entry: Entry, seen: VideoTask | SoraError) -> None:
        before = entry.history
        if self.is_acquainted and not before.is_acquainted:
            before = attrs.evolve(before, is_acquainted=True)
        now = self._loop.time()
        entry.history, decision = step(
            before, seen, now=now, schedule=entry.key.schedule, patience=entry.key.patience
        )
        self.is_acquainted |= entry.history.is_acquainted
        if isinstance(seen, RateLimitedError | ServiceUnavailableError) and seen.retry_after:
            shared = min(seen.retry_after, LONGEST_SHARED_SILENCE)
            self._quiet_until = max(self._quiet_until, now + shared)
        _log(before, entry.history, decision, now=now)
        is_recovery = isinstance(seen, VideoTask) and before.fault is not None
        is_worse = before.fault is None or entry.history.faults > before.faults == 0
        if isinstance(seen, VideoTask) or is_worse:
            entry.news_at = now
            entry.recovered_after = now - before.fault_started if is_recovery else None
        if isinstance(decision, Sleep):
            self._plan(entry, decision.seconds)
            self._tell(entry, decision, is_news=entry.news_at == now)
        else:
            self._settle(entry, decision.task if isinstance(decision, Done) else decision.error)

    def _tell(self, entry: Entry, decision: Sleep, *, is_news: bool) -> None:
        for waiter in list(entry.waiters):
            if is_news:
                waiter._publish()
            if decision.asked is not None:
                waiter._allow_silence(decision.asked)

    def _settle(self, entry: Entry, end: End) -> None:
        self._entries.pop(entry.key, None)
        entry.rest()
        for waiter in list(entry.waiters):
            waiter._settle(end)


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
