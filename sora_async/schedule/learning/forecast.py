"""The forecast for one kind of task: when to poll, and how long it may still take."""

import bisect
import math
from itertools import accumulate

import attrs

from ...models.repr import brief
from .histogram import BINS, EDGES, STEP, WIDTHS, Masses, bin_of
from .progress_regression import DecayingRegression, Likelihood, ProgressPoint

MIN_ENDS = 5.0
"""Ends below which there is no forecast."""

PRIOR_WEIGHT = 0.05
"""The weight of the prior in the posterior: progress may mean nothing for this task."""

REACH = 3.5
"""Standard deviations beyond which a likelihood counts as 0."""


@attrs.frozen(eq=False)
class Distribution:
    """A distribution of durations: the probability of each bin, and of lasting beyond its start."""

    __repr__ = brief

    masses: Masses
    outlasts: Masses

    @classmethod
    def of(cls, masses: Masses) -> "Distribution":
        """Return the distribution with these probabilities."""
        after = list(accumulate(reversed(masses)))
        after.reverse()
        return cls(masses, after)

    def outlast(self, age: float) -> float:
        """Return the probability of lasting longer than an age."""
        at = bin_of(age)
        inside = min(1.0, (age - EDGES[at]) / WIDTHS[at])
        return max(1e-12, self.outlasts[at] - self.masses[at] * inside)

    def between(self, after: float, before: float) -> float:
        """Return the probability of a duration between two others, never 0."""
        if before == math.inf:
            return self.outlast(after)
        before = max(before, after * 1.001 + 0.01)
        return max(1e-9, self.outlast(after) - self.outlast(before))

    def quantile(self, part: float, *, age: float) -> float:
        """Return the age by which a part of the tasks that are not done at *age* will be done."""
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
    The forecast for one kind of task, prepared for quick evaluation.

    Attributes:
        weight: How many ends it is based on.
        videos: Time to the video of a task that will have one.
        ends: Time to a video or a failure; a failure is weighted by its value.
        efforts: For each bin, the integral of sqrt(f S) from its start on; divided by S,
            half its square is what polls times mean delay come to from there on.
        share: The part of the ends that are videos.
        lines: For each tenth of progress, the regression of the duration.
        trust: The probability, 0 to 1, that it is better than the prior.
        stall_after: Seconds without a change after which a task stalls: in 98 of 100 tasks
            something changes before; None if not known.
    """

    __repr__ = brief

    weight: float
    videos: Distribution = attrs.field(repr=False)
    ends: Distribution = attrs.field(repr=False)
    efforts: Masses = attrs.field(repr=False)
    share: float
    lines: tuple[DecayingRegression, ...] = attrs.field(repr=False)
    trust: float
    stall_after: float | None = None

    def price(self, age: float, delay: float) -> float:
        """
        Return the price of a poll at which the mean delay of the rest is *delay*.

        At a price c the mean delay is sqrt(c / 2) times the integral of
        sqrt(f S) / S, from Keller's density of polls.
        """
        effort = self.efforts[bin_of(age)] / self.ends.outlast(age)
        return 2.0 * (delay / max(effort, 1e-6)) ** 2

    @property
    def is_trusted(self) -> bool:
        """Whether it has lately been better than the prior."""
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
            mark: The newest change of its progress.
            price: The seconds of delay that one poll is worth.
            longest: The longest interval allowed.
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
        """Return the probability that a task which was running at *since* has ended by *age*."""
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
        """Return the seconds within which the video is there with a given probability."""
        evidence = self._evidence(age, mark)
        if evidence is None:
            return self.videos.quantile(part, age=age) - age
        sharp = self._posterior(age, evidence)
        sums = list(accumulate(sharp))
        goal = part * sums[-1]
        at = min(max(bisect.bisect_left(sums, goal), bin_of(age)), BINS - 1)
        missing = sums[at] - goal
        low = max(age, EDGES[at])
        inside = 1.0 - min(1.0, missing / max(sharp[at], 1e-15))
        return low + inside * (EDGES[at + 1] - low) - age

    def _posterior(self, age: float, evidence: Likelihood) -> list[float]:
        """Return the probabilities of the video after an age, given the evidence; not scaled."""
        start = bin_of(age)
        gain = self._gain(age, evidence) / self.share
        masses = [0.0] * BINS
        for at in range(start, BINS):
            likelihood = PRIOR_WEIGHT + gain * _likelihood_of(at, evidence)
            masses[at] = self.videos.masses[at] * likelihood
        masses[start] *= min(1.0, max(0.0, (EDGES[start + 1] - age) / WIDTHS[start]))
        return masses

    def _evidence(self, age: float, mark: ProgressPoint | None) -> Likelihood | None:
        """Return what the newest progress says, None if nothing or if it is refuted already."""
        if mark is None or mark.level == 0:  # a ratio to next to nothing is nothing
            return None
        evidence = self.lines[mark.level].read(mark.promise)
        if evidence is None or evidence.middle + REACH * evidence.spread <= math.log(max(age, 1.0)):
            return None
        return evidence

    def _gain(self, age: float, evidence: Likelihood | None) -> float:
        """Return the factor that keeps the sum of the probabilities after an age what it was."""
        if evidence is None:
            return 0.0
        low = max(bin_of(age), int((evidence.middle - REACH * evidence.spread) / STEP), 0)
        high = min(BINS, int((evidence.middle + REACH * evidence.spread) / STEP) + 1)
        masses = self.videos.masses
        matched = sum([masses[at] * _likelihood_of(at, evidence) for at in range(low, high)])
        if low == bin_of(age):
            matched -= (
                masses[low]
                * _likelihood_of(low, evidence)
                * min(1.0, (age - EDGES[low]) / WIDTHS[low])
            )
        return (1.0 - PRIOR_WEIGHT) * self.share * self.videos.outlast(age) / max(matched, 1e-12)

    def _mass(self, at: int, evidence: Likelihood | None, gain: float) -> float:
        if evidence is None:
            return self.ends.masses[at]
        mass = self.videos.masses[at]
        prior = self.ends.masses[at] - (1.0 - PRIOR_WEIGHT) * self.share * mass
        return prior + gain * mass * _likelihood_of(at, evidence)


def _likelihood_of(at: int, evidence: Likelihood) -> float:
    """Return the likelihood of a bin, 1 at the middle of the evidence."""
    away = ((at + 0.5) * STEP - evidence.middle) / evidence.spread
    return math.exp(-0.5 * away * away) if -REACH < away < REACH else 0.0
