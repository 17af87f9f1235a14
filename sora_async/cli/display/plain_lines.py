"""Tasks as plain lines, for pipes and logs: no colours, no control codes, full ids."""

import asyncio
import sys
from collections.abc import Hashable, Iterable
from typing import Final, Self

from ... import DownloadEvent, Phase, ProgressEvent
from .clock import read_clock
from .format import format_line
from .messages import describe_event, explain_error, find_address
from .reporter import Reporter
from .rows import MANY, TaskRow, TaskRows, describe_result
from .states import Stage, TaskResult, TaskUpdate

SUMMARY_INTERVAL: Final = 30.0
"""Seconds between two summaries of many tasks."""

DOWNLOAD_INTERVAL: Final = 5.0
"""Seconds between two lines of one download."""


class LineReporter(Reporter):
    """
    Writes a line to stderr when something worth one happens.

    For fewer than ten tasks, that is a new state, a new tenth of the progress, and trouble that
    begins or ends. For more it is the end of each, and a summary every 30 seconds.

    Args:
        names: Tasks that are known from the start.
        total: How many there will be; None: those of *names*.
        prints_results: Whether addresses and paths are printed on stdout.
    """

    def __init__(
        self, names: Iterable[str] = (), *, total: int | None = None, prints_results: bool
    ) -> None:
        super().__init__()
        known = list(names)
        self._name_width = max(map(len, known), default=0)
        self._rows = TaskRows(known, total=total)
        self._are_many = self._rows.total >= MANY
        self._is_alone = total is None and len(known) == 1
        self._prints_results = prints_results
        self._printed: dict[str, Hashable] = {}
        self._summaries: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._rows.start_clock(read_clock())
        if self._are_many:
            self._summaries = asyncio.create_task(self._print_summaries())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._summaries is not None:
            self._summaries.cancel()
            await asyncio.wait([self._summaries])

    def start(self, name: str, stage: Stage) -> None:
        """Print that a task is being created; the other stages have events."""
        self._rows.start(name, stage, now=read_clock())
        if stage == "creating" and not self._are_many:
            self._print(name, 0.0, "creating", None, "")

    def update(self, name: str, update: TaskUpdate) -> None:
        """Print an event if it says more than the one before."""
        row = self._rows.update(name, update, now=read_clock())
        if self._are_many:
            return
        if isinstance(update, DownloadEvent):
            self._print_download(row, update)
        else:
            self._print_wait(row, update)

    def _print_wait(self, row: TaskRow, event: ProgressEvent) -> None:
        phase, progress = event.phase, event.progress
        note = describe_event(event)
        if phase is Phase.SUCCEEDED and not note:
            return  # its result says so, after a download if there is one
        tenth = None if progress is None else int(progress * 10 + 1e-9)
        shown = (phase, tenth, event.last_error is None, event.recovered_after is None)
        if self._printed.get(row.name) != shown:
            self._printed[row.name] = shown
            self._print(row.name, event.elapsed, phase or "waiting", progress, note)

    def _print_download(self, row: TaskRow, event: DownloadEvent) -> None:
        shown = (event.last_error is None, int(event.elapsed / DOWNLOAD_INTERVAL))
        is_whole = event.received == event.total
        if self._printed.get(row.name) == shown or is_whole:
            return
        if event.received or event.last_error:
            self._printed[row.name] = shown
            now = read_clock()
            note = row.describe(now)[0]
            self._print(row.name, row.elapsed(now), row.state, row.progress, note)

    def finish(self, result: TaskResult) -> None:
        """Print how a task ended."""
        super().finish(result)
        name = result.name
        self._rows.finish(name, result, now=read_clock())
        if result.error is not None:
            note = result.note or explain_error(result.error)
            self._print(name, result.elapsed, result.outcome, None, note)
        else:
            note = describe_result(result)[0]
            self._print(name, result.elapsed, result.outcome, 1.0, note)
            if self._prints_results:
                print_result(result, is_alone=self._is_alone)
        self._printed.pop(name, None)

    def say(self, text: str) -> None:
        """Print a sentence."""
        print(text, file=sys.stderr, flush=True)

    async def _print_summaries(self) -> None:
        while True:
            await asyncio.sleep(SUMMARY_INTERVAL)
            now = read_clock()
            summary = ", ".join(self._rows.summarize(now=now))
            self.say(f"{now - self._rows.started_at:7.1f} s  {summary}")

    def _print(
        self, name: str, elapsed: float, state: str, progress: float | None, note: str
    ) -> None:
        self._name_width = max(self._name_width, len(name))
        self.say(format_line(elapsed, f"{name:<{self._name_width}}", state, progress, note))


def print_result(result: TaskResult, *, is_alone: bool) -> None:
    """Print the video's path or address on stdout, after the id unless it is the only one."""
    place = str(result.file.path) if result.file else find_address(result.task)
    print(place if is_alone else f"{result.task_id}\t{place}", flush=True)
