"""What could be had if the distribution of durations were known: by dynamic programming."""

import itertools
import math
from collections.abc import Sequence

from .durations import DURATIONS, SMOOTHING

LAST = 700
"""The grid in seconds, which no drawn duration leaves."""


def known_density() -> list[float]:
    """Return how likely each second is, of the very distribution that tasks are drawn from."""
    masses = [0.0] * LAST
    for middle, at in itertools.product(DURATIONS, range(1, LAST)):
        away = math.log(at / middle) / SMOOTHING
        if abs(away) < 6:
            masses[at] += math.exp(-away * away / 2) / at
    whole = math.fsum(masses)
    return [mass / whole for mass in masses]


def best(price: float, masses: Sequence[float]) -> tuple[float, float]:
    """
    Return the polls and the mean delay of the best plan, with the poll at its beginning.

    Args:
        price: The seconds of delay that one poll is worth.
        masses: How likely each second is.
    """
    below = list(itertools.accumulate(masses, initial=0.0))
    moments = list(itertools.accumulate((at * mass for at, mass in enumerate(masses)), initial=0.0))
    cost, plan = [0.0] * (LAST + 1), [LAST] * (LAST + 1)
    for at in range(LAST - 1, -1, -1):
        left = price * (1 - below[at])
        options = (
            left + to * (below[to] - below[at]) - (moments[to] - moments[at]) + cost[to]
            for to in range(at + 1, LAST + 1)
        )
        cost[at], plan[at] = min(zip(options, range(at + 1, LAST + 1), strict=True))
    polls, late, at = 1.0, 0.0, 0
    while at < LAST:
        to = plan[at]
        polls += 1 - below[at]
        # Within a second, ends are spread evenly: half of it is late on the mean.
        late += (to - 0.5) * (below[to] - below[at]) - (moments[to] - moments[at])
        at = to
    return polls, late
