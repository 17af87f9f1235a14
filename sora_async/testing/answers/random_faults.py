"""Faults by chance: which requests go wrong, and how, as a seed decides."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Literal, get_args

import attrs

from ..server.recorded_request import RecordedRequest
from .answer import Answer
from .network_faults import reset, reset_midway, truncated
from .replies import html, http_error, slow

FaultName = Literal["429", "5xx", "html", "reset", "truncated", "slow"]

Usual = Callable[[], tuple[Answer, str]]
"""Makes the answer that a request gets if all goes well, and the id of the task it is about."""


@attrs.frozen(kw_only=True)
class RandomFaults:
    """
    What part of the requests goes wrong, by chance and yet the same on every run.

    The seed, the id and the number of a request among those of its kind for its task decide, so
    the third poll of a task has the same fate however many others are under way. "429", "5xx",
    "html" and half of "reset" come instead of the answer, and a script does not go on; "truncated",
    "slow" and the other half of "reset" are done to the answer itself, so a create that breaks may
    have made its task.

    Attributes:
        rates: The part of all requests that goes wrong in each way, from 0.0 to 1.0: "429" (without
            a Retry-After), "5xx" (500, 502, 503, 504 or 520), "html" (a web page, as 200 or 502),
            "reset" (before the reply, or in the middle of it), "truncated" (half of the body) and
            "slow" (1 to 5 seconds of silence first). Together they are 1.0 at most.
        seed: Another one makes another run.
    """

    rates: Mapping[str, float]
    seed: int = 0

    def __attrs_post_init__(self) -> None:
        for name, rate in self.rates.items():
            if name not in get_args(FaultName):
                known = ", ".join(get_args(FaultName))
                raise ValueError(f"random_faults is made of {known}; not {name!r}")
            if not 0.0 <= rate <= 1.0:
                raise ValueError(f"a rate is from 0.0 to 1.0, not {rate!r}")
        # The sum of ten times 0.1 is a little less than 1, and others are a little more.
        if sum(self.rates.values()) > 1.0 + 1e-9:
            raise ValueError("the rates add up to more than 1.0")


@attrs.define(eq=False)
class FaultDecision:
    """Chaos as one service has it, with the requests counted that have come."""

    _random_faults: RandomFaults | None
    _counts: Counter[tuple[str, str | None]] = attrs.field(factory=Counter)

    def forget(self) -> None:
        """Begin again, as if no request had come."""
        self._counts.clear()

    def answer(self, request: RecordedRequest, usual: Usual) -> tuple[Answer, str]:
        """Return the answer to a request, and the id of the task it is about."""
        if self._random_faults is None:
            return usual()
        subject = request.endpoint, request.task_id
        self._counts[subject] += 1
        # Of text, the generator makes the same numbers in every process.
        chance = random.Random(f"{self._random_faults.seed} {subject} {self._counts[subject]}")
        at, below = chance.random(), 0.0
        for name, rate in self._random_faults.rates.items():
            below += rate
            if at < below:
                return _strike(name, chance, request, usual)
        return usual()


def _strike(
    name: str, chance: random.Random, request: RecordedRequest, usual: Usual
) -> tuple[Answer, str]:
    """Return what goes wrong with a request that *name* has met."""
    task_id = request.task_id or ""
    is_early = chance.random() < 0.5
    match name:
        case "429":
            return http_error(429), task_id
        case "5xx":
            return http_error(chance.choice(_STATUSES)), task_id
        case "html":
            return html(200 if is_early else 502), task_id
        case "reset" if is_early:
            return reset(), task_id
    answer, task_id = usual()
    if name == "slow":
        return slow(chance.uniform(1.0, 5.0), answer), task_id
    return (reset_midway if name == "reset" else truncated)(answer), task_id


_STATUSES: Final = (500, 502, 503, 504, 520)
