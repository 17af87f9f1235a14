"""Waits for many tasks at once, each told to a :class:`Show` from first to last."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from .. import (
    ClientClosedError,
    ProgressEvent,
    SoraError,
    TaskFailedError,
    VideoTask,
    WaitInterruptedError,
    WaitTimeoutError,
    Watch,
)
from ._exits import Exit
from ._texts import explain

Word = Literal["succeeded", "failed", "timeout", "interrupted", "error"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """
    How a wait ended.

    Attributes:
        last: The newest event; None when the service never answered.
        error: Why there is no video; None when there is one.
        elapsed: Seconds from the start of the wait to its end.
    """

    task_id: str
    last: ProgressEvent | None
    error: SoraError | None
    elapsed: float

    @property
    def word(self) -> Word:
        """The outcome in a word; one of the contract of ``--json``."""
        match self.error:
            case None:
                return "succeeded"
            case TaskFailedError():
                return "failed"
            case WaitTimeoutError():
                return "timeout"
            case ClientClosedError():
                return "interrupted"
            case _:
                return "error"

    @property
    def reason(self) -> str:
        """Why there is no video, in one line; "" when there is one."""
        return "" if self.error is None else explain(self.error)

    @property
    def goes_on(self) -> bool:
        """Whether only the wait has ended, and not the task."""
        return isinstance(self.error, WaitInterruptedError)

    @property
    def polls(self) -> int:
        """How many times the task was asked for."""
        return self.last.polls if self.last else 0

    @property
    def task(self) -> VideoTask | None:
        """The last snapshot."""
        return self.last.task if self.last else None


class Show:
    """
    What is seen of waits: nothing, until a subclass shows it.

    Attributes:
        outcomes: Those of the waits that have ended, in that order.
    """

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    async def __aenter__(self) -> Self:
        """Begin the show, before the first poll."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the show, after the last outcome."""

    def event(self, event: ProgressEvent) -> None:
        """Show an event."""

    def settle(self, outcome: Outcome) -> None:
        """Show the end of a wait."""
        self.outcomes[outcome.task_id] = outcome


async def follow(watches: Iterable[Watch], show: Show) -> None:
    """
    Wait for all; each has an outcome in the end, also when this is cancelled.

    Raises:
        ExceptionGroup: The show failed; on a closed pipe, for one.
    """
    async with show, asyncio.TaskGroup() as group:
        for watch in watches:
            group.create_task(_follow_one(watch, show))


async def _follow_one(watch: Watch, show: Show) -> None:
    started = asyncio.get_running_loop().time()
    ending: SoraError | None = None
    try:
        async for event in watch:
            show.event(event)
    except SoraError as error:
        ending = error
    except asyncio.CancelledError:
        show.settle(_end(watch, _interrupt(watch), started))
        raise
    show.settle(_end(watch, ending, started))


def _end(watch: Watch, error: SoraError | None, started: float) -> Outcome:
    elapsed = asyncio.get_running_loop().time() - started
    return Outcome(task_id=watch.task_id or "", last=watch.latest, error=error, elapsed=elapsed)


def _interrupt(watch: Watch) -> ClientClosedError:
    """Return the error that the wait would end with, were its client closed now."""
    last = watch.latest
    if last is None:
        return ClientClosedError(watch.task_id or "")
    return ClientClosedError(watch.task_id or "", last.task, last.elapsed, last.polls)


def exit_code(outcomes: Iterable[Outcome]) -> Exit:
    """Return what many outcomes come to: a failure counts more than a timeout."""
    words = {outcome.word for outcome in outcomes}
    if words & {"failed", "error"}:
        return Exit.FAILED
    return Exit.TIMEOUT if "timeout" in words else Exit.OK
