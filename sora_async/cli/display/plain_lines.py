"""Tasks as plain lines, for pipes and logs: no colours, no control codes, full ids."""

import asyncio
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

from ... import DownloadEvent, ProgressEvent
from .format import find_address, find_phase, note, tell_part, tell_size
from .pace import TransferRate
from .renderer import Renderer, RowEvent, RowOutcome, RowStage
from .totals import MANY, Totals

SUMMARY: Final = 30.0
"""Seconds between two sums of many tasks."""

BREATH: Final = 5.0
"""Seconds between two lines of one download."""


class PlainLines(Renderer):
    """
    A line on stderr when something has happened that is worth one.

    Of a few tasks, that is a new phase, a new tenth of the progress, and trouble that comes or
    goes. Of many it is an end, and from time to time how they are together.

    Args:
        names: Those that are known from the start.
        total: How many there will be in all; None: no more than those.
        prints_results: Whether addresses and paths are printed on stdout.
    """

    def __init__(
        self, names: Iterable[str] = (), *, total: int | None = None, prints_results: bool
    ) -> None:
        super().__init__()
        known = list(names)
        self._width = max(map(len, known), default=0)
        self._tally = Totals(len(known) if total is None else total, known)
        self._are_many = self._tally.total >= MANY
        self._is_alone = total is None and len(known) == 1
        self._prints_results = prints_results
        self._said: dict[str, object] = {}
        self._paces: dict[str, TransferRate] = {}
        self._began: dict[str, float] = {}
        self._started = 0.0
        self._ticker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to count the time."""
        self._started = asyncio.get_running_loop().time()
        if self._are_many:
            self._ticker = asyncio.create_task(self._sum_up())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the sums."""
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.wait([self._ticker])

    def begin(self, name: str, stage: RowStage) -> None:
        """Print that a task is being created; the other stages tell of themselves."""
        self._tally.begin(name, stage)
        self._began.setdefault(name, self._elapsed())
        if stage == "creating" and not self._are_many:
            self._print(name, 0.0, "creating", None, "")

    def event(self, name: str, event: RowEvent) -> None:
        """Print an event if it says more than the one before."""
        self._tally.event(name, event)
        if self._are_many:
            return
        if isinstance(event, DownloadEvent):
            self._tell_bytes(name, event)
        else:
            self._tell_wait(name, event)

    def _tell_wait(self, name: str, event: ProgressEvent) -> None:
        phase = find_phase(event)
        news = (
            phase,
            _tenth(event.progress),
            event.last_error is None,
            event.recovered_after is None,
        )
        if self._said.get(name) != news:
            self._said[name] = news
            self._print(name, event.elapsed, phase or "", event.progress, note(event))

    def _tell_bytes(self, name: str, event: DownloadEvent) -> None:
        pace = self._paces.setdefault(name, TransferRate())
        pace.take(event, now=self._elapsed())
        news = (event.last_error is None, int(event.elapsed / BREATH))
        is_whole = event.received == event.total
        if self._said.get(name) != news and (event.received or event.last_error) and not is_whole:
            self._said[name] = news
            part = event.received / event.total if event.total else None
            self._print(name, self._age(name), "download", part, pace.tell(now=self._elapsed())[0])

    def settle(self, outcome: RowOutcome) -> None:
        """Print how a task ended."""
        super().settle(outcome)
        self._tally.settle(outcome)
        name, text = outcome.name, outcome.reason
        if outcome.file is not None:
            text = tell_size(outcome.file.size)
            text += ", already there" if outcome.file.task is None else ""
        if outcome.error is not None or outcome.file is not None:
            self._print(name, outcome.elapsed, outcome.shown, None, text)
        if outcome.error is None and self._prints_results:
            print_result(outcome, is_alone=self._is_alone)
        for known in (self._said, self._paces, self._began):
            known.pop(name, None)

    def say(self, text: str) -> None:
        """Print a sentence."""
        print(text, file=sys.stderr, flush=True)

    async def _sum_up(self) -> None:
        while True:
            await asyncio.sleep(SUMMARY)
            parts = self._tally.sum_up(elapsed=self._elapsed())
            self.say(f"{self._elapsed():7.1f} s  {', '.join(parts)}")

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._started

    def _age(self, name: str) -> float:
        return self._elapsed() - self._began.get(name, 0.0)

    def _print(
        self, name: str, elapsed: float, word: str, progress: float | None, text: str
    ) -> None:
        self._width = max(self._width, len(name))
        head = f"{elapsed:7.1f} s  {name:<{self._width}}"
        self.say(f"{head}  {word:<9}  {tell_part(progress):>4}  {text}".rstrip())


def _tenth(progress: float | None) -> int | None:
    return None if progress is None else int(progress * 10 + 1e-9)


def print_result(outcome: RowOutcome, *, is_alone: bool) -> None:
    """Print where a video is on stdout, behind its id unless only one was asked for."""
    place = str(outcome.file.path) if outcome.file else find_address(outcome.task)
    print(place if is_alone else f"{outcome.task_id}\t{place}", flush=True)
