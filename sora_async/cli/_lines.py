"""Waits as plain lines, for pipes and logs: no colours, no control codes, full ids."""

import sys
from collections.abc import Iterable

from .. import ProgressEvent
from ._follow import Outcome, Show
from ._texts import find_address, find_phase, note, tell_part


class Lines(Show):
    """
    A line on stderr when the phase or the tenth of the progress changes, or trouble comes or goes.

    Args:
        task_ids: All that are waited for.
        prints_results: Whether the addresses of the videos are printed on stdout.
    """

    def __init__(self, task_ids: Iterable[str], *, prints_results: bool) -> None:
        super().__init__()
        self._names = name_columns(task_ids)
        self._prints_results = prints_results
        self._said: dict[str, object] = {}

    def event(self, event: ProgressEvent) -> None:
        """Print an event if it says more than the one before."""
        phase = find_phase(event)
        tenth = None if event.progress is None else int(event.progress * 10 + 1e-9)
        news = (phase, tenth, event.fault is None, event.recovered_after is None)
        if self._said.get(event.task.id) != news:
            self._said[event.task.id] = news
            self._print(event.task.id, event.elapsed, phase or "", event.progress, note(event))

    def settle(self, outcome: Outcome) -> None:
        """Print how a wait ended."""
        super().settle(outcome)
        if outcome.error is not None:
            self._print(outcome.task_id, outcome.elapsed, outcome.word, None, outcome.reason)
        elif self._prints_results:
            print_result(outcome, is_alone=len(self._names) == 1)

    def _print(
        self, task_id: str, elapsed: float, word: str, progress: float | None, text: str
    ) -> None:
        name = self._names[task_id]
        line = f"{elapsed:7.1f} s  {name}  {word:<9}  {tell_part(progress):>4}  {text}"
        print(line.rstrip(), file=sys.stderr, flush=True)


def print_result(outcome: Outcome, *, is_alone: bool) -> None:
    """Print the address of a video on stdout, behind its id unless only one was asked for."""
    address = find_address(outcome.task)
    print(address if is_alone else f"{outcome.task_id}\t{address}", flush=True)


def name_columns(task_ids: Iterable[str]) -> dict[str, str]:
    """Return the ids, each filled up with spaces to the length of the longest."""
    names = list(task_ids)
    width = max(map(len, names))
    return {name: name.ljust(width) for name in names}
