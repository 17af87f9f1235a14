"""The poll loop: one for each task, shared by all its waits; nothing else repeats a poll."""

import asyncio
import contextvars
import logging
import math

from .._http.foreign_errors import without_frames
from .._http.request import RequestSender
from .._http.request_queue import RequestQueue
from .._http.running_clock import RunningClock
from .._http.throttle import Throttle
from .._wire.size_limit import (
    MAX_KEPT_BODY,
    MAX_KEPT_IN_ALL,
    MAX_KEPT_TEXT,
    large_size,
    limit_size,
)
from ..errors import ClientClosedError, SoraError
from ..models import VideoTask
from ..schedule import History
from .decide import CheckContent, Decision, Done, GiveUp, Sleep, decide
from .fault_policy import EPSILON
from .learner import TaskLearner, has_task_ended
from .list_sweeper import ListSweeper
from .polled_task import PolledTask, PollKey, Subscriber, WaitResult

logger = logging.getLogger("sora_async")

LATE = 0.001
"""Seconds after its moment at which a poll is late, by the rate limit: that time counts for no
grace period and no outage."""


WEBHOOK_QUANTILE = 0.95
"""The part of the tasks of a kind that must have ended before one is polled without a webhook."""

WEBHOOK_INTERVAL = 15.0
"""Seconds between two polls after that, at least."""

LAST_POLL = 10.0
"""Seconds before the timeout of a wait at which its task is polled although no webhook came, or
the service has asked for a longer pause in a response with a task."""


