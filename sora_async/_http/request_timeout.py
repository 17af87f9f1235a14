"""The time limits of requests: exact, and one timer for all that have the same length."""

import asyncio
import contextvars
from typing import Any

from .rate_limit import EPSILON


class Limit:
    """The time limit of one request, which runs in the task that made it."""

    __slots__ = ("cancelling", "ends_at", "is_over", "task")

    def __init__(self, task: asyncio.Task[Any], ends_at: float) -> None:
        self.task = task
        self.ends_at = ends_at
        self.cancelling = task.cancelling()
        self.is_over = False


class Limits:
    """
    The time limits of all requests of one kind under way.

    All have the same length, so they run out in the order in which they
    began, and one timer does for all of them.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._running: dict[Limit, None] = {}
        self._context = contextvars.Context()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> Limit:
        """Limit the running task from now on."""
        task = asyncio.current_task()
        assert task is not None
        limit = Limit(task, self._loop.time() + self.seconds)
        self._running[limit] = None
        if self._timer is None:
            self._timer = self._loop.call_at(
                limit.ends_at, self._end_those_over, context=self._context
            )
        return limit

    def stop(self, limit: Limit) -> bool:
        """Take a limit back, once; return whether it is what the request was cancelled for."""
        self._running.pop(limit, None)
        is_over, limit.is_over = limit.is_over, False
        return is_over and limit.task.uncancel() <= limit.cancelling

    def _end_those_over(self) -> None:
        self._timer = None
        now = self._loop.time()
        for limit in list(self._running):
            if limit.ends_at > now + EPSILON:
                self._timer = self._loop.call_at(
                    limit.ends_at, self._end_those_over, context=self._context
                )
                return
            del self._running[limit]
            limit.is_over = True
            limit.task.cancel()

    def close(self) -> None:
        """End the timer, unless there are calls that outlive their client."""
        if self._timer is not None and not self._running:
            self._timer.cancel()
            self._timer = None
