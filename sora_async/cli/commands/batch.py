"""``sora-async batch``: a file of prompts into a folder of videos, in as many runs as it takes."""

import argparse
import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from typing import Any, Final

from ... import BatchEvent, BatchOutcome, ClientClosedError, ProgressEvent
from ..client_options import make_client
from ..display.format import clean, count, shorten
from ..display.renderer import Renderer, RowOutcome, exit_code
from ..display.select import make_show
from ..display.totals import ENDS, count_up
from ..exit_codes import Exit
from ..prompt_file import PromptEntry, read_prompts
from ..resume_hint import tell_same
from ..signals import run_loop

ENDING = (
    "Ending: orders that are under way are waited for, so that none is lost. Ctrl-C again: now."
)

LONGEST_NAME: Final = 40
"""Characters of a row's name."""

FEW: Final = 8
"""Lines that are named of those that failed for the same reason."""

STAYS: Final = frozenset({"succeeded", "failed", "uncertain"})
"""The outcomes that a further run leaves as they are."""


def batch(options: argparse.Namespace) -> Exit:
    """Carry out the orders; what is not done at the end, the next run goes on with."""
    orders = read_prompts(options.prompts)
    show = make_show([], is_json=options.json, prints_results=True, total=len(orders))
    reader = Reader(orders, show, is_json=options.json)
    try:
        run_loop(_batch(orders, options, reader), options)
    except KeyboardInterrupt:
        code = Exit(options.interrupted)
    else:
        code = exit_code(show.outcomes.values())
    if options.json:
        _print_summary(len(orders), show)
    else:
        _tell_summary(len(orders), show, options)
    return code


async def _batch(
    orders: Mapping[int, PromptEntry], options: argparse.Namespace, reader: "Reader"
) -> None:
    async with make_client(options, max_downloads=options.max_downloads) as client, reader.show:
        stream = client.batch_events(
            list(orders.values()),
            output_dir=options.out,
            journal=options.journal,
            max_creates=options.max_creates,
            max_waits=options.max_waits,
            max_downloads=options.max_downloads,
            timeout=options.timeout,
        )
        reading = asyncio.ensure_future(reader.read(stream))
        try:
            await asyncio.shield(reading)
        except asyncio.CancelledError:
            reader.show.say(ENDING)
            reading.cancel()
            await asyncio.wait([reading])
            reader.interrupt()
            raise


class Reader:
    """
    Tells a show of the news of a batch.

    Args:
        orders: All of them, by their lines.
        show: What is told.
        is_json: Whether a program reads, which wants to know which order became which task.
    """

    def __init__(self, orders: Mapping[int, PromptEntry], show: Renderer, *, is_json: bool) -> None:
        self.show = show
        # By identity: the same prompt may be ordered twice.
        self._lines = {id(order): number for number, order in orders.items()}
        width = len(str(max(orders, default=0)))
        self._names = {id(order): _name(line, width, order) for line, order in orders.items()}
        self._is_json = is_json
        self._events: dict[str, BatchEvent] = {}
        self._waits: dict[str, ProgressEvent] = {}
        self._began: dict[str, float] = {}

    async def read(self, stream: AsyncGenerator[BatchEvent | BatchOutcome]) -> None:
        """Take in all news of a batch."""
        async with contextlib.aclosing(stream):
            async for news in stream:
                if isinstance(news, BatchEvent):
                    self._take(news)
                else:
                    self._settle(news)

    def interrupt(self) -> None:
        """Settle what has not ended, in the middle of its way."""
        for event in list(self._events.values()):
            task_id = event.task_id or ""
            self._end(event.order, task_id, error=ClientClosedError(task_id))

    def _take(self, news: BatchEvent) -> None:
        name = self._names[id(news.order)]
        before = self._events.get(name)
        self._events[name] = news
        if before is None or before.stage != news.stage:
            self._began.setdefault(name, _now())
            self.show.begin(name, news.stage)
            if self._is_json:
                self._print_stage(news)
        if news.event is not None:
            self.show.event(name, news.event)
        if isinstance(news.event, ProgressEvent):
            self._waits[name] = news.event

    def _settle(self, ended: BatchOutcome) -> None:
        self._end(ended.order, ended.task_id or "", error=ended.error, file=ended.file)

    def _end(self, order: object, task_id: str, **end: Any) -> None:
        name = self._names[id(order)]
        self._events.pop(name, None)
        now = _now()
        outcome = RowOutcome(
            task_id=task_id,
            last=self._waits.pop(name, None),
            elapsed=now - self._began.pop(name, now),
            label=name,
            line=self._lines[id(order)],
            **end,
        )
        self.show.settle(outcome)

    def _print_stage(self, news: BatchEvent) -> None:
        from ..display.json_lines import print_record

        print_record(
            "stage",
            id=news.task_id,
            stage=news.stage,
            path=str(news.path),
            line=self._lines[id(news.order)],
            key=news.key,
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _print_summary(total: int, show: Renderer) -> None:
    from ..display.json_lines import print_record

    words = Counter(outcome.word for outcome in show.outcomes.values())
    print_record(
        "summary",
        total=total,
        succeeded=words["succeeded"],
        failed=words["failed"],
        uncertain=words["uncertain"],
        timeout=words["timeout"],
        error=words["error"],
        interrupted=words["interrupted"],
        not_begun=total - len(show.outcomes),
    )


def _tell_summary(total: int, show: Renderer, options: argparse.Namespace) -> None:
    """Say on stderr what has become of the orders, which failed, and how to go on."""
    ends = show.outcomes.values()
    words: Counter[str] = Counter(outcome.word for outcome in ends)
    parts = [f"{words['succeeded']} of {count(total, 'video')} in {options.out}"]
    parts += count_up(words, (word for word in ENDS if word != "succeeded"))
    if len(ends) < total:
        parts.append(f"{total - len(ends)} not begun")
    tell = [", ".join(parts)]
    tell += _tell_lost(one for one in ends if one.error is not None)
    if len(ends) < total or not all(one.word in STAYS for one in ends):
        tell.append(_tell_way_on(options))
    print("\n".join(tell), file=sys.stderr, flush=True)


def _name(line: int, width: int, order: PromptEntry) -> str:
    """
    Return what the row of an order is called: the line that it is from, and what it is about.

    Args:
        line: The line.
        width: The digits of the last one, so that all of them end in one column.
        order: What is ordered.
    """
    what = clean(str(order.get("name") or order["prompt"]))
    return shorten(f"{line:>{width}} {what}", LONGEST_NAME)


def _tell_lost(outcomes: Iterable[RowOutcome]) -> Iterator[str]:
    """Yield a line for each reason; what all have met, such as no network, is told once."""
    reasons: dict[str, list[RowOutcome]] = {}
    for one in sorted(outcomes, key=lambda one: one.line or 0):
        if one.word != "interrupted":
            reasons.setdefault(one.reason, []).append(one)
    for reason, alike in reasons.items():
        if len(alike) == 1:
            task = f" ({clean(alike[0].task_id)})" if alike[0].task_id else ""
            yield f"  line {alike[0].name.strip()}{task}: {reason}"
        else:
            lines = ", ".join(str(one.line) for one in alike[:FEW])
            more = f" and {len(alike) - FEW} more" if len(alike) > FEW else ""
            yield f"  lines {lines}{more}: {reason}"


def _tell_way_on(options: argparse.Namespace) -> str:
    same = " with the same prompts" if options.prompts == "-" else ""
    head = f"Nothing that was ordered is lost or ordered again. Go on{same} with:"
    return f"{head}\n  {tell_same(options)}"