class Poller:
    """
    Polls the tasks of one client on one loop.

    Args:
        requests: Sends polls.
        queue: Gives each poll its permit.
        throttle: Learns from each response.
        learner: Learns from each task.
        clock: Tells for how long the loop was held up.
        has_live_list: Whether the service's list shows the same status as polls.
    """

    def __init__(
        self,
        requests: RequestSender,
        queue: RequestQueue[PolledTask],
        throttle: Throttle,
        learner: TaskLearner,
        clock: RunningClock,
        *,
        has_live_list: bool = False,
    ) -> None:
        self._requests = requests
        self._loop = asyncio.get_running_loop()
        self._polled_tasks: dict[str, list[PolledTask]] = {}  # by the id of the task
        self._poll_tasks: dict[asyncio.Task[None], PolledTask] = {}
        self.queue = queue
        queue.start = self._start_poll
        self.throttle = throttle
        self.is_closed = False
        self._learner = learner
        self._webhooks_arrive = False
        self._kept_bytes = 0
        self._clock = clock
        self._list = None
        if has_live_list:
            self._list = ListSweeper(
                requests, self._all, self._poll_now, self._take_end, queue.schedule
            )

    def join(
        self,
        key: PollKey,
        subscriber: Subscriber,
        previous: PolledTask | None,
        *,
        since: float,
        expires_at: float = math.inf,
    ) -> PolledTask:
        """
        Return the polled task of a key, with one more wait.

        Args:
            key: What to poll for.
            subscriber: The wait.
            previous: The polled task that this wait has left before; polling goes on with it.
            since: The moment the wait began, which may be before this loop began.
            expires_at: The moment at which it ends by its timeout.
        """
        polled = self._find(key)
        if polled is None:
            if not self._polled_tasks:
                self._clock.start()
            held_up = self._clock.held_up()
            if previous is not None:
                polled = previous
                polled.resume(self._loop.time())
            else:
                polled = self._begin(key, since)
            polled.held_up = polled.held_up_before_poll = held_up
            self._polled_tasks.setdefault(key.task_id, []).append(polled)
            self.queue.schedule(polled, polled.due)
            if self._list is not None:
                self._list.start()
        polled.subscribers[subscriber] = None
        polled.expires_at = min(polled.expires_at, expires_at)
        return polled

    def _find(self, key: PollKey) -> PolledTask | None:
        for polled in self._polled_tasks.get(key.task_id, ()):
            if polled.key == key:
                return polled
        return None

    def _all(self) -> list[PolledTask]:
        return [polled for some in list(self._polled_tasks.values()) for polled in some]

    def _count_bytes(self, polled: PolledTask, kept: int) -> None:
        """Count the bytes of the large bodies that all waits keep."""
        self._kept_bytes += kept - polled.kept_bytes
        polled.kept_bytes = kept

    def _forget(self, polled: PolledTask) -> None:
        self._count_bytes(polled, 0)
        task_id = polled.key.task_id
        others = [one for one in self._polled_tasks.get(task_id, ()) if one is not polled]
        if others:
            self._polled_tasks[task_id] = others
        elif self._polled_tasks.pop(task_id, None) and not self._polled_tasks:
            self._clock.stop()

    def _begin(self, key: PollKey, since: float) -> PolledTask:
        now = self._loop.time()
        if since < now - EPSILON:
            return PolledTask(key, History(task_id=key.task_id, started=now, created_at=since))
        return PolledTask(key, History(task_id=key.task_id, started=now))

    @property
    def wait_count(self) -> int:
        """How many waits are polled for."""
        return sum(len(polled.subscribers) for polled in self._all())

    @property
    def outage_count(self) -> int:
        """How many tasks are in an outage."""
        return sum(_has_outage(polled.history) for polled in self._all())

    def leave(self, polled: PolledTask, subscriber: Subscriber) -> None:
        """Take away a wait, unless it has ended; the last one stops the polling."""
        if subscriber not in polled.subscribers:
            return
        del polled.subscribers[subscriber]
        if not polled.subscribers:
            self._forget(polled)
            self._stop(polled)
            polled.left_at = self._loop.time()

    def notify(self, task_id: str) -> bool:
        """
        Poll a task now, or again when the poll under way has ended, because a webhook has come.

        What the webhook says is not used: the poll alone tells how the task is. So one that is
        forged, sent twice or late costs at most one request.

        Returns:
            Whether the task is waited for.
        """
        polled_tasks = self._polled_tasks.get(task_id, ())
        for polled in polled_tasks:
            is_first = not polled.is_notified
            polled.is_notified = True
            # In an outage the next poll comes when the service may be back.
            if is_first and polled.poll_task is None and not _has_outage(polled.history):
                self.queue.schedule(polled, min(polled.due, self._loop.time()))
        return bool(polled_tasks)

    def is_outdated(self, polled: PolledTask) -> bool:
        """Return whether the loop was held up since the newest poll began that has ended."""
        return self._clock.held_up() > polled.held_up_before_poll

    def poll_early(self, polled: PolledTask) -> None:
        """Poll a task now, unless that is under way."""
        if polled.poll_task is None:
            self._poll_now(polled)

    async def close(self) -> None:
        """End every wait with :class:`ClientClosedError`, and cancel every poll."""
        self.is_closed = True
        for polled in self._all():
            self._finish(polled, _closed(polled.history))
        if self._list is not None:
            await self._list.close()
        self.queue.close()
        poll_tasks = [
            poll_task for poll_task in self._poll_tasks if poll_task is not asyncio.current_task()
        ]
        await asyncio.gather(self.queue.bucket.close(), *poll_tasks, return_exceptions=True)

    def _start_poll(self, polled: PolledTask) -> None:
        if not polled.subscribers:
            # The garbage collector may drop the last wait at any moment.
            self.queue.release()
            return
        self._shift_late_poll(polled)
        if not polled.checks_content:
            polled.ends_by_webhook, polled.is_notified = polled.is_notified, False
        polled.has_changed = False
        polled.polls_started += 1
        polling = self._request(polled, polled.polls_started)
        name = f"poll {polled.key.task_id}"
        context = polled.context or contextvars.Context()
        poll_task = context.run(self._loop.create_task, polling, name=name)
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
        before = polled.held_up
        polled.leave_out(self._clock.held_up())
        due = polled.due + polled.held_up - before
        late = self._loop.time() - due
        if late <= LATE:
            return
        late = min(late, max(self.throttle.last_success_at, self.throttle.retry_at) - due)
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
        held_up = polled.held_up
        try:
            outcome: VideoTask | SoraError | bool
            if polled.checks_content:
                outcome = await self._ask_for_content(polled)
            else:
                outcome = await self._ask_for_task(polled)
            if polled.polls_started != number:
                return  # all waits have left, and the cancellation was lost on the way
            polled.poll_task = None
            polled.held_up_before_poll = held_up
            # Read before the other clock: the loop may be held up between the two.
            now = self._loop.time()
            polled.leave_out(self._clock.held_up())
            if isinstance(outcome, bool):
                self._on_content(polled, outcome, now)
            else:
                self.throttle.counters.polls += 1
                self.throttle.record_response(polled.key.task_id, outcome)
                self._update(polled, outcome, now)
        except BaseException as stop:
            is_bug = isinstance(stop, Exception)
            if polled.polls_started == number:
                self._finish(polled, stop if is_bug else _closed(polled.history))
            if not is_bug:
                raise

    async def _ask_for_task(self, polled: PolledTask) -> VideoTask | SoraError:
        try:
            task = await self._requests.poll(polled.key.task_id, polled.history.last)
        except SoraError as error:
            return without_frames(error)
        has_room = self._kept_bytes < MAX_KEPT_IN_ALL
        return limit_size(task, most=MAX_KEPT_BODY if has_room else MAX_KEPT_TEXT)

    async def _ask_for_content(self, polled: PolledTask) -> bool:
        """Return whether the service has the file of a task that has succeeded without a URL."""
        polled.checks_content = False
        try:
            return await self._requests.has_content(polled.key.task_id)
        except SoraError as error:
            self.throttle.record_response(polled.key.task_id, without_frames(error))
            return False

    def _take_end(self, polled: PolledTask, task: VideoTask) -> None:
        """Take a video of the list for the end of a task, without a poll."""
        self._update(polled, task, self._loop.time(), is_listed=True)

    def _update(
        self,
        polled: PolledTask,
        outcome: VideoTask | SoraError,
        now: float,
        *,
        is_listed: bool = False,
    ) -> None:
        """Act on a snapshot or an error; one of the list stands for the check of the file, too."""
        before = polled.history
        if isinstance(outcome, VideoTask):
            before = self._learner.before_task(before, outcome, now)
            self._count_bytes(polled, large_size(outcome))
            polled.history = before.after_task(outcome, now=now)
        else:
            polled.history = before.after_error(
                outcome,
                now=now,
                last_success_at=self.throttle.last_success_at,
                is_planned=not polled.ends_by_webhook,
            )
        decision = self._decide(polled, now)
        if is_listed and isinstance(decision, CheckContent):
            assert polled.history.last is not None
            decision = Done(polled.history.last)
        _log(before, polled.history, decision, now)
        is_event = _is_event(before, polled.history)
        if is_event:
            polled.event_at = now
            polled.recovered_after = _recovered_after(before, polled.history, now)
        self._act(polled, before, decision, now)
        for subscriber in tuple(polled.subscribers):
            if is_event:
                subscriber._publish()
            if polled.history.outage is not None and isinstance(decision, Sleep):
                subscriber._on_retry_after(decision.retry_after or 0.0)

    def _on_content(self, polled: PolledTask, has_content: bool, now: float) -> None:
        task = polled.history.last
        assert task is not None
        logger.debug("task %s: /content %s", task.id, "has the file" if has_content else "refuses")
        if has_content and polled.content_refused:
            # The file came late. The URL may have come with it, after the last poll.
            polled.content_refused = False
            self._poll_now(polled)
            return
        polled.content_refused = not has_content
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
            self.queue.schedule(polled, now + self._delay(polled, decision, now))
        elif isinstance(decision, CheckContent):
            polled.checks_content = True
            self.queue.schedule(polled, now)
        else:
            if self._list is not None:
                has_video = isinstance(decision, Done)
                self._list.record_end(polled.key.task_id, has_video=has_video)
            self._learner.task_ended(before, decision, now)
            if polled.key.expects_webhook and has_task_ended(decision):
                self._record_webhook(polled)
            self._finish(polled, decision.result)

    def _delay(self, polled: PolledTask, decision: Sleep, now: float) -> float:
        """Return the seconds to the next poll, given webhooks and the timeout of the wait."""
        history = polled.history
        polled.awaits_webhook = False
        if history.outage is not None or history.succeeded_at is not None:
            return decision.seconds
        if polled.is_notified:
            return 0.0
        if polled.key.expects_webhook and self._webhooks_arrive:
            seconds = self._time_for_webhook(polled, now)
            polled.awaits_webhook = seconds > decision.seconds
            return max(decision.seconds, seconds)
        if decision.retry_after is not None:
            last_poll = polled.expires_at - now - LAST_POLL
            return last_poll if 0.0 < last_poll < decision.seconds else decision.seconds
        return (
            decision.seconds if self._list is None else self._list.stretch(polled, decision.seconds)
        )

    def _time_for_webhook(self, polled: PolledTask, now: float) -> float:
        """
        Return for how many seconds a webhook is awaited without a poll; 0.0 for none.

        That is until 95 % of such tasks have ended, or shortly before the wait's timeout, and some
        seconds after that. It is so only while webhooks do arrive: otherwise each task would be
        known as late as that.
        """
        age = polled.history.usual_age(WEBHOOK_QUANTILE)
        if age is None:
            return 0.0
        left = max(age - polled.history.age(now), WEBHOOK_INTERVAL)
        return min(left, polled.expires_at - now - LAST_POLL)

    def _record_webhook(self, polled: PolledTask) -> None:
        """Learn whether webhooks arrive; a task that was polled on schedule does not tell."""
        if polled.ends_by_webhook:
            self._webhooks_arrive = True
        elif polled.awaits_webhook:
            self._webhooks_arrive = False

    def _poll_now(self, polled: PolledTask) -> None:
        polled.has_changed = True
        self.queue.schedule(polled, self._loop.time())

    def _finish(self, polled: PolledTask, end: WaitResult) -> None:
        self._forget(polled)
        self._stop(polled)
        subscribers, polled.subscribers = polled.subscribers, {}
        for subscriber in subscribers:
            subscriber._finish(end)

    def _stop(self, polled: PolledTask) -> None:
        self.queue.cancel(polled)
        polled.stop_poll()


def _has_outage(history: History) -> bool:
    """Return whether the newest polls have failed, and not only because of a 404."""
    return history.outage is not None and history.outage.errors > 0


def _is_event(before: History, after: History) -> bool:
    """Return whether waits hear of a poll: of each snapshot, and of how an outage begins."""
    if after.outage is None or before.outage is None:
        return True
    return _has_outage(after) and not _has_outage(before)  # so far there were only 404s


def _recovered_after(before: History, after: History, now: float) -> float | None:
    """Return how long the outage lasted that a poll has ended; None if it has ended none."""
    if before.outage is None or after.outage is not None:
        return None
    return now - before.outage.first_error_at


def _closed(history: History) -> ClientClosedError:
    last_error = None if history.outage is None else history.outage.last_error
    return ClientClosedError(history.task_id, history.last, 0.0, history.polls, last_error)


def _log(before: History, after: History, decision: Decision, now: float) -> None:
    """Log a poll at DEBUG, and at WARNING where an outage begins or ends."""
    failed_before, failed = _has_outage(before), _has_outage(after)
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
