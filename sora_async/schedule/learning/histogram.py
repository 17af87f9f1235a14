"""A decaying histogram of durations on a logarithmic scale, and its smoothing."""

import bisect
import itertools
import math
from collections.abc import Sequence

import attrs

from ...models.repr import brief

STEP = 0.025
"""The width of a bin, as a logarithm: 2.5 %, finer than two polls of any task are apart."""

BINS = 456
"""As many as reach from 1 s to a day; what is shorter or longer falls into the first or last."""

EDGES = (0.0, *(math.exp(STEP * i) for i in range(1, BINS + 1)))

WIDTHS = tuple(high - low for low, high in itertools.pairwise(EDGES))

Masses = Sequence[float]
"""The probability of each bin; the sum is 1."""


def bin_of(length: float) -> int:
    """Return the bin of a length in seconds."""
    return 0 if length <= 1.0 else min(BINS - 1, int(math.log(length) / STEP))


def heavy_tailed(middle: float) -> Masses:
    """
    Return the prior of a duration of which nothing is known.

    The log-logistic distribution of shape 1: its hazard is 1 / (middle + t),
    so that whatever has not happened by t takes about as long again.
    """
    edges = [1.0 / (1.0 + edge / middle) for edge in EDGES[:-1]] + [0.0]
    return [before - after for before, after in itertools.pairwise(edges)]


@attrs.define
class DecayingHistogram:
    """
    How often each duration was observed; older observations weigh less.

    Attributes:
        weights: For each bin that has any.
        total: Their sum: how many observations it is worth.
    """

    __repr__ = brief

    weights: dict[int, float] = attrs.field(factory=dict)
    total: float = 0.0

    def fade(self, keep: float) -> None:
        """Scale all weights down; those that become negligible are dropped."""
        self.weights = {at: w * keep for at, w in self.weights.items() if w * keep > 1e-3}
        self.total = sum(self.weights.values())

    def add(self, after: float, before: float, prior: Masses, weight: float = 1.0) -> None:
        """
        Add one duration of which only two bounds are known.

        It is distributed over the bins between them by *prior*: one step of the
        self-consistent estimate. A wait that was cancelled has no upper bound.

        Source: Turnbull, "The empirical distribution function with arbitrarily
        grouped, censored and truncated data", J. R. Statist. Soc. B 38 (1976).

        Args:
            after: It was longer than this, in seconds.
            before: It was no longer than this; infinite if not known.
            prior: The distribution expected before.
            weight: How many observations this one is worth.
        """
        shares = dict(_overlaps(after, before, prior))
        whole = math.fsum(shares.values())
        if whole <= 0.0:
            shares, whole = {bin_of(after): 1.0}, 1.0
        for at, share in shares.items():
            self.weights[at] = self.weights.get(at, 0.0) + weight * share / whole
        self.total += weight

    def merge(self, other: "DecayingHistogram") -> None:
        """Add all observations of another histogram."""
        for at, weight in other.weights.items():
            self.weights[at] = self.weights.get(at, 0.0) + weight
        self.total += other.total

    def smooth(self, widest: float) -> Masses:
        """
        Return the density of what was counted, as masses; all zero for nothing.

        A kernel estimate in the logarithm of the length: Silverman's rule of
        thumb (1986, eq. 3.31) for the bandwidth, and as the kernel a two-sided
        exponential, applied twice, because its cost does not depend on its width.

        Args:
            widest: The bandwidth for one observation; more of them narrow it.
        """
        dense = [0.0] * BINS
        for at, weight in self.weights.items():
            dense[at] = weight / self.total
        if not self.weights:
            return dense
        bandwidth = min(widest, 0.9 * self._spread()) * self.total**-0.2
        variance = max(bandwidth / STEP, 1.0) ** 2 / 2
        pole = (variance + 1 - math.sqrt(2 * variance + 1)) / variance
        for _ in range(4):
            dense = _smooth_once(dense, pole)
            dense.reverse()
        whole = math.fsum(dense)
        return [mass / whole for mass in dense]

    def _spread(self) -> float:
        """Return the spread of the middle half, as the deviation of a normal distribution."""
        low, high = self._part(0.25), self._part(0.75)
        return (high - low + 1) * STEP / 1.349

    def _part(self, part: float) -> int:
        bins = sorted(self.weights)
        sums = list(itertools.accumulate(self.weights[at] for at in bins))
        return bins[min(bisect.bisect_left(sums, part * self.total), len(bins) - 1)]


def _overlaps(after: float, before: float, prior: Masses) -> list[tuple[int, float]]:
    """Return each bin between two durations, with its part of the prior distribution."""
    found = []
    for at in range(bin_of(after), bin_of(before) + 1 if before < math.inf else BINS):
        inside = min(before, EDGES[at + 1]) - max(after, EDGES[at])
        if inside > 0.0 or before <= after:
            found.append((at, prior[at] * max(inside, 1e-9) / WIDTHS[at]))
    return found


def _smooth_once(dense: list[float], pole: float) -> list[float]:
    """Return a one-sided exponential average, which remembers *pole* of itself at each bin."""
    gain, past, smoothed = 1.0 - pole, dense[0], []
    for mass in dense:  # a third of the time of itertools.accumulate with a function
        past = pole * past + gain * mass
        smoothed.append(past)
    return smoothed
