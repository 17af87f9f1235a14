"""``sora-async batch``: a file of prompts to a folder of videos, in as many runs as it takes."""

import argparse
import asyncio
import contextlib
import re
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from typing import Any, Final

from ... import BatchEvent, BatchOutcome, ProgressEvent, SoraClient
from ..arguments import make_client
from ..display.clock import read_clock
from ..display.format import clean, count, truncate
from ..display.json_lines import print_object
from ..display.messages import explain_error
from ..display.output import make_reporter
from ..display.reporter import Reporter
from ..display.rows import count_states
from ..display.states import TaskResult, make_interruption
from ..exit_codes import Exit, choose_exit
from ..prompt_file import PromptEntry, check_prompts, read_prompts
from ..resume_hint import repeat_command
from ..signals import run_until_signal

INTERRUPTED = (
    "Ending: waiting for the responses to creates that were sent. Press Ctrl-C again to end now."
)

MAX_NAME: Final = 40
"""Columns of a row's name."""

MAX_LINES: Final = 8
"""Line numbers that are listed of those that failed for the same reason."""

FINAL: Final = frozenset({"succeeded", "failed", "uncertain"})
"""The outcomes that another run does not change."""


def batch(options: argparse.Namespace) -> Exit:
    """Create and download all videos; the next run continues with what is not done."""
    entries = read_prompts(options.prompts)
    client = make_client(options, max_downloads=options.max_downloads)
    check_prompts(entries, options.prompts, client.dialect)
    reporter = make_reporter([], is_json=options.json, prints_results=True, total=len(entries))
    reader = BatchReader(entries, reporter, is_json=options.json)
    try:
        run_until_signal(_batch(client, entries, options, reader), options)
    except KeyboardInterrupt:
        code = Exit(options.interrupted)
    else:
        code = choose_exit(reporter.results.values())
    if options.json:
        _print_json_summary(len(entries), reporter)
    else:
        _print_summary(len(entries), reporter, options)
    return code


