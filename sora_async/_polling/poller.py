"""The poll loop: one for each task, shared by all its waits; nothing else repeats a poll."""

import asyncio
import contextvars
import logging

from .._http.request import RequestSender
from .._http.request_queue import RequestQueue
from .._http.throttle import Throttle
from .._wire.size_limit import limit_size
from ..errors import ClientClosedError, SoraError
from ..models import VideoTask
from ..schedule import History
from .decide import CheckContent, Decision, Done, GiveUp, Sleep, decide
from .fault_policy import EPSILON
from .learner import TaskLearner
from .polled_task import PolledTask, PollKey, Subscriber, WaitResult

logger = logging.getLogger("sora_async")

LATE = 0.001
"""Seconds after its moment at which a poll is late, by the rate limit: that time counts for no
grace period and no outage."""


class Poller:
    """
    Polls the tasks of one client on one loop.

    Args:
        requests: Sends polls.
        queue: Gives each poll its permit.
        throttle: Learns from each response.
        learner: Learns from each task.
    """

    def __init__(
        self,
        requests: RequestSender,
        queue: RequestQueue[PolledTask],
        throttle: Throttle,
        learner: TaskLearner,
    ) -> None:
        self._requests = requests
        self._loop = asyncio.get_running_loop()
        self._polled_tasks: dict[PollKey, PolledTask] = {}
        self._poll_tasks: dict[asyncio.Task[None], PolledTask] = {}
        self.queue = queue
        queue.start = self._start_poll
        self.throttle = throttle
        self.is_closed = False
        self._learner = learner

    def join(
        self, key: PollKey, subscriber: Subscriber, previous: PolledTask | None, *, since: float
    ) -> PolledTask:
        """
        Return the polled task of a key, with one more wait.

        Args:
            key: What to poll for.
            subscriber: The wait.
            previous: The polled task that this wait has left before; polling goes on with it.
            since: The moment the wait began, which may be before this loop began.
        """
        polled = self._polled_tasks.get(key)
        if polled is None:
            if previous is not None:
                polled = previous
                polled.resume(self._loop.time())
            else:
                polled = self._begin(key, since)
            self._polled_tasks[key] = polled
            self.queue.schedule(polled, polled.due)
        polled.subscribers[subscriber] = None
        return polled

    def _begin(self, key: PollKey, since: float) -> PolledTask:
        now = self._loop.time()
        if since < now - EPSILON:
            return PolledTask(key, History(task_id=key.task_id, started=now, created_at=since))
        return PolledTask(key, History(task_id=key.task_id, started=now))

    @property
    def wait_count(self) -> int:
        """How many waits are polled for."""
        return sum(len(polled.subscribers) for polled in list(self._polled_tasks.values()))

    @property
    def outage_count(self) -> int:
        """How many tasks are in an outage."""
        outages = [polled.history.outage for polled in list(self._polled_tasks.values())]
        return sum(outage is not None and outage.errors > 0 for outage in outages)

    def leave(self, polled: PolledTask, subscriber: Subscriber) -> None:
        """Take away a wait; the last one stops the polling."""
        polled.subscribers.pop(subscriber, None)
        if not polled.subscribers and self._polled_tasks.get(polled.key) is polled:
            del self._polled_tasks[polled.key]
            self._stop(polled)
            polled.left_at = self._loop.time()

    async def close(self) -> None:
        """End every wait with :class:`ClientClosedError`, and cancel every poll."""
        self.is_closed = True
        for polled in list(self._polled_tasks.values()):
            self._finish(polled, _closed(polled.history))
        self.queue.close()
        poll_tasks = [
            poll_task for poll_task in self._poll_tasks if poll_task is not asyncio.current_task()
        ]
        await asyncio.gather(self.queue.bucket.close(), *poll_tasks, return_exceptions=True)

    def _start_poll(self, polled: PolledTask) -> None:
        if self._polled_tasks.get(polled.key) is not polled:
            # The garbage collector may drop the last wait at any moment.
            self.queue.release()
            return
        self._shift_late_poll(polled)
        polled.polls_started += 1
        polling = self._request(polled, polled.polls_started)
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
        Let the time by which a poll is late count for no outage and no grace period.

        Time in which the service answers nobody counts, unless it has asked for it: that
        is an outage, whoever waits for a permit meanwhile.
        """
        late = self._loop.time() - polled.due
        if late <= LATE:
            return
        late = min(late, max(self.throttle.last_success_at, self.throttle.retry_at) - polled.due)
        if late > 0:
            polled.history = polled.history.shift(late)

    def _on_poll_done(self, poll_task: asyncio.Task[None]) -> None:
        polled = self._poll_tasks.pop(poll_task)
        if polled.poll_task is poll_task and poll_task.cancelled():
            # By a stranger, before its first step: nothing else would tell the waits.
            self._finish(polled, _closed(polled.history))
        self.queue.release()

    async def _request(self, polled: PolledTask, number: int) -> None:
        """Send one request and act on its outcome; whatever goes wrong here reaches the waits."""
        try:
            if polled.checks_content:
                await self._check_content(polled, number)
            else:
                await self._poll(polled, number)
        except BaseException as stop:
            is_bug = isinstance(stop, Exception)
            if polled.polls_started == number:
                self._finish(polled, stop if is_bug else _closed(polled.history))
            if not is_bug:
                raise

    async def _poll(self, polled: PolledTask, number: int) -> None:
        outcome: VideoTask | SoraError
        try:
            task = await self._requests.poll(polled.key.task_id, polled.history.last)
            outcome = limit_size(task)
        except SoraError as error:
            outcome = _without_frames(error)
        if polled.polls_started != number:
            return  # all waits have left, and the cancellation was lost on the way
        polled.poll_task = None
        now = self._loop.time()
        self.throttle.counters.polls += 1
        self.throttle.record_response(polled.key.task_id, outcome)
        before = polled.history
        if isinstance(outcome, VideoTask):
            before = self._learner.before_task(before, outcome, now)
            polled.history = before.after_task(outcome, now=now)
        else:
            polled.history = before.after_error(
                outcome, now=now, last_success_at=self.throttle.last_success_at
            )
        decision = self._decide(polled, now)
        _log(before, polled.history, decision, now)
        is_event = _is_event(before, polled.history)
        if is_event:
            polled.event_at = now
            polled.recovered_after = _recovered_after(before, polled.history, now)
        self._act(polled, before, decision, now)
        for subscriber in tuple(polled.subscribers):
            if is_event:
                subscriber._publish()
            if isinstance(decision, Sleep) and decision.retry_after is not None:
                subscriber._on_retry_after(decision.retry_after)

    async def _check_content(self, polled: PolledTask, number: int) -> None:
        """Ask whether the service has the file of a task that has succeeded without a URL."""
        polled.checks_content = False
        task = polled.history.last
        assert task is not None
        try:
            has_content = await self._requests.has_content(task.id)
        except SoraError as error:
            self.throttle.record_response(polled.key.task_id, _without_frames(error))
            has_content = False
        if polled.polls_started != number:
            return
        polled.poll_task = None
        now = self._loop.time()
        logger.debug("task %s: /content %s", task.id, "has the file" if has_content else "refuses")
        decision = Done(task) if has_content else self._decide(polled, now, content_checked=True)
        self._act(polled, polled.history, decision, now)

    def _decide(self, polled: PolledTask, now: float, *, content_checked: bool = False) -> Decision:
        return decide(
            polled.history,
            now=now,
            schedule=polled.key.schedule,
            fault_policy=polled.key.fault_policy,
            service_seen=self.throttle.service_seen,
            content_checked=content_checked,
        )

    def _act(self, polled: PolledTask, before: History, decision: Decision, now: float) -> None:
        if isinstance(decision, Sleep):
            self.queue.schedule(polled, now + decision.seconds)
        elif isinstance(decision, CheckContent):
            polled.checks_content = True
            self.queue.schedule(polled, now)
        else:
            self._learner.task_ended(before, decision, now)
            self._finish(polled, decision.result)

    def _finish(self, polled: PolledTask, end: WaitResult) -> None:
        self._polled_tasks.pop(polled.key, None)
        self._stop(polled)
        subscribers, polled.subscribers = polled.subscribers, {}
        for subscriber in subscribers:
            subscriber._finish(end)

    def _stop(self, polled: PolledTask) -> None:
        self.queue.cancel(polled)
        polled.stop_poll()


def _is_event(before: History, after: History) -> bool:
    """Return whether waits hear of a poll: of each snapshot, and of how an outage begins."""
    if after.outage is None or before.outage is None:
        return True
    return before.outage.errors == 0 and after.outage.errors > 0  # so far there were only 404s


def _recovered_after(before: History, after: History, now: float) -> float | None:
    """Return how long the outage lasted that a poll has ended; None if it has ended none."""
    if before.outage is None or after.outage is not None:
        return None
    return now - before.outage.first_error_at


def _without_frames(error: SoraError) -> SoraError:
    """Return an error without the frames it came through, which hold the whole response."""
    if error.__cause__ is not None:
        error.__cause__ = error.__cause__.with_traceback(None)
    return error.with_traceback(None)


def _closed(history: History) -> ClientClosedError:
    last_error = None if history.outage is None else history.outage.last_error
    return ClientClosedError(history.task_id, history.last, 0.0, history.polls, last_error)


def _log(before: History, after: History, decision: Decision, now: float) -> None:
    """Log a poll at DEBUG, and at WARNING where an outage begins or ends."""
    failed_before = before.outage is not None and before.outage.errors > 0
    failed = after.outage is not None and after.outage.errors > 0
    if failed and not failed_before and not isinstance(decision, GiveUp):
        assert after.outage is not None
        logger.warning("task %s: degraded: %s", after.task_id, after.outage.last_error)
    elif failed_before and not failed:
        assert before.outage is not None
        recovered_after = now - before.outage.first_error_at
        logger.warning("task %s: recovered after %.1f s", after.task_id, recovered_after)
    if logger.isEnabledFor(logging.DEBUG):
        seen = after.last and f"{after.last.phase} ({after.last.status})"
        then = (
            f"next in {decision.seconds:.2f} s"
            if isinstance(decision, Sleep)
            else type(decision).__name__
        )
        error = after.outage and after.outage.last_error
        logger.debug("task %s: poll %d: %s; %s", after.task_id, after.polls, error or seen, then)
