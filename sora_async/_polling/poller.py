"""Who is asked next: one entry for each task, shared by all its waits; a wait's only retry loop."""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable

import attrs

from .._http.request_queue import RequestQueue
from .._http.throttle import Throttle
from ..errors import (
    ClientClosedError,
    SoraError,
)
from ..models import VideoTask
from ..schedule import History
from ..schedule.learning.duration_history import DurationHistory
from .decide import Decision, Done, GiveUp, Sleep, decide
from .fault_policy import EPSILON
from .learner import TaskLearner
from .polled_task import PolledTask, PollKey, Subscriber, WaitResult

logger = logging.getLogger("sora_async")

LATE = 0.001
"""Seconds after its moment at which a poll is late: time that no wait may be charged for."""


class Poller:
    """Polls the tasks of one client on one running loop."""

    def __init__(
        self,
        fetch: Callable[[str, VideoTask | None], Awaitable[VideoTask]],
        queue: RequestQueue[PolledTask],
        throttle: Throttle,
        duration_history: DurationHistory,
    ) -> None:
        self._fetch = fetch
        self._loop = asyncio.get_running_loop()
        self._polled_tasks: dict[PollKey, PolledTask] = {}
        self._poll_tasks: dict[asyncio.Task[None], PolledTask] = {}
        self.queue = queue
        queue.start = self._start_poll
        self.throttle = throttle
        self.is_closed = False
        self._learner = TaskLearner(duration_history)

    def join(
        self, key: PollKey, subscriber: Subscriber, previous: PolledTask | None, *, since: float
    ) -> PolledTask:
        """
        Return the entry that polls for a key, with one more who waits for it.

        Args:
            key: What to poll for.
            subscriber: Who wants to know.
            previous: The entry this waiter has left before; polling goes on where it stopped.
            since: The moment it began to wait, which may be before this loop began.
        """
        polled = self._polled_tasks.get(key)
        if polled is None:
            polled = self._resume(previous) if previous else self._begin(key, since)
            self._polled_tasks[key] = polled
            self.queue.plan(polled, polled.due)
        polled.add(subscriber)
        return polled

    def _begin(self, key: PollKey, since: float) -> PolledTask:
        now = self._loop.time()
        if since < now - EPSILON:
            return PolledTask(key, History(task_id=key.task_id, started=now, created_at=since))
        # The very number that the wait has: thousands of waits keep one each.
        return PolledTask(key, History(task_id=key.task_id, started=since))

    def _resume(self, polled: PolledTask) -> PolledTask:
        now = self._loop.time()
        polled.resume(now)
        polled.due = max(polled.due, now)
        return polled

    def leave(self, polled: PolledTask, subscriber: Subscriber) -> None:
        """Take one who waits from an entry; the last one out stops the polling."""
        polled.remove(subscriber)
        if not polled.subscribers and self._polled_tasks.get(polled.key) is polled:
            del self._polled_tasks[polled.key]
            self._rest(polled)
            polled.left_at = self._loop.time()

    async def close(self) -> None:
        """End every wait with :class:`ClientClosedError` and every request in flight."""
        self.is_closed = True
        for polled in list(self._polled_tasks.values()):
            self._finish(polled, _closed(polled.history))
        self.queue.close()
        flights = [
            poll_task for poll_task in self._poll_tasks if poll_task is not asyncio.current_task()
        ]
        await asyncio.gather(self.queue.bucket.close(), *flights, return_exceptions=True)

    def _start_poll(self, polled: PolledTask) -> None:
        if self._polled_tasks.get(polled.key) is not polled:
            # Left while it was planned: the collector may drop the last waiter at any moment.
            self.queue.release()
            return
        self._shift_late_poll(polled)
        polled.number += 1
        polling = self._poll(polled, polled.number)
        name = f"poll {polled.key.task_id}"
        create = self._loop.create_task
        context = polled.context or contextvars.Context()
        poll_task = context.run(lambda: create(polling, name=name))
        if poll_task.done():  # an eager task (3.12) may have ended already
            self.queue.release()
            return
        polled.poll_task = poll_task
        self._poll_tasks[poll_task] = polled
        poll_task.add_done_callback(self._on_poll_done)

    def _shift_late_poll(self, polled: PolledTask) -> None:
        """
        Charge a late poll to no outage and no grace.

        Time in which the service answers nobody counts all the same, unless it
        has asked for it: that is an outage, whoever waits for a slot meanwhile.
        """
        late = self._loop.time() - polled.due
        if late <= LATE:
            return
        late = min(late, max(self.throttle.last_success_at, self.throttle.retry_at) - polled.due)
        if late > 0:
            polled.shift_timers(late)

    def _on_poll_done(self, poll_task: asyncio.Task[None]) -> None:
        polled = self._poll_tasks.pop(poll_task)
        if polled.poll_task is poll_task and poll_task.cancelled():
            # By a stranger, before its first step: nobody else would tell those who wait.
            self._finish(polled, _closed(polled.history))
        self.queue.release()

    async def _poll(self, polled: PolledTask, number: int) -> None:
        """Ask once and act on the answer; whatever goes wrong in here reaches those who wait."""
        seen: VideoTask | SoraError
        try:
            seen = await self._fetch(polled.key.task_id, polled.history.last)
        except SoraError as error:
            seen = _without_frames(error)
        except BaseException as stop:
            if polled.number == number:
                self._finish(
                    polled, stop if isinstance(stop, Exception) else _closed(polled.history)
                )
            if isinstance(stop, Exception):
                return
            raise
        if polled.number != number:
            return  # everybody has left, and the cancellation was lost on the way
        polled.poll_task = None
        try:
            self._decide(polled, seen)
        except Exception as bug:
            self._finish(polled, bug)

    def _decide(self, polled: PolledTask, seen: VideoTask | SoraError) -> None:
        before, now = polled.history, self._loop.time()
        self.throttle.record_response(polled.key.task_id, seen)
        if isinstance(seen, VideoTask):
            before = self._learner.prepare(polled, seen, now)
        else:
            before = attrs.evolve(
                before,
                service_seen=before.service_seen or self.throttle.service_seen,
                served_at=self.throttle.last_success_at,
            )
        polled.history, decision = decide(
            before,
            seen,
            now=now,
            schedule=polled.key.schedule,
            fault_policy=self._learner.fault_policy(polled, seen),
        )
        self.throttle.service_seen |= polled.history.service_seen
        _log(before, polled.history, decision, now=now)
        is_recovery = isinstance(seen, VideoTask) and before.fault is not None
        is_worse = before.fault is None or polled.history.faults > before.faults == 0
        if isinstance(seen, VideoTask) or is_worse:
            polled.news_at = now
            polled.recovered_after = now - before.fault_started if is_recovery else None
        if isinstance(decision, Sleep):
            self.queue.plan(polled, now + decision.seconds)
            self._tell(polled, decision, is_news=polled.news_at == now)
        else:
            self._learner.learn(polled, before, decision, now)
            self._finish(polled, decision.task if isinstance(decision, Done) else decision.error)

    def _tell(self, polled: PolledTask, decision: Sleep, *, is_news: bool) -> None:
        if not is_news and decision.asked is None:
            return
        for subscriber in tuple(polled.subscribers):
            if is_news:
                subscriber._publish()
            if decision.asked is not None:
                subscriber._allow_silence(decision.asked)

    def _finish(self, polled: PolledTask, end: WaitResult) -> None:
        self._polled_tasks.pop(polled.key, None)
        self._rest(polled)
        subscribers, polled.subscribers = polled.subscribers, ()
        for subscriber in subscribers:
            subscriber._finish(end)

    def _rest(self, polled: PolledTask) -> None:
        self.queue.drop(polled)
        polled.rest()


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
