"""What is to be expected of one kind of task: when to look, and how long it may still take."""

import bisect
import math
from itertools import accumulate

import attrs

from ...models.repr import brief
from .histogram import BINS, EDGES, STEP, WIDTHS, Masses, bin_of
from .progress_regression import DecayingRegression, Likelihood, ProgressPoint

MIN_ENDS = 5.0
"""With fewer, nothing is known."""

DOUBT = 0.05
"""The part of a belief that progress can never change: it may have meant nothing this time."""

REACH = 3.5
"""How many deviations from its middle evidence is still looked at."""


@attrs.frozen(eq=False)
class Distribution:
    """A distribution of lengths: how likely each bin is, and to outlast the start of each."""

    __repr__ = brief

    masses: Masses
    outlasts: Masses

    @classmethod
    def of(cls, masses: Masses) -> "Distribution":
        """Return the curve of some masses."""
        after = list(accumulate(reversed(masses)))
        after.reverse()
        return cls(masses, after)

    def outlast(self, age: float) -> float:
        """Return how likely it is to take longer than an age."""
        at = bin_of(age)
        inside = min(1.0, (age - EDGES[at]) / WIDTHS[at])
        return max(1e-12, self.outlasts[at] - self.masses[at] * inside)

    def between(self, after: float, before: float) -> float:
        """Return how likely a length between two others is, never 0."""
        if before == math.inf:
            return self.outlast(after)
        before = max(before, after * 1.001 + 0.01)
        return max(1e-9, self.outlast(after) - self.outlast(before))

    def quantile(self, part: float, *, age: float) -> float:
        """Return the age by which a part will have come of what has not come yet."""
        left = self.outlast(age) * (1.0 - part)
        at = bisect.bisect_left(self.outlasts, -left, key=lambda one: -one) - 1
        at = min(max(at, 0), BINS - 1)
        inside = (self.outlasts[at] - left) / max(self.masses[at], 1e-15)
        return max(age, EDGES[at] + min(1.0, inside) * WIDTHS[at])


def efforts_of(ends: Distribution) -> Masses:
    """Return, for each bin, the integral of sqrt(f S) from its start on."""
    parts = [
        math.sqrt(mass * width * max(left - mass / 2.0, 0.0))
        for mass, left, width in zip(ends.masses, ends.outlasts, WIDTHS, strict=True)
    ]
    parts.reverse()
    after = list(accumulate(parts))
    after.reverse()
    return after


