"""What progress meant: the line from how long tasks took to how long their progress promised."""

import math
from typing import NamedTuple

import attrs

from ...models.repr import brief

LEVELS = 10
"""Progress is calibrated for each tenth of its own: a server may be honest in one only."""

FEWEST_MARKS = 4.0
"""With fewer, a line says nothing."""

SLOPE_DOUBT = 0.05
"""Invented squares of lengths without a slope: about one task 20 % off the mean."""

SCATTER_DOUBT = 0.04
"""The squared scatter, 20 %, of one invented mark."""

NARROWEST, WIDEST = 0.02, 0.5
"""No evidence is believed to be sharper than 2 %; what is vaguer than 50 % is none."""


class ProgressPoint(NamedTuple):
    """
    A move of progress.

    Attributes:
        age: The age of the task when it was seen, in seconds.
        progress: What it moved to, 0.0 to 1.0.
    """

    age: float
    progress: float

    @property
    def level(self) -> int:
        """The tenth it is in."""
        return min(LEVELS - 1, int(self.progress * LEVELS))

    @property
    def promise(self) -> float:
        """The logarithm of the whole length, were progress a straight line."""
        return math.log(max(self.age, 0.5) / min(max(self.progress, 0.01), 1.0))


class Likelihood(NamedTuple):
    """What a mark says of the logarithm of the whole length: a normal likelihood."""

    middle: float
    spread: float


@attrs.define
class DecayingRegression:
    """
    A fading regression of what was promised on what came, both as logarithms.

    Progress that is a constant, a jump or noise promises the same whatever
    comes: the slope is near 0, or the scatter wide, and it says nothing.

    Its sums are central moments, which can be updated and merged without loss. To
    read a line backwards, from promise to length, is called classical calibration.
    """

    __repr__ = brief

    weight: float = 0.0
    came: float = 0.0
    promised: float = 0.0
    came2: float = 0.0
    both: float = 0.0
    promised2: float = 0.0

    def add(self, came: float, promised: float, *, keep: float, weight: float = 1.0) -> None:
        """Learn from one mark of a finished task."""
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
        Return what a promise says of the length; None when it says next to nothing.

        A few invented sightings without a slope, and with a scatter of 20 %,
        stand in for those that are still missing.
        """
        if self.weight < FEWEST_MARKS or not self.came2 > 0.0:
            return None
        slope = self.both / (self.came2 + SLOPE_DOUBT)
        scatter = self.promised2 - 2 * slope * self.both + slope * slope * self.came2
        variance = (max(scatter, 0.0) + SCATTER_DOUBT) / (self.weight + 1.0)
        variance *= 1.0 + 2.0 / self.weight
        if slope <= 0.1:
            return None
        spread = max(math.sqrt(variance) / slope, NARROWEST)
        if spread > WIDEST:
            return None
        return Likelihood(self.came + (promised - self.promised) / slope, spread)

    def merge(self, other: "DecayingRegression") -> None:
        """Learn all that another line has learned."""
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
        """Forget what is more than so many marks."""
        if self.weight > most:
            keep = most / self.weight
            self.weight = most
            self.came2 *= keep
            self.both *= keep
            self.promised2 *= keep
