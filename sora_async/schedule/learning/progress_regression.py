"""What progress says of the duration: a regression of promised on actual durations."""

import math
from typing import NamedTuple

import attrs

from ...models.repr import brief

LEVELS = 10
"""Progress is calibrated for each tenth apart: it may be meaningful in one only."""

MIN_POINTS = 4.0
"""Points below which a regression says nothing."""

PRIOR_SXX = 0.05
"""Prior sum of squares with slope 0: about one task 20 % off the mean."""

PRIOR_VARIANCE = 0.04
"""Prior variance of one point: a scatter of 20 %."""

MIN_SPREAD, MAX_SPREAD = 0.02, 0.5
"""A likelihood is never narrower than 2 %; one wider than 50 % is none."""


class ProgressPoint(NamedTuple):
    """
    A change of progress.

    Attributes:
        age: The age of the task when it was observed, in seconds.
        progress: The new value, 0.0 to 1.0.
    """

    age: float
    progress: float

    @property
    def level(self) -> int:
        """The tenth it is in."""
        return min(LEVELS - 1, int(self.progress * LEVELS))

    @property
    def promise(self) -> float:
        """The logarithm of the duration, if progress were linear."""
        return math.log(max(self.age, 0.5) / min(max(self.progress, 0.01), 1.0))


class Likelihood(NamedTuple):
    """What progress says of the logarithm of the duration: a normal likelihood."""

    middle: float
    spread: float


@attrs.define
class DecayingRegression:
    """
    A decaying regression of the promised on the actual duration, both as logarithms.

    Progress that is constant, jumps or is noise promises the same whatever the duration:
    the slope is near 0 or the scatter wide, and it says nothing.

    The sums are central moments, which can be updated and merged without loss. Reading the
    regression backwards, from promise to duration, is classical calibration.

    Attributes:
        weight: How many points there are.
        mean_x: The mean logarithm of the actual durations.
        mean_y: The mean logarithm of the promised ones.
        sxx: The sum of squares of the actual ones about their mean.
        sxy: The sum of products of both.
        syy: The sum of squares of the promised ones.
    """

    __repr__ = brief

    weight: float = 0.0
    mean_x: float = 0.0
    mean_y: float = 0.0
    sxx: float = 0.0
    sxy: float = 0.0
    syy: float = 0.0

    def add(self, x: float, y: float, *, keep: float, weight: float = 1.0) -> None:
        """Add one point of a finished task: the logarithms of its actual and promised duration."""
        self.weight = self.weight * keep + weight
        share = weight / self.weight
        dx, dy = x - self.mean_x, y - self.mean_y
        self.mean_x += share * dx
        self.mean_y += share * dy
        grow = weight * (1.0 - share)
        self.sxx = self.sxx * keep + grow * dx * dx
        self.sxy = self.sxy * keep + grow * dx * dy
        self.syy = self.syy * keep + grow * dy * dy

    def read(self, y: float) -> Likelihood | None:
        """
        Return what a promise, as a logarithm, says of the duration; None when that is too little.

        A prior with slope 0 and a scatter of 20 % stands for the points that are missing.
        """
        if self.weight < MIN_POINTS or not self.sxx > 0.0:
            return None
        slope = self.sxy / (self.sxx + PRIOR_SXX)
        scatter = self.syy - 2 * slope * self.sxy + slope * slope * self.sxx
        variance = (max(scatter, 0.0) + PRIOR_VARIANCE) / (self.weight + 1.0)
        variance *= 1.0 + 2.0 / self.weight
        if slope <= 0.1:
            return None
        spread = max(math.sqrt(variance) / slope, MIN_SPREAD)
        if spread > MAX_SPREAD:
            return None
        return Likelihood(self.mean_x + (y - self.mean_y) / slope, spread)

    def merge(self, other: "DecayingRegression") -> None:
        """Add all points of another regression."""
        if other.weight <= 0.0:
            return
        whole = self.weight + other.weight
        share = other.weight / whole
        dx, dy = other.mean_x - self.mean_x, other.mean_y - self.mean_y
        cross = self.weight * share
        self.sxx += other.sxx + cross * dx * dx
        self.sxy += other.sxy + cross * dx * dy
        self.syy += other.syy + cross * dy * dy
        self.mean_x += share * dx
        self.mean_y += share * dy
        self.weight = whole

    def bound(self, most: float) -> None:
        """Scale the weight down to so many points."""
        if self.weight > most:
            keep = most / self.weight
            self.weight = most
            self.sxx *= keep
            self.sxy *= keep
            self.syy *= keep