async def _batch(
    client: SoraClient,
    entries: Mapping[int, PromptEntry],
    options: argparse.Namespace,
    reader: "BatchReader",
) -> None:
    async with client, reader.reporter:
        stream = client.batch_events(
            list(entries.values()),
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
            reader.reporter.say(INTERRUPTED)
            reading.cancel()
            await asyncio.wait([reading])
            reader.interrupt()
            raise


class BatchReader:
    """
    Passes the events of a batch to a reporter.

    Args:
        entries: All entries, by their line numbers.
        reporter: What reports them.
        is_json: Whether a program reads, which is told which line became which task.
    """

    def __init__(
        self, entries: Mapping[int, PromptEntry], reporter: Reporter, *, is_json: bool
    ) -> None:
        self.reporter = reporter
        # By identity: the same prompt may stand in several lines.
        self._lines = {id(entry): number for number, entry in entries.items()}
        digits = len(str(max(entries, default=0)))
        self._names = {id(entry): _name(line, digits, entry) for line, entry in entries.items()}
        self._is_json = is_json
        self._events: dict[str, BatchEvent] = {}
        self._waits: dict[str, ProgressEvent] = {}
        self._started: dict[str, float] = {}

    async def read(self, stream: AsyncGenerator[BatchEvent | BatchOutcome]) -> None:
        """Report all events and results of a batch."""
        async with contextlib.aclosing(stream):
            async for event in stream:
                if isinstance(event, BatchEvent):
                    self._update(event)
                else:
                    task_id = event.task_id or ""
                    self._finish(event.item, task_id, error=event.error, file=event.file)

    def interrupt(self) -> None:
        """Report everything that has not ended as interrupted."""
        for event in list(self._events.values()):
            task_id = event.task_id or ""
            last = self._waits.get(self._names[id(event.item)])
            self._finish(event.item, task_id, error=make_interruption(task_id, last))

    def _update(self, event: BatchEvent) -> None:
        name = self._names[id(event.item)]
        before = self._events.get(name)
        self._events[name] = event
        if before is None or before.stage != event.stage:
            self._started.setdefault(name, read_clock())
            self.reporter.start(name, event.stage)
            if self._is_json:
                self._print_stage(event)
        if event.event is not None:
            self.reporter.update(name, event.event)
        if isinstance(event.event, ProgressEvent):
            self._waits[name] = event.event

    def _finish(self, entry: object, task_id: str, **end: Any) -> None:
        name = self._names[id(entry)]
        self._events.pop(name, None)
        now = read_clock()
        result = TaskResult(
            task_id=task_id,
            last=self._waits.pop(name, None),
            elapsed=now - self._started.pop(name, now),
            label=name,
            line=self._lines[id(entry)],
            **end,
        )
        self.reporter.finish(result)

    def _print_stage(self, event: BatchEvent) -> None:
        print_object(
            "stage",
            id=event.task_id,
            stage=event.stage,
            path=str(event.path),
            line=self._lines[id(event.item)],
            key=event.key,
        )


def _print_json_summary(total: int, reporter: Reporter) -> None:
    outcomes = Counter(result.outcome for result in reporter.results.values())
    print_object(
        "summary",
        total=total,
        succeeded=outcomes["succeeded"],
        failed=outcomes["failed"],
        uncertain=outcomes["uncertain"],
        timeout=outcomes["timeout"],
        error=outcomes["error"],
        interrupted=outcomes["interrupted"],
        not_begun=total - len(reporter.results),
    )


def _print_summary(total: int, reporter: Reporter, options: argparse.Namespace) -> None:
    """Print on stderr how many videos there are, which failed, and how to continue."""
    results = reporter.results.values()
    outcomes: Counter[str] = Counter(result.outcome for result in results)
    parts = [f"{outcomes.pop('succeeded', 0)} of {count(total, 'video')} in {options.out}"]
    parts += count_states(outcomes)
    if len(results) < total:
        parts.append(f"{total - len(results)} not begun")
    lines = [", ".join(parts), *_describe_failures(results)]
    if len(results) < total or not all(result.outcome in FINAL for result in results):
        same = " with the same prompts" if options.prompts == "-" else ""
        lines.append(f"Nothing is created twice or lost. Continue{same} with:")
        lines.append(f"  {repeat_command(options)}")
    print("\n".join(lines), file=sys.stderr, flush=True)


def _name(line: int, digits: int, entry: PromptEntry) -> str:
    """Return the name of a row: the line number, aligned to *digits*, and what is created."""
    what = clean(str(entry.get("name") or entry["prompt"]))
    return truncate(f"{line:>{digits}} {what}", MAX_NAME)


def _describe_failures(results: Iterable[TaskResult]) -> Iterator[str]:
    """Yield a line for each reason; a common one, such as no network, is told once."""
    reasons: dict[str, list[TaskResult]] = {}
    texts: dict[str, str] = {}
    for result in sorted(results, key=lambda result: result.line or 0):
        if result.error is not None and result.outcome != "interrupted":
            text = explain_error(result.error)
            # Each response has another request id, which does not make it another reason.
            reason = _REQUEST_ID.sub("", text)
            texts.setdefault(reason, text)
            reasons.setdefault(reason, []).append(result)
    for reason, alike in reasons.items():
        if len(alike) == 1:
            task = f" ({clean(alike[0].task_id)})" if alike[0].task_id else ""
            yield f"  line {alike[0].name.strip()}{task}: {texts[reason]}"
        else:
            lines = ", ".join(str(result.line) for result in alike[:MAX_LINES])
            more = f" and {len(alike) - MAX_LINES} more" if len(alike) > MAX_LINES else ""
            yield f"  lines {lines}{more}: {reason}"


_REQUEST_ID: Final = re.compile(r" \(request id: [^)]*\)")
