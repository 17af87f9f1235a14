"""One wait: awaitable for the finished task, async-iterable for its events; it has the timeout."""

import asyncio
import math
from collections.abc import Callable

import attrs

from .._http.late_timeout import HELD_UP, LATE_GRACE
from ..errors import ClientClosedError, WaitInterruptedError, WaitTimeoutError
from ..models import VideoTask
from ..schedule.history import furthest
from .create_first import PendingTask, after_create
from .decide import end_of_success
from .events import ETA, ProgressEvent
from .polled_task import PolledTask, PollKey, WaitResult
from .poller import Poller
from .shared_operation import NOT_BEGUN, SharedOperation


class Watch(SharedOperation[VideoTask, ProgressEvent]):
    """
    A wait for one task: await it for the finished task, iterate it for its events.

    Nothing is sent before the first of the two, and the timeout counts from
    there. Any number of consumers may await and iterate one watch, one after
    the other or at once: they share its polls, and what has been found stays
    found. When the last consumer leaves, by ``break``, an exception or
    cancellation, polling stops; a consumer that comes later goes on with it.

    A consumer that is slower than the polls gets the newest event and never a
    queue of old ones; the last event, with the finished task, is never left out.

    Made by :meth:`SoraClient.wait_until_complete <sora_async.SoraClient.wait_until_complete>`,
    and by :meth:`SoraClient.create_and_wait <sora_async.SoraClient.create_and_wait>`.
    That one creates its task at first, once: its first event is the response to the create. A
    create that was sent goes on when the last consumer leaves, and is not sent again for one that
    comes later.
    """

    __slots__ = (
        "_created",
        "_find_poller",
        "_follower",
        "_key",
        "_latest",
        "_pending_task",
        "_polled",
        "_poller",
        "_timeout",
        "_timer",
    )

    def __init__(
        self,
        find_poller: Callable[[], Poller],
        key: PollKey,
        *,
        timeout: float | None,
        already_waited: float = 0.0,
        pending_task: PendingTask | None = None,
    ) -> None:
        super().__init__(already_elapsed=already_waited)
        self._find_poller = find_poller
        self._key = key
        self._timeout = timeout
        self._timer: asyncio.TimerHandle | None = None
        self._pending_task = pending_task
        self._created: VideoTask | None = None
        self._poller: Poller | None = None
        self._polled: PolledTask | None = None
        self._latest: ProgressEvent | None = None
        self._follower: Callable[[Watch], None] | None = None

    @property
    def task_id(self) -> str | None:
        """
        The id that is asked for.

        None as long as a create has not been answered; it is known from the
        answer on, however the wait ends, and also if nobody waits by then.
        """
        return self._key.task_id or None

    @property
    def latest(self) -> ProgressEvent | None:
        """The newest event, None before the first one; reading it sends nothing."""
        polled, known = self._polled, self._latest
        if polled is None or polled.event_at is None:
            return known
        history, elapsed = polled.history, polled.event_at - self._started
        if known is not None and (known.polls, known.elapsed) == (history.polls, elapsed):
            return known
        left = history.time_left(polled.event_at)
        self._latest = ProgressEvent(
            task=history.last or self._created or VideoTask(id=history.task_id),
            progress=furthest(known.progress if known else None, history.progress),
            elapsed=max(0.0, elapsed),
            polls=history.polls,
            last_error=None if history.outage is None else history.outage.last_error,
            recovered_after=polled.recovered_after,
            eta=None if left is None else ETA(p50=left[0], p90=left[1]),
            stalled=history.is_stalled(polled.event_at),
        )
        return self._latest

    def __repr__(self) -> str:
        """Return the id and the newest event."""
        known = NOT_BEGUN if self._latest is None and self._polled is None else str(self.latest)
        return f"<Watch {self.task_id!r}: {known}>"

    async def result(self) -> VideoTask:
        """
        Return the finished task, as ``await watch`` does.

        This is a coroutine function, as :meth:`asyncio.TaskGroup.create_task` wants it.

        Raises:
            TaskFailedError: The task failed, was cancelled or expired.
            WaitTimeoutError: The timeout ran out; the task goes on.
            OutageError: The service did not answer for too long; the task goes on.
            SoraError: Any other reason why there will be no video; see :mod:`sora_async.errors`.
        """
        return await self

    def _follow(self, follower: Callable[["Watch"], None]) -> None:
        """Start without a consumer that awaits: *follower* is called for each event and the end."""
        self._follower = follower
        self._add_consumer()
        if self._version:
            follower(self)  # a wait that joined others has an event from the start

    def _unfollow(self) -> None:
        self._follower = None
        self._remove_consumer()

    def _advice_for_other_loop(self) -> str:
        return f"call wait_until_complete({self.task_id!r}) again in this one"

    def _start(self) -> None:
        assert self._loop is not None
        self._poller = self._find_poller()
        if self._pending_task is not None:
            self._pending_task.resume(self._on_created)
        else:
            self._join(self._poller, self._polled)
        if self._timeout is not None:
            self._timer = self._loop.call_at(self._started + self._timeout, self._on_timeout)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending_task is not None:
            self._pending_task.detach()
        elif self._polled is not None:
            assert self._poller is not None
            self._poller.leave(self._polled, self)

    def _join(self, poller: Poller, previous: PolledTask | None) -> None:
        """Have the task polled."""
        assert self._loop is not None
        expires_at = math.inf if self._timeout is None else self._started + self._timeout
        self._polled = poller.join(
            self._key, self, previous, since=self._started, expires_at=expires_at
        )
        if self._polled is not previous and self._polled.event_at is not None:
            self._version += 1
        # Not at once: an error that is raised without a pause would block a loop of retries.
        self._loop.call_soon(self._check_retry_after, poller.throttle.retry_after())

    def _on_created(self, outcome: VideoTask | BaseException) -> None:
        """Take the outcome of the create, whether somebody still waits or not."""
        self._pending_task = None
        if isinstance(outcome, VideoTask):
            self._created = outcome
            self._key = attrs.evolve(self._key, task_id=outcome.id)
        if self._has_ended:
            return
        if not isinstance(outcome, VideoTask):
            self._finish(outcome)
            return
        assert self._loop is not None
        now = self._loop.time()
        self._latest = ProgressEvent(
            task=outcome, progress=outcome.progress, elapsed=now - self._started, polls=0
        )
        try:
            next_step = after_create(self._key, outcome, now)
        except Exception as bug:  # of a user's schedule: it must reach the consumers
            next_step = bug
        if isinstance(next_step, PolledTask):
            self._begin_polling(next_step, now)
        else:
            self._finish(next_step)

    def _begin_polling(self, polled: PolledTask, now: float) -> None:
        """Poll a task that was just created, now or when somebody waits for it."""
        assert self._poller is not None and self._created is not None
        if self._consumers == 0:
            polled.left_at, self._polled = now, polled
        elif self._poller.is_closed:
            self._finish(ClientClosedError(self._created.id))
        else:
            self._join(self._poller, polled)
            self._publish()

    def _on_timeout(self) -> None:
        """
        End the wait because of its timeout, unless the event loop was held up since the last poll.

        Then one more tells first how the task is now, or a response that was not read yet.
        """
        assert self._loop is not None and self._timer is not None and self._poller is not None
        polled = self._polled
        is_late = self._loop.time() - self._timer.when() > HELD_UP
        if not is_late and (polled is None or not self._poller.is_outdated(polled)):
            self._expire(None)
            return
        self._timer = self._loop.call_later(LATE_GRACE, self._expire, None)
        if polled is not None:
            self._poller.poll_early(polled)

    def _expire(self, retry_after: float | None) -> None:
        """End the wait because of its timeout; with the task, where that has succeeded already."""
        if self._polled is None:
            self._finish(WaitTimeoutError(""))
            return
        history = self._polled.history
        ending = end_of_success(history, self._key.fault_policy)
        if ending is not None:
            self._finish(ending.result)
            return
        last_error = None if history.outage is None else history.outage.last_error
        self._finish(
            WaitTimeoutError(
                history.task_id, history.last, 0.0, history.polls, last_error, retry_after
            )
        )

    def _publish(self) -> None:
        """Wake those who iterate, and call the follower."""
        super()._publish()
        if self._follower is not None:
            self._follower(self)

    def _on_retry_after(self, seconds: float) -> None:
        """End the wait at once when the service asks for a longer pause than is left of it."""
        if seconds <= 0 or self._timer is None or self._loop is None:
            return
        if self._timer.when() < self._loop.time() + seconds:
            self._expire(seconds)

    def _check_retry_after(self, seconds: float) -> None:
        """Apply a pause from before the wait began, unless a poll is under way already."""
        if self._polled is not None and self._polled.poll_task is None:
            self._on_retry_after(seconds)

    def _finish(self, end: WaitResult) -> None:
        """Take the end of the wait and wake all consumers."""
        assert self._loop is not None
        if isinstance(end, WaitInterruptedError):
            elapsed = self._loop.time() - self._started
            end = attrs.evolve(end, elapsed=elapsed, last=end.last or self._created)
            if end.last_error is not None:
                end.__cause__ = end.last_error
        self._latest = self.latest
        self._stop()
        self._polled = None
        self._set_end(end)
        self._publish()
