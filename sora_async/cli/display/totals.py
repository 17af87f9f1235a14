"""How far many tasks are as a whole: counts, rate and the time that is left."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, get_args

from ... import DownloadEvent
from .format import tell_seconds
from .renderer import RowEvent, RowOutcome, RowStage

ENDS: Final = ("succeeded", "saved", "failed", "error", "uncertain", "timeout", "interrupted")
"""The words of outcomes, in the order in which they are told, whichever came first."""

MANY: Final = 10
"""From so many tasks on, one wants to know how they are as a whole rather than each of them."""

_MADE: Final = 0.95
"""The part of the work that is done when the video is made and has to be fetched."""

_PATIENCE: Final = 10.0
"""Seconds before which a rate would be a guess."""


class Totals:
    """
    What is known of many tasks together.

    Args:
        total: How many there are.
        names: Those that have begun already.
    """

    def __init__(self, total: int, names: Iterable[str] = ()) -> None:
        self.total = total
        self.settled = 0
        self._ends: Counter[str] = Counter()
        self._parts: dict[str, float] = dict.fromkeys(names, 0.0)
        self._stages: dict[str, RowStage] = {}
        self._worked = 0
        self._is_closed = False

    @property
    def is_over(self) -> bool:
        """Whether all have ended."""
        return self.settled >= self.total

    def begin(self, name: str, stage: RowStage) -> None:
        """Take note that something begins."""
        self._parts.setdefault(name, 0.0)
        self._stages[name] = stage

    def event(self, name: str, event: RowEvent) -> None:
        """Take note of an event."""
        if isinstance(event, DownloadEvent):
            self.begin(name, "downloading")
            done = event.received / event.total if event.total else 0.0
            self._parts[name] = _MADE + (1.0 - _MADE) * min(done, 1.0)
        else:
            self._parts[name] = _MADE * (event.progress or 0.0)

    def settle(self, outcome: RowOutcome) -> None:
        """Take note of an end; what ended without having begun was done by an earlier run."""
        self.settled += 1
        self._ends[outcome.shown] += 1
        self._worked += self._parts.pop(outcome.name, None) is not None
        self._stages.pop(outcome.name, None)

    def close(self) -> None:
        """Take note that no more will come: nothing is foretold from now on."""
        self._is_closed = True

    def sum_up(self, *, elapsed: float) -> list[str]:
        """Return the parts of a sentence, so many seconds after the beginning."""
        parts = [f"{self.settled} of {self.total} settled", *count_up(self._ends, ENDS)]
        parts += count_up(Counter(self._stages.values()), get_args(RowStage))
        return parts + self._foretell(elapsed)

    def _foretell(self, elapsed: float) -> list[str]:
        """Return rate and time left, by the work done so far; what is half done counts half."""
        work = self._worked + sum(self._parts.values())
        if self.total < MANY or work < 1.0 or elapsed < _PATIENCE or self._is_closed:
            return []
        left = self.total - self.settled - sum(self._parts.values())
        a_minute = 60.0 * work / elapsed
        rate = f"{a_minute:.1f} a minute" if a_minute >= 1 else f"{60 * a_minute:.1f} an hour"
        return [rate, f"about {tell_seconds(left / work * elapsed)} left"]


def count_up(words: Counter[str], order: Iterable[str]) -> list[str]:
    """Return how many there are of each, of those that there are, in this order."""
    return [f"{words[word]} {word}" for word in order if words[word]]
