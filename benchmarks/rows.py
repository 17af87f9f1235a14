"""What is run: the rows of the table, each as the sequence of its runs.

Within a repetition the contestants take turns, so that a ratio is made of neighbours in time:
a machine that is slow for a minute is slow for all of them.
"""

from collections.abc import Callable, Iterator, Sequence

import attrs

from .contestants import NAMES, OWN
from .processes import Figures, measure, serving
from .starts import time_starts

_NEVER = float("inf")


@attrs.frozen(kw_only=True)
class Settings:
    """
    How much is run; lengths are seconds.

    Attributes:
        repeat: How often each run is repeated; the 100,000 waits and the virtual runs are not.
        contestants: Who takes part.
        rate_seconds: How long polls are counted with *loops* in flight.
        crowd: The number of waits in the row of the crowd.
        scale: The numbers of waits of the plot, besides the crowd's.
        throng: The number of waits under a rate, and that rate; None: not run.
        window: How long a crowd is measured.
        grace_period: How much longer than two rounds a crowd's first round and last may take.
        lifetime: When videos are there in the row that counts finished waits.
        finish_limit: When that row stops counting.
        starts: How often each import is timed.
        limit_seconds: How long waits meet a limit, in virtual time.
    """

    is_quick: bool
    repeat: int
    contestants: tuple[str, ...] = tuple(NAMES)
    rate_seconds: float = 5.0
    loops: int = 64
    crowd: int = 10_000
    scale: tuple[int, ...] = (100, 1_000)
    throng: tuple[int, float] | None = (100_000, 500.0)
    interval: float = 2.0
    window: float = 20.0
    grace_period: float = 40.0
    lifetime: float = 10.0
    finish_limit: float = 60.0
    starts: int = 15
    limit_seconds: int = 600


QUICK = Settings(
    is_quick=True,
    repeat=1,
    rate_seconds=1.5,
    crowd=1_000,
    scale=(100, 300),
    throng=None,
    window=4.0,
    grace_period=8.0,
    lifetime=3.0,
    finish_limit=15.0,
    starts=5,
    limit_seconds=240,
)
"""Minutes instead of an hour: to see that all of it works, not to believe the figures."""


def _run_each(settings: Settings, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    for repetition in range(settings.repeat):
        for name in names:
            yield repetition, name


def _own(settings: Settings) -> list[str]:
    return [name for name in settings.contestants if name in OWN]


def run_rate(settings: Settings) -> Iterator[Figures]:
    """CPU of a poll with so many in flight; ours also by waits that ask again at once."""
    for repetition, name in _run_each(settings, settings.contestants):
        for by in ("poll", "wait") if name == "ours" else ("poll",):
            with serving(_NEVER) as url:
                found = measure(
                    "rate",
                    name,
                    url=url,
                    seconds=settings.rate_seconds,
                    loops=settings.loops,
                    by=by,
                )
            yield {"contestant": name, "by": by, "repetition": repetition, **found}


def _run_crowd(
    settings: Settings, name: str, count: int, rate: float | None = None, *, is_frozen: bool = False
) -> Figures:
    with serving(_NEVER) as url:
        found = measure(
            "crowd",
            name,
            url=url,
            count=count,
            interval=settings.interval,
            window=settings.window,
            grace_period=settings.grace_period,
            rate=rate,
            is_frozen=is_frozen,
        )
    about = {"contestant": name, "count": count, "rate": rate, "frozen": is_frozen}
    return {**about, **found}


def run_crowd(settings: Settings) -> Iterator[Figures]:
    """A crowd of waits: CPU of a poll, memory of a wait, lag of the loop, real interval."""
    for repetition, name in _run_each(settings, settings.contestants):
        for is_frozen in (False, True) if name in OWN else (False,):
            found = _run_crowd(settings, name, settings.crowd, is_frozen=is_frozen)
            yield {"repetition": repetition, **found}


def run_scale(settings: Settings) -> Iterator[Figures]:
    """Smaller crowds of those on aiohttp, and one of ours that is far larger, under a rate."""
    for count in settings.scale:
        for repetition, name in _run_each(settings, _own(settings)):
            yield {"repetition": repetition, **_run_crowd(settings, name, count)}
    if settings.throng is not None and "ours" in settings.contestants:
        yield {"repetition": 0, **_run_crowd(settings, "ours", *settings.throng)}


def run_finish(settings: Settings) -> Iterator[Figures]:
    """How many of a crowd end, when each video is there some seconds after its first poll."""
    for repetition, name in _run_each(settings, settings.contestants):
        with serving(settings.lifetime) as url:
            found = measure(
                "finish",
                name,
                url=url,
                count=settings.crowd,
                interval=settings.interval,
                limit=settings.finish_limit,
            )
        yield {"contestant": name, "repetition": repetition, **found}


def run_shared(settings: Settings) -> Iterator[Figures]:
    """The polls of one wait, and of 50 waits for one task; once, for nothing in it varies."""
    for name in settings.contestants:
        for count in (1, 50):
            with serving(settings.lifetime) as url:
                found = measure("shared", name, url=url, count=count, interval=settings.interval)
            yield {"contestant": name, **found}


def run_starts(settings: Settings) -> Iterator[Figures]:
    """How long imports take."""
    yield from time_starts(settings.starts)


def run_limit(settings: Settings) -> Iterator[Figures]:
    """300 waits against a hard limit of 10 polls a second, with and without a hint; virtual."""
    for hint in (None, 1):
        found = measure(
            "limit", "ours", count=300, limit=10.0, seconds=settings.limit_seconds, hint=hint
        )
        yield {"contestant": "ours", "hint": hint, **found}


def run_herd(_: Settings) -> Iterator[Figures]:
    """300 waits begun at once; virtual."""
    yield {"contestant": "ours", **measure("herd", "ours", count=300, seconds=60)}


def run_delay(_: Settings) -> Iterator[Figures]:
    """300 waits on 5 polls a second: by our rate limit and by independent timers; virtual."""
    for within in (0.0, 400.0):
        for name in ("ours", "taught", "hand"):
            found = measure("delay", name, count=300, rate=5.0, within=within)
            yield {"contestant": name, "within": within, **found}


ROWS: dict[str, Callable[[Settings], Iterator[Figures]]] = {
    "rate": run_rate,
    "crowd": run_crowd,
    "finish": run_finish,
    "shared": run_shared,
    "starts": run_starts,
    "scale": run_scale,
    "limit": run_limit,
    "herd": run_herd,
    "delay": run_delay,
}
