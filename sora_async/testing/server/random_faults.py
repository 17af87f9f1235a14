"""Random faults: which requests go wrong, and how, as a seed decides."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Literal, get_args

import attrs

from ..answers.answer import Answer, html, http_error, slow
from ..answers.network_faults import reset, reset_midway, truncated
from .recorded_request import RecordedRequest

FaultName = Literal["429", "5xx", "html", "reset", "truncated", "slow"]

NormalAnswer = Callable[[], tuple[Answer, str]]
"""Makes the answer to a request that does not go wrong, and the id of its task."""


@attrs.frozen(kw_only=True)
class RandomFaults:
    """
    Which part of the requests goes wrong: random, and yet the same on every run.

    The seed, the id and the number of a request among those of its kind for its task decide, so
    the third poll of a task has the same result however many others are under way. "429", "5xx",
    "html" and half of "reset" replace the answer, and a script does not advance; "truncated",
    "slow" and the other half of "reset" are applied to the answer itself, so a create that breaks
    may have made its task.

    Attributes:
        rates: The part of all requests that goes wrong in each way, from 0.0 to 1.0: "429" (without
            a Retry-After), "5xx" (500, 502, 503, 504 or 520), "html" (a web page, as 200 or 502),
            "reset" (before the response, or in the middle of it), "truncated" (half of the body)
            and "slow" (a delay of 1 to 5 seconds first). Their sum is 1.0 at most.
        seed: The seed of the random numbers.
    """

    rates: Mapping[str, float]
    seed: int = 0

    def __attrs_post_init__(self) -> None:
        for name, rate in self.rates.items():
            if name not in get_args(FaultName):
                known = ", ".join(get_args(FaultName))
                raise ValueError(f"rates are of {known}; not {name!r}")
            if not 0.0 <= rate <= 1.0:
                raise ValueError(f"a rate is from 0.0 to 1.0, not {rate!r}")
        # The sum of ten times 0.1 is a little less than 1, and others are a little more.
        if sum(self.rates.values()) > 1.0 + 1e-9:
            raise ValueError("the rates add up to more than 1.0")


@attrs.define(eq=False)
class FaultInjector:
    """Applies random faults to the requests of one service, which it counts."""

    _random_faults: RandomFaults | None
    _counts: Counter[tuple[str, str | None]] = attrs.field(factory=Counter)

    def reset(self) -> None:
        """Start again, as if no request had come."""
        self._counts.clear()

    def answer(self, request: RecordedRequest, normal: NormalAnswer) -> tuple[Answer, str]:
        """Return the answer to a request, and the id of its task."""
        if self._random_faults is None:
            return normal()
        subject = request.endpoint, request.task_id
        self._counts[subject] += 1
        # Seeded with text, the generator makes the same numbers in every process.
        rng = random.Random(f"{self._random_faults.seed} {subject} {self._counts[subject]}")
        drawn, below = rng.random(), 0.0
        for name, rate in self._random_faults.rates.items():
            below += rate
            if drawn < below:
                return _inject(name, rng, request, normal)
        return normal()


def _inject(
    name: str, rng: random.Random, request: RecordedRequest, normal: NormalAnswer
) -> tuple[Answer, str]:
    """Return the faulty answer to a request, and the id of its task."""
    task_id = request.task_id or ""
    is_early = rng.random() < 0.5
    match name:
        case "429":
            return http_error(429), task_id
        case "5xx":
            return http_error(rng.choice(_STATUSES)), task_id
        case "html":
            return html(200 if is_early else 502), task_id
        case "reset" if is_early:
            return reset(), task_id
    answer, task_id = normal()
    if name == "slow":
        return slow(rng.uniform(1.0, 5.0), answer), task_id
    return (reset_midway if name == "reset" else truncated)(answer), task_id


_STATUSES: Final = (500, 502, 503, 504, 520)