@attrs.frozen(kw_only=True, eq=False)
class DurationForecast:
    """
    All that was learned of one kind of task, made ready for quick answers.

    Attributes:
        weight: How many ends it rests on.
        videos: How long until a video, if there will be one.
        ends: How long until a video or a failure; a failure counts as much as it is worth.
        efforts: For each bin, the integral of sqrt(f S) from its start on; divided by S,
            half its square is what polls times mean delay come to from there on.
        share: How many of the ends are videos.
        lines: What progress meant, for each tenth.
        trust: How sure it is, from 0 to 1, that this beats knowing nothing.
        patience: The silence within which something moves in 98 of 100 tasks; None if not known.
    """

    __repr__ = brief

    weight: float
    videos: Distribution = attrs.field(repr=False)
    ends: Distribution = attrs.field(repr=False)
    efforts: Masses = attrs.field(repr=False)
    share: float
    lines: tuple[DecayingRegression, ...] = attrs.field(repr=False)
    trust: float
    patience: float | None = None

    def price(self, age: float, delay: float) -> float:
        """
        Return the price of a poll at which what still goes on is found *delay* late in the mean.

        At a price c the mean delay is sqrt(c / 2) times the integral of
        sqrt(f S) / S, from Keller's density of polls.
        """
        effort = self.efforts[bin_of(age)] / self.ends.outlast(age)
        return 2.0 * (delay / max(effort, 1e-6)) ** 2

    @property
    def is_trusted(self) -> bool:
        """Whether it has lately foretold better than one who knows nothing."""
        return self.weight >= MIN_ENDS and self.trust >= 0.5

    def next_look(
        self, age: float, mark: ProgressPoint | None, *, price: float, longest: float
    ) -> float:
        """
        Return the interval to the poll that is worth its price.

        Polls are best as dense as sqrt(h / 2c), h the hazard and c the price of
        a poll in seconds of delay: the interval is over when the integral of
        sqrt(h) has grown by sqrt(2c). Within a bin ends are spread evenly, and
        the integral has a closed form.

        Source: Barlow, Hunter & Proschan, "Optimum checking procedures", J. SIAM
        11 (1963); as a density of polls: Keller, "Optimum checking schedules for systems
        subject to random failure", Management Science 21 (1974).

        Args:
            age: The age of the task.
            mark: The newest move of its progress.
            price: The seconds of delay that one poll is worth.
            longest: The longest interval there may be.
        """
        need = math.sqrt(2.0 * price)
        outlast = self.ends.outlast(age)
        moment, evidence = age, self._evidence(age, mark)
        gain = self._gain(age, evidence)
        for at in range(bin_of(age), bin_of(age + longest) + 1):
            end = max(moment, min(EDGES[at + 1], age + longest))
            density = self._mass(at, evidence, gain) / WIDTHS[at]
            after = max(outlast - density * (end - moment), 1e-12)
            grown = 2.0 * (math.sqrt(outlast) - math.sqrt(after)) / math.sqrt(density + 1e-18)
            if grown >= need:
                root = math.sqrt(outlast) - need * math.sqrt(density) / 2.0
                return moment + (outlast - root * root) / density - age
            need -= grown
            outlast, moment = after, end
        return longest

    def chance(self, since: float, age: float, mark: ProgressPoint | None) -> float:
        """Return how likely a task that went on at one age has ended by a later one."""
        before = self.ends.outlast(since)
        evidence = self._evidence(since, mark)
        if evidence is None:
            return 1.0 - self.ends.outlast(age) / before
        gain = self._gain(since, evidence)
        mass = 0.0
        for at in range(bin_of(since), bin_of(age) + 1):
            inside = min(age, EDGES[at + 1]) - max(since, EDGES[at])
            mass += self._mass(at, evidence, gain) * max(0.0, inside) / WIDTHS[at]
        return min(1.0, mass / before)

    def remaining(self, part: float, age: float, mark: ProgressPoint | None) -> float:
        """Return the seconds within which the video comes with a given probability."""
        evidence = self._evidence(age, mark)
        if evidence is None:
            return self.videos.quantile(part, age=age) - age
        sharp = self._sharpened(age, evidence)
        sums = list(accumulate(sharp))
        goal = part * sums[-1]
        at = min(max(bisect.bisect_left(sums, goal), bin_of(age)), BINS - 1)
        missing = sums[at] - goal
        low = max(age, EDGES[at])
        inside = 1.0 - min(1.0, missing / max(sharp[at], 1e-15))
        return low + inside * (EDGES[at + 1] - low) - age

    def _sharpened(self, age: float, evidence: Likelihood) -> list[float]:
        """Return the videos' masses after an age in the light of evidence, not scaled to 1."""
        start = bin_of(age)
        gain = self._gain(age, evidence) / self.share
        masses = [0.0] * BINS
        for at in range(start, BINS):
            light = DOUBT + gain * _light(at, evidence)
            masses[at] = self.videos.masses[at] * light
        masses[start] *= min(1.0, max(0.0, (EDGES[start + 1] - age) / WIDTHS[start]))
        return masses

    def _evidence(self, age: float, mark: ProgressPoint | None) -> Likelihood | None:
        """Return what the newest mark says, unless it is silent or has been proven wrong."""
        if mark is None or mark.level == 0:  # a ratio to next to nothing is nothing
            return None
        evidence = self.lines[mark.level].read(mark.promise)
        if evidence is None or evidence.middle + REACH * evidence.spread <= math.log(max(age, 1.0)):
            return None
        return evidence

    def _gain(self, age: float, evidence: Likelihood | None) -> float:
        """Return the factor that keeps the sum of the videos after an age what it was."""
        if evidence is None:
            return 0.0
        low = max(bin_of(age), int((evidence.middle - REACH * evidence.spread) / STEP), 0)
        high = min(BINS, int((evidence.middle + REACH * evidence.spread) / STEP) + 1)
        masses = self.videos.masses
        lit = sum([masses[at] * _light(at, evidence) for at in range(low, high)])
        if low == bin_of(age):
            lit -= masses[low] * _light(low, evidence) * min(1.0, (age - EDGES[low]) / WIDTHS[low])
        return (1.0 - DOUBT) * self.share * self.videos.outlast(age) / max(lit, 1e-12)

    def _mass(self, at: int, evidence: Likelihood | None, gain: float) -> float:
        if evidence is None:
            return self.ends.masses[at]
        unlit = self.ends.masses[at] - (1.0 - DOUBT) * self.share * self.videos.masses[at]
        return unlit + gain * self.videos.masses[at] * _light(at, evidence)


def _light(at: int, evidence: Likelihood) -> float:
    """Return the likelihood of a bin, 1 at the middle of the evidence."""
    away = ((at + 0.5) * STEP - evidence.middle) / evidence.spread
    return math.exp(-0.5 * away * away) if -REACH < away < REACH else 0.0
