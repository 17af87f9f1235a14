"""Many tasks at once, each told to a :class:`Renderer` from first to last."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from ... import (
    ClientClosedError,
    CreateOutcomeUnknownError,
    Download,
    DownloadEvent,
    ProgressEvent,
    SoraError,
    TaskFailedError,
    VideoFile,
    VideoTask,
    WaitInterruptedError,
    WaitTimeoutError,
    Watch,
)
from ..exit_codes import Exit
from .format import explain

OutcomeWord = Literal["succeeded", "failed", "timeout", "interrupted", "uncertain", "error"]

RowStage = Literal["creating", "waiting", "downloading"]

RowEvent = ProgressEvent | DownloadEvent


@dataclass(frozen=True, kw_only=True)
class RowOutcome:
    """
    How a task ended, as far as the command has to do with it.

    Attributes:
        task_id: "" where there is no task, as far as is known.
        last: The newest event of its wait; None when the service never answered.
        error: Why there is no video; None when there is one.
        elapsed: Seconds from its beginning to its end.
        file: The video on the disk, where that was asked for and is so.
        label: What its row is called; "" where that is its id.
        line: The line that ordered it in a file of orders, from 1.
    """

    task_id: str
    last: ProgressEvent | None
    error: SoraError | None
    elapsed: float
    file: VideoFile | None = None
    label: str = ""
    line: int | None = None

    @property
    def name(self) -> str:
        """What its row is called."""
        return self.label or self.task_id

    @property
    def word(self) -> OutcomeWord:
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
            case CreateOutcomeUnknownError():
                return "uncertain"
            case _:
                return "error"

    @property
    def shown(self) -> str:
        """The same for people: of a file one wants to hear that it is there."""
        return "saved" if self.file else self.word

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
        if isinstance(self.error, TaskFailedError):
            return self.error.task
        if self.last is not None:
            return self.last.task
        return self.file.task if self.file else None


class Renderer:
    """
    What is seen of tasks: nothing, until a subclass shows it.

    Attributes:
        outcomes: Of those that have ended, by the names of their rows, in that order.
    """

    def __init__(self) -> None:
        self.outcomes: dict[str, RowOutcome] = {}

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

    def begin(self, name: str, stage: RowStage) -> None:
        """Show that something begins with a task."""

    def event(self, name: str, event: RowEvent) -> None:
        """Show an event."""

    def settle(self, outcome: RowOutcome) -> None:
        """Show the end of a task."""
        self.outcomes[outcome.name] = outcome

    def say(self, text: str) -> None:
        """Show a sentence for people, in between."""


async def follow(
    watches: Iterable[Watch], show: Renderer, *, save: Callable[[Watch], Download] | None = None
) -> None:
    """
    Wait for all; each has an outcome in the end, also when this is cancelled.

    Args:
        watches: The waits.
        show: What shows them.
        save: Makes the download of a wait; None: the videos stay where they are.

    Raises:
        ExceptionGroup: The show failed; on a closed pipe, for one.
    """
    async with show, asyncio.TaskGroup() as group:
        for watch in watches:
            group.create_task(_follow_one(watch, show, save))


async def _follow_one(
    watch: Watch, show: Renderer, save: Callable[[Watch], Download] | None
) -> None:
    started = asyncio.get_running_loop().time()
    end: VideoFile | SoraError | None
    try:
        if save is None:
            end = await _tell(watch, watch, show)
        else:
            end = await _bring(save(watch), watch, show)
    except asyncio.CancelledError:
        show.settle(_end(watch, _interrupt(watch), started))
        raise
    show.settle(_end(watch, end, started))


async def _tell(source: Watch | Download, watch: Watch, show: Renderer) -> SoraError | None:
    """Show all events of a wait or a download, and return what it failed with."""
    try:
        async for event in source:
            show.event(watch.task_id or "", event)
    except SoraError as error:
        return error
    return None


async def _bring(download: Download, watch: Watch, show: Renderer) -> VideoFile | SoraError:
    """Wait for the task by way of its download, which looks first whether it can be saved."""
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(_tell(watch, watch, show))
        failure = await _tell(download, watch, show)
        telling.cancel()
    return failure or await download


def _end(watch: Watch, end: VideoFile | SoraError | None, started: float) -> RowOutcome:
    return RowOutcome(
        task_id=watch.task_id or "",
        last=watch.latest,
        error=end if isinstance(end, SoraError) else None,
        elapsed=asyncio.get_running_loop().time() - started,
        file=end if isinstance(end, VideoFile) else None,
    )


def _interrupt(watch: Watch) -> ClientClosedError:
    """Return the error that the wait would end with, were its client closed now."""
    last, task_id = watch.latest, watch.task_id or ""
    if last is None:
        return ClientClosedError(task_id)
    return ClientClosedError(task_id, last.task, last.elapsed, last.polls)


def exit_code(outcomes: Iterable[RowOutcome]) -> Exit:
    """Return what many outcomes come to: the worst counts, and money most."""
    words = {outcome.word for outcome in outcomes}
    if "uncertain" in words:
        return Exit.UNCERTAIN
    if words & {"failed", "error"}:
        return Exit.FAILED
    return Exit.TIMEOUT if "timeout" in words else Exit.OK
