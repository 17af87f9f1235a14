"""The targets: what was asked of this package, what was found, and whether that will do."""

from collections.abc import Iterator

import attrs

from .contestants import NAMES
from .figures import Results, median, median_ratio, select
from .starts import HELP


@attrs.frozen
class Target:
    """
    One line of the table.

    Attributes:
        what: What was measured.
        bound: What was asked for, in words.
        found: What was found, in words; None when it was not run or did not come to an end.
        is_met: Whether that will do.
    """

    what: str
    bound: str
    found: str | None
    is_met: bool


def judge_all(results: Results) -> Iterator[Target]:
    """Yield every target, in the order of the page."""
    yield from _judge_rate(results)
    yield from _judge_crowd(results)
    yield from _judge_shared(results)
    yield from _judge_starts(results)
    yield from _judge_limit(results)
    yield from _judge_delay(results)


def _at_most(what: str, found: float | None, bound: float, *, unit: str, scale: float) -> Target:
    # Two digits behind the point are kept where they tell 2.05 from 2.
    shown = "{:.2f} {}" if bound * scale < 10 else "{:.3g} {}"
    text = None if found is None else shown.format(found * scale, unit)
    is_met = found is not None and found <= bound
    return Target(what, f"at most {bound * scale:g} {unit}", text, is_met)


def _at_most_times(
    what: str, ratio: float | None, bound: float, other: str, *, seconds: float | None = None
) -> Target:
    shown = "" if seconds is None else f" ({seconds * 1e6:.0f} µs)"
    text = None if ratio is None else f"{ratio:.2f} ×{shown}"
    is_met = ratio is not None and ratio <= bound
    return Target(what, f"at most {bound:.3g} × {other}", text, is_met)


def _judge_rate(results: Results) -> Iterator[Target]:
    bounds = {"hand": 0.75, "floor": 1.15, "openai_python": 0.1}
    kinds = {"poll": "``get_task``", "wait": "waits polled again at once"}
    for by, named in kinds.items():
        ours = select(results, "rate", contestant="ours", by=by)
        for name, bound in bounds.items():
            yield _at_most_times(
                f"CPU of a poll, 64 in flight, {named}",
                median_ratio(ours, select(results, "rate", contestant=name, by="poll"), "cpu"),
                bound,
                NAMES[name],
                seconds=median(ours, "cpu"),
            )


def _judge_crowd(results: Results) -> Iterator[Target]:
    ours = select(results, "crowd", contestant="ours", frozen=False)
    crowd = f"{ours[0]['count']:,} waits" if ours else "10,000 waits"
    yield _at_most_times(
        f"CPU of a poll within {crowd}",
        median_ratio(ours, select(results, "crowd", contestant="hand", frozen=False), "cpu"),
        0.8,
        NAMES["hand"],
        seconds=median(ours, "cpu"),
    )
    frozen = select(results, "crowd", contestant="ours", frozen=True)
    bounds = (
        ("memory", 4000.0, f"Memory of a wait, of {crowd}", "kB", 1e-3),
        ("lag_p99", 0.020, f"Lag of the loop with {crowd}, 99 %", "ms", 1e3),
        ("interval", 2.05, f"Mean interval of {crowd}, asked 2.0 s", "s", 1.0),
    )
    for key, bound, what, unit, scale in bounds:
        yield _at_most(what, median(ours, key), bound, unit=unit, scale=scale)
    for key, bound, what, unit, scale in bounds[1:]:
        what = f"{what}, after ``gc.freeze()``"
        yield _at_most(what, median(frozen, key), bound, unit=unit, scale=scale)
    ends = select(results, "finish", contestant="ours")
    finished = median(ends, "finished")
    text = None if finished is None else f"{finished:,.0f}"
    is_met = bool(ends) and finished == ends[0]["waits"]
    yield Target(f"Of {crowd}, those that end in time", "all", text, is_met)


def _judge_shared(results: Results) -> Iterator[Target]:
    polls = {
        count: median(select(results, "shared", contestant="ours", waits=count), "polls")
        for count in (1, 50)
    }
    ratio = polls[50] / polls[1] if polls[50] and polls[1] else None
    yield _at_most_times("Polls of 50 waits for one task", ratio, 1.0, "those of one wait")


def _judge_starts(results: Results) -> Iterator[Target]:
    ratio = median_ratio(
        select(results, "starts", what="sora_async"),
        select(results, "starts", what="aiohttp"),
        "seconds",
    )
    yield _at_most_times("``import sora_async``", ratio, 1.25, "``import aiohttp``")
    seconds = median(select(results, "starts", what=HELP), "seconds")
    yield _at_most(f"``{HELP}``", seconds, 0.3, unit="s", scale=1.0)


def _judge_limit(results: Results) -> Iterator[Target]:
    for hint, named in ((None, "no hint"), (1, "``Retry-After: 1``")):
        runs = select(results, "limit", hint=hint)
        where = f"after a minute, 300 waits on 10 polls a second, {named}"
        share = median(runs, "refused_share")
        yield _at_most(f"Polls answered 429 {where}", share, 0.02, unit="%", scale=100)
        used = median(runs, "used_share")
        text = None if used is None else f"{used * 100:.0f} %"
        yield Target(
            f"Use of what is allowed {where}",
            "at least 85 %",
            text,
            used is not None and used >= 0.85,
        )
        ended = median(runs, "ended")
        text = None if ended is None else f"{ended:.0f}"
        yield Target(f"Waits that die of it, {named}", "none", text, ended == 0)


def _judge_delay(results: Results) -> Iterator[Target]:
    most = median(select(results, "herd"), "most")
    what = "Polls within any 0.1 s after the first round, 300 waits begun at once"
    yield _at_most(what, most, 25.0, unit="polls", scale=1.0)
    # A queue that takes the oldest first halves the delay where waits come and go. Of waits that
    # are begun together nearly all are there to the end, and it cannot do better than 0.72.
    for within, named, bound in ((400.0, "begun over 400 s", 0.55), (0.0, "begun at once", 0.75)):
        ours, taught, hand = (
            median(select(results, "delay", contestant=name, within=within), "delay")
            for name in ("ours", "taught", "hand")
        )
        for found, knows in ((ours, ""), (taught, ", after 60 such tasks")):
            ratio = found / hand if found is not None and hand else None
            text = None if ratio is None else f"{ratio:.2f} × ({found:.1f} s)"
            yield Target(
                f"Mean delay of 300 waits on 5 polls a second, {named}{knows}",
                f"at most {bound} × independent timers",
                text,
                ratio is not None and ratio <= bound,
            )
