"""What is read off a process while it works: its memory, its CPU, how late its loop is."""

import asyncio
import contextlib
import gc
import json
import os
import resource
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import attrs

from ..processes import Figures, ask

_STATM = Path("/proc/self/statm")
_SCHEDSTAT = Path("/proc/self/schedstat")
_TICK = 0.01


def tell(figures: Figures) -> NoReturn:
    """
    Print what was found as one line, and end the process without any ado.

    Some clients take minutes to give up ten thousand waits, after all has been said.
    """
    print(json.dumps(figures), flush=True)
    os._exit(0)


def tell_by(seconds: float, partly: Callable[[], Figures]) -> None:
    """Tell after so many seconds what has been found by then, from a thread: a loop may stand."""

    def give_up() -> None:
        tell({"failure": f"not done after {seconds:.0f} s", **partly()})

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()


def read_memory() -> int:
    """
    Return the bytes of memory that this process has in RAM, after a collection.

    Where there is no ``/proc/self/statm``, it is the most that it ever had.
    """
    gc.collect()
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _read_waited() -> float | None:
    """Return the seconds for which the loop's thread could have run, had there been a core."""
    return int(_SCHEDSTAT.read_text().split()[1]) / 1e9 if _SCHEDSTAT.exists() else None


@contextlib.asynccontextmanager
async def watching_lag() -> AsyncIterator[list[float]]:
    """Collect by how much each sleep of 10 ms was too long."""
    late: list[float] = []

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK)
            late.append(time.monotonic() - before - _TICK)

    watching = asyncio.create_task(watch())
    try:
        yield late
    finally:
        watching.cancel()
        await asyncio.wait([watching])


def rank(values: list[float], part: float) -> float | None:
    """Return the value that so large a part of all does not exceed; None when there are none."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)] if values else None


@attrs.define
class Span:
    """A stretch of a run: begun when it is made; what was polled in it is counted by the server."""

    url: str
    _wall: float = attrs.field(init=False)
    _cpu: float = attrs.field(init=False)
    _waited: float | None = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        ask(self.url, "count-anew")
        self._wall, self._cpu = time.monotonic(), time.process_time()
        self._waited = _read_waited()

    def end(self) -> Figures:
        """
        Return the polls of the span and what they cost.

        ``cpu`` is this process's time in user and system mode for each poll, ``share`` its part
        of one core, ``server_share`` the server's part of another. ``waited`` is the part of the
        span in which there was work and no core to do it: others were at the machine, too.
        """
        cpu, wall = time.process_time() - self._cpu, time.monotonic() - self._wall
        waited = _read_waited()
        report = ask(self.url, "report")
        polls = report["polls"]
        return {
            "cpu": cpu / polls if polls else None,
            "share": cpu / wall,
            "wall": wall,
            "waited": None if waited is None else (waited - (self._waited or 0.0)) / wall,
            **report,
        }
