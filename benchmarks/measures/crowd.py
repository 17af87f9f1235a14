"""
Thousands of waits in one process: what they cost while they last, and how late they end.

Callers come first and idle, each a task of its own, so that their memory is not the waits'. They
begin evenly over one interval. Once the server has seen each task, a window is measured; then every
task is finished within one interval, and each caller takes down when it got to know.
"""

import array
import asyncio
import gc
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import attrs

from ..contestants import open_calls
from ..processes import Figures, ask
from ..replies import make_id
from .gauges import Span, rank, read_memory, tell_by, watching_lag

_GROUP = 10
"""Callers that begin at once: few, or they would meet again in each round."""

_LOOK = 0.25
_STALL = 0.02
_PARTS = {"p50": 0.5, "p99": 0.99, "max": 1.0}


class Crowd:
    """
    Callers, each of whom waits for a task of its own.

    Attributes:
        known: When each of them got to know of its video; 0.0 for those who have not.
        faults: How often each error ended a wait.
    """

    def __init__(self, wait: Callable[[str], Awaitable[object]], count: int) -> None:
        loop = asyncio.get_running_loop()
        self.known = array.array("d", bytes(8 * count))
        self.faults: Counter[str] = Counter()
        self._wait = wait
        # One future for several callers: one each would count as memory of the callers.
        self._gates = [loop.create_future() for _ in range(0, count, _GROUP)]
        self.callers = [asyncio.create_task(self._call(number)) for number in range(count)]

    async def _call(self, number: int) -> None:
        await self._gates[number // _GROUP]
        try:
            await self._wait(make_id(number))
        except Exception as error:
            self.faults[f"{type(error).__name__}: {error}"[:200]] += 1
        else:
            self.known[number] = time.monotonic()

    async def begin(self, within: float) -> None:
        """Let all of them begin, evenly within some seconds."""
        start = time.monotonic()
        for number, gate in enumerate(self._gates):
            ahead = start + within * number / len(self._gates) - time.monotonic()
            # A loop that is late already gives its turn to no more than the gates that are due.
            if ahead > 0:
                await asyncio.sleep(ahead)
            gate.set_result(None)

    async def end(self, limit: float) -> None:
        """Wait until all have ended, or so many seconds."""
        await asyncio.wait(self.callers, timeout=limit)

    def report(self) -> Figures:
        """Return how they ended."""
        most = self.faults.most_common(1)
        return {
            "waits": len(self.callers),
            "finished": sum(1 for known in self.known if known),
            "failed": sum(self.faults.values()),
            **({"failure": most[0][0]} if most else {}),
        }


@attrs.frozen(kw_only=True)
class Plan:
    """
    How a crowd is measured; all lengths are seconds.

    Attributes:
        url: The server's address.
        count: The number of waits.
        interval: Between two polls of a wait.
        window: How long the measured window is.
        rate: Polls a second of all waits; None for no limit.
        grace_period: How much longer than two rounds the first one may take, and the last.
        is_frozen: Whether the garbage collector is told, once all waits are under way, to pass
            over all there is (``gc.freeze``), as a program with so many long waits may.
    """

    url: str
    count: int
    interval: float
    window: float
    rate: float | None = None
    grace_period: float
    is_frozen: bool = False

    @property
    def limit(self) -> float:
        """When a contestant that is not done never will be."""
        return 5 * self.round + self.window + 2 * self.grace_period

    @property
    def round(self) -> float:
        """The seconds in which each wait polls once."""
        return self.interval if self.rate is None else self.count / self.rate


def measure(contestant: str, **options: object) -> Figures:
    """Measure a crowd."""
    return asyncio.run(_measure(contestant, Plan(**options)))  # type: ignore[arg-type]


async def _measure(contestant: str, plan: Plan) -> Figures:
    async with open_calls(contestant, plan.url, interval=plan.interval, rate=plan.rate) as calls:
        crowd = Crowd(calls.wait, plan.count)
        await asyncio.sleep(0.1)  # every caller stands at its gate
        before = read_memory()
        whole = Span(plan.url)
        tell_by(plan.limit, lambda: {**whole.end(), **crowd.report()})
        await crowd.begin(plan.interval)
        seen = await _see_all(plan)
        # Two more rounds, for the first are those of the start.
        await asyncio.sleep(2 * plan.interval)
        if plan.is_frozen:
            gc.collect()
            gc.freeze()
        span = Span(plan.url)
        async with watching_lag() as late:
            await asyncio.sleep(plan.window)
        figures = span.end()
        memory = (read_memory() - before) / plan.count
        lag = {f"lag_{name}": rank(late, part) for name, part in _PARTS.items()}
        # A long lag is one sample among many short ones: this says how much of the time it took.
        lag["stalled"] = sum(one for one in late if one > _STALL) / figures["wall"]
        ask(plan.url, "finish", spread=plan.round)
        await crowd.end(2 * plan.round + plan.grace_period)
        return {
            **figures,
            **lag,
            **crowd.report(),
            "seen": seen,
            # A wait that has not polled yet has not got all that it needs.
            "memory": memory if seen == plan.count else None,
            "delay": _mean_delay(crowd, plan),
        }


async def _see_all(plan: Plan) -> int:
    """Wait until each task has been asked for, but not for ever; return how many have been."""
    deadline = time.monotonic() + 2 * plan.round + plan.grace_period
    while True:
        seen: int = ask(plan.url, "report")["tasks"]
        if seen == plan.count or time.monotonic() > deadline:
            return seen
        await asyncio.sleep(_LOOK)


def _mean_delay(crowd: Crowd, plan: Plan) -> float | None:
    """Return the mean time from a video being there to its caller knowing, over those who know."""
    there = ask(plan.url, "there")
    delays = [known - there[make_id(number)] for number, known in enumerate(crowd.known) if known]
    return sum(delays) / len(delays) if delays else None
