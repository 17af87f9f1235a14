"""The durations of one kind of task: a small decaying summary, which can be merged and saved."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ...models.repr import brief
from .forecast import MIN_ENDS, Distribution, DurationForecast, efforts_of
from .histogram import BINS, DecayingHistogram, Masses, heavy_tailed
from .observations import CensoredDuration
from .progress_regression import LEVELS, DecayingRegression, ProgressPoint

TaskKind = tuple[str, ...]
"""What predicts how long a task takes: its model, size and seconds; () is any task."""

MEMORY = 80.0
"""How many ends count: an end k ends ago weighs exp(-k / MEMORY)."""

KEEP = math.exp(-1.0 / MEMORY)

PARENT_WEIGHT = 2.0
"""How many own ends the forecast of the wider kind is worth, as a prior."""

PRIOR_WEIGHT = 0.5
"""How many ends the heavy-tailed prior is worth: a floor under the hazard."""

FAILURE_VALUE = 0.4
"""The value of learning of a failure at once, where that of a video is 1."""

INITIAL_TRUST, SHARED_TRUST, MAX_ODDS = 0.25, 0.07, 20.0
"""The trust of a new model, the part of it that no end can change, and the largest odds of one
end."""

PRIOR = heavy_tailed(middle=100.0)
PRIOR_DISTRIBUTION = Distribution.of(PRIOR)


@attrs.define
class DurationModel:
    """
    The durations of one kind of task.

    Attributes:
        videos: Durations of the tasks with a video.
        failures: Durations of those that failed.
        lines: For each tenth of progress, the regression of the duration.
        silences: For each task with a video, the longest time without a change.
        trust: The probability, 0 to 1, that the forecast is better than the prior. It is not
            saved: a loaded model starts from `INITIAL_TRUST`.
    """

    __repr__ = brief

    videos: DecayingHistogram = attrs.field(factory=DecayingHistogram)
    failures: DecayingHistogram = attrs.field(factory=DecayingHistogram)
    lines: list[DecayingRegression] = attrs.field(
        factory=lambda: [DecayingRegression() for _ in range(LEVELS)]
    )
    silences: DecayingHistogram = attrs.field(factory=DecayingHistogram)
    trust: float = attrs.field(default=INITIAL_TRUST, eq=False)

    @property
    def weight(self) -> float:
        """How many ends it is based on."""
        return self.videos.total + self.failures.total

    def learn(self, ending: CensoredDuration, forecast: DurationForecast | None) -> None:
        """Add the end of a task; *forecast* is what was expected of it."""
        self.videos.fade(KEEP)
        self.failures.fade(KEEP)
        if ending.result == "failure":
            self.failures.add(ending.after, ending.before, PRIOR)
            return
        if forecast is not None:
            self._update_trust(ending, forecast)
        prior = PRIOR if forecast is None else forecast.videos.masses
        self.videos.add(ending.after, ending.before, prior)
        if ending.result == "video":
            log_duration = math.log(max((ending.after + ending.before) / 2.0, 0.5))
            self._learn_marks(ending.marks, log_duration)
            self.silences.fade(KEEP)
            self.silences.add(ending.silence, ending.silence, PRIOR)

    def _learn_marks(self, marks: tuple[ProgressPoint, ...], actual: float) -> None:
        for level, group in itertools.groupby(marks, key=lambda mark: mark.level):
            found = list(group)
            for number, mark in enumerate(found):
                keep = 1.0 if number else KEEP
                self.lines[level].add(actual, mark.promise, keep=keep, weight=1.0 / len(found))

    def _update_trust(self, ending: CensoredDuration, forecast: DurationForecast) -> None:
        """
        Update the trust by how well a video was forecast.

        The odds between the forecast and the prior follow Bayes' rule, but a part of the weight
        is shared at each step, so that one or two right forecasts restore it.

        Source: Herbster & Warmuth, "Tracking the best expert", Machine Learning 32 (1998).
        """
        told = forecast.videos.between(ending.after, ending.before)
        said = told / PRIOR_DISTRIBUTION.between(ending.after, ending.before)
        odds = min(max(said, 1.0 / MAX_ODDS), MAX_ODDS) * self.trust / (1.0 - self.trust)
        self.trust = SHARED_TRUST + (1.0 - 2.0 * SHARED_TRUST) * odds / (1.0 + odds)

    def merge(self, other: "DurationModel") -> None:
        """Add all that another model has learned; the trust stays as it is."""
        self.videos.merge(other.videos)
        self.failures.merge(other.failures)
        self.silences.merge(other.silences)
        for mine, theirs in zip(self.lines, other.lines, strict=True):
            mine.merge(theirs)
        self.bound()

    def bound(self) -> None:
        """Scale all weights down to `MEMORY`."""
        if self.weight > MEMORY:
            keep = MEMORY / self.weight
            self.videos.fade(keep)
            self.failures.fade(keep)
        if self.silences.total > MEMORY:
            self.silences.fade(MEMORY / self.silences.total)
        for line in self.lines:
            line.bound(MEMORY)

    def forecast(self, parent: DurationForecast | None) -> DurationForecast:
        """Return the forecast; the wider kind's forecast fills in what was not seen yet."""
        prior, prior_weight = (
            (PRIOR, PRIOR_WEIGHT) if parent is None else (parent.videos.masses, PARENT_WEIGHT)
        )
        videos = _mix(self.videos.smooth(0.15), self.videos.total, prior, prior_weight)
        failures = _mix(self.failures.smooth(0.5), self.failures.total, PRIOR, PRIOR_WEIGHT)
        failing = FAILURE_VALUE * (self.failures.total + PRIOR_WEIGHT)
        share = (self.videos.total + 1.0) / (self.videos.total + 1.0 + failing)
        lines = [
            mine if parent is None or mine.weight >= MIN_ENDS else parent.lines[level]
            for level, mine in enumerate(self.lines)
        ]
        ends = Distribution.of(_mix(videos, share, failures, 1.0 - share))
        return DurationForecast(
            weight=max(self.weight, parent.weight if parent else 0.0),
            videos=Distribution.of(videos),
            ends=ends,
            efforts=efforts_of(ends),
            share=share,
            lines=tuple(attrs.evolve(line) for line in lines),
            trust=self.trust,
            stall_after=self._stall_after(parent),
        )

    def _stall_after(self, parent: DurationForecast | None) -> float | None:
        if self.silences.total >= MIN_ENDS:
            masses = _mix(self.silences.smooth(0.3), self.silences.total, PRIOR, PRIOR_WEIGHT)
            return Distribution.of(masses).quantile(0.98, age=0.0)
        return parent.stall_after if parent else None

    def to_json(self) -> dict[str, Any]:
        """Return the saved form: numbers, text, lists and dicts."""
        return {
            "videos": _save_tally(self.videos),
            "failures": _save_tally(self.failures),
            "lines": [[float(f"{x:.6g}") for x in attrs.astuple(one)] for one in self.lines],
            "silences": _save_tally(self.silences),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "DurationModel":
        """
        Return what was saved.

        Raises:
            ValueError: A number is not what it can be; other errors for other damage.
        """
        lines = [DecayingRegression(*_read_numbers(one, 6)) for one in saved["lines"]]
        least = (min(one.weight, one.sxx, one.syy) for one in lines)
        if len(lines) != LEVELS or min(least) < 0.0:
            raise ValueError("lines that cannot be")
        videos, failures, silences = map(
            _read_tally, (saved["videos"], saved["failures"], saved["silences"])
        )
        record = cls(videos, failures, lines, silences)
        record.bound()
        return record


def _mix(ours: Masses, weight: float, theirs: Masses, other: float) -> Masses:
    a, b = weight / (weight + other), other / (weight + other)
    return [a * x + b * y for x, y in zip(ours, theirs, strict=True)]


def _save_tally(tally: DecayingHistogram) -> dict[str, float]:
    return {str(at): round(weight, 3) for at, weight in tally.weights.items()}


def _read_tally(saved: Mapping[str, Any]) -> DecayingHistogram:
    bins = [int(at) for at in saved]
    weights = _read_numbers(list(saved.values()), len(bins))
    if not all(0 <= at < BINS for at in bins) or min(weights, default=0.0) < 0.0:
        raise ValueError("a bin or a weight that cannot be")
    return DecayingHistogram(dict(zip(bins, weights, strict=True)), math.fsum(weights))


def _read_numbers(saved: Sequence[Any], count: int) -> list[float]:
    numbers = [float(one) for one in saved]
    if len(numbers) != count or not all(-1e9 < one < 1e9 for one in numbers):
        raise ValueError(f"{saved!r} are not {count} sensible numbers")
    return numbers
