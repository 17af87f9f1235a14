"""The create of a wait that begins with one."""

import asyncio
from collections.abc import Callable

from .._http.create import PendingCreate
from ..models import VideoTask
from ..schedule import History
from .decide import Done, GiveUp, Sleep, decide
from .polled_task import PolledTask, PollKey, WaitResult

StartCreate = Callable[[], PendingCreate[VideoTask]]


class PendingTask:
    """
    The create of one wait; it is sent at most once.

    Args:
        start: Sends it.
    """

    def __init__(self, start: StartCreate) -> None:
        self._start = start
        self._pending: PendingCreate[VideoTask] | None = None
        self._on_created: Callable[[VideoTask | BaseException], None] | None = None

    def resume(self, on_created: Callable[[VideoTask | BaseException], None]) -> None:
        """Start the create, or go on with it; *on_created* is called once, with its outcome."""
        self._on_created = on_created
        if self._pending is None or not self._pending.resume():
            self._pending = self._start()
            self._pending.task.add_done_callback(self._on_done)

    def detach(self) -> None:
        """Stop waiting. A create that may have been sent goes on, and its outcome is reported."""
        assert self._pending is not None
        self._pending.detach()

    def _on_done(self, task: "asyncio.Task[VideoTask]") -> None:
        pending = self._pending
        assert pending is not None and self._on_created is not None
        if pending.task is not task or pending.is_stopped:
            return  # stopped before it was sent; another one may have been started
        if task.cancelled():
            self._on_created(pending.error_when_cancelled())
        else:
            self._on_created(task.exception() or task.result())


def after_create(key: PollKey, created: VideoTask, now: float) -> PolledTask | WaitResult:
    """
    Return what to poll after a create, or how the wait ends that ends with it.

    Args:
        key: What to poll for.
        created: The task in the response to the create.
        now: The moment of the response.
    """
    # The response says when to poll first, and is no poll: the task may not be visible to polls
    # yet, and the grace period for that ends with the first snapshot.
    history = History(task_id=created.id, started=now)
    decision = decide(
        history.after_task(created, now=now),
        now=now,
        schedule=key.schedule,
        fault_policy=key.fault_policy,
        content_checked=True,  # by the first poll, if it comes to that
    )
    if isinstance(decision, Done | GiveUp):
        return decision.result
    assert isinstance(decision, Sleep)
    polled = PolledTask(key, history)
    polled.due = now + decision.seconds
    return polled
