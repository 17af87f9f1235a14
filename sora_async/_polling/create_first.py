"""How the task of a watch comes to be: its create, and its first snapshot."""

import asyncio
from collections.abc import Callable

from .._http.create import PendingCreate
from ..models import VideoTask
from ..schedule import History
from .decide import Done, GiveUp, decide
from .polled_task import PolledTask, PollKey, WaitResult

StartCreate = Callable[[], PendingCreate[VideoTask]]


class PendingTask:
    """
    The create of one watch.

    Args:
        begin: Sends the order.
    """

    def __init__(self, begin: StartCreate) -> None:
        self._begin = begin
        self._pending: PendingCreate[VideoTask] | None = None
        self._tell: Callable[[VideoTask | BaseException], None] | None = None

    def hold(self, tell: Callable[[VideoTask | BaseException], None]) -> None:
        """Create the task, or go on with it; *tell* is called with what came of it, once."""
        self._tell = tell
        if self._pending is None or not self._pending.resume():
            self._pending = self._begin()
            self._pending.task.add_done_callback(self._end)

    def leave(self) -> None:
        """Wait no more. An order that has left goes on, and what comes of it is told."""
        assert self._pending is not None
        self._pending.detach()

    def _end(self, task: "asyncio.Task[VideoTask]") -> None:
        pending = self._pending
        if pending is None or pending.task is not task or pending.is_stopped or self._tell is None:
            return  # it was stopped before it left; another one may have begun
        self._tell(
            pending.error_when_cancelled()
            if task.cancelled()
            else task.exception() or task.result()
        )


def first_poll(key: PollKey, made: VideoTask, now: float) -> PolledTask | WaitResult:
    """
    Return what is to be polled after a create, or how the wait ends that ends with it.

    The create's answer says when, and is then forgotten: a task may not be
    visible to polls yet, and the patience with that ends with the first good answer.

    Args:
        key: What to poll for.
        made: The answer to the create.
        now: The moment it came.
    """
    history = History(task_id=made.id, started=now)
    _, decision = decide(
        history, made, now=now, schedule=key.schedule, fault_policy=key.fault_policy
    )
    if isinstance(decision, Done):
        return decision.task
    if isinstance(decision, GiveUp):
        return decision.error
    polled = PolledTask(key, history)
    polled.due = now + decision.seconds
    return polled
