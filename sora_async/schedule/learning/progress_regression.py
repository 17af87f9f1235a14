"""What progress says of the duration: a regression of promised on actual durations."""

import math
from typing import NamedTuple

import attrs

from ...models.repr import brief

LEVELS = 10
"""Progress is calibrated for each tenth apart: it may be meaningful in one only."""

MIN_POINTS = 4.0
"""Points below which a regression says nothing."""

SLOPE_DOUBT = 0.05
"""Prior sum of squares with slope 0: about one task 20 % off the mean."""

SCATTER_DOUBT = 0.04
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
    """

    __repr__ = brief

    weight: float = 0.0
    came: float = 0.0
    promised: float = 0.0
    came2: float = 0.0
    both: float = 0.0
    promised2: float = 0.0

    def add(self, came: float, promised: float, *, keep: float, weight: float = 1.0) -> None:
        """Add one point of a finished task."""
        self.weight = self.weight * keep + weight
        share = weight / self.weight
        dx, dy = came - self.came, promised - self.promised
        self.came += share * dx
        self.promised += share * dy
        grow = weight * (1.0 - share)
        self.came2 = self.came2 * keep + grow * dx * dx
        self.both = self.both * keep + grow * dx * dy
        self.promised2 = self.promised2 * keep + grow * dy * dy

    def read(self, promised: float) -> Likelihood | None:
        """
        Return what a promise says of the duration; None when it says too little.

        A prior with slope 0 and a scatter of 20 % stands for the points that are missing.
        """
        if self.weight < MIN_POINTS or not self.came2 > 0.0:
            return None
        slope = self.both / (self.came2 + SLOPE_DOUBT)
        scatter = self.promised2 - 2 * slope * self.both + slope * slope * self.came2
        variance = (max(scatter, 0.0) + SCATTER_DOUBT) / (self.weight + 1.0)
        variance *= 1.0 + 2.0 / self.weight
        if slope <= 0.1:
            return None
        spread = max(math.sqrt(variance) / slope, MIN_SPREAD)
        if spread > MAX_SPREAD:
            return None
        return Likelihood(self.came + (promised - self.promised) / slope, spread)

    def merge(self, other: "DecayingRegression") -> None:
        """Add all points of another regression."""
        if other.weight <= 0.0:
            return
        whole = self.weight + other.weight
        share = other.weight / whole
        dx, dy = other.came - self.came, other.promised - self.promised
        cross = self.weight * share
        self.came2 += other.came2 + cross * dx * dx
        self.both += other.both + cross * dx * dy
        self.promised2 += other.promised2 + cross * dy * dy
        self.came += share * dx
        self.promised += share * dy
        self.weight = whole

    def bound(self, most: float) -> None:
        """Scale the weight down to so many points."""
        if self.weight > most:
            keep = most / self.weight
            self.weight = most
            self.came2 *= keep
            self.both *= keep
            self.promised2 *= keep
