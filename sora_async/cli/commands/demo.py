"""``sora-async demo``: six tasks with different ends, on a fake service in this process."""

import argparse
import sys
from collections.abc import Mapping
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ... import Schedule, SoraClient
from ...testing import FakeSora, Scenario, http_error
from ..display.messages import describe_error, find_address
from ..display.output import make_reporter
from ..display.reporter import Reporter
from ..display.states import STATES, TaskResult
from ..exit_codes import Exit
from ..signals import run_until_signal
from .wait import report_waits

INTERVAL: Final = 0.25
"""Seconds between polls: more than any real service needs, but here there are only seconds."""

BLOCKED: Final = "video_blocked"
"""The task that fails by design."""

TASK_IDS: Final = (
    "video_plain",
    "video_slow",
    BLOCKED,
    "video_late",
    "video_outage",
    "video_silent",
)

PYTHON: Final = """\
from sora_async import SoraClient
async with SoraClient() as client:
    async for event in client.wait_until_complete("video_123"):
        print(event)
    print(event.task.video_url)
"""
"""The same in Python, for ``python -m asyncio``."""


def demo(options: argparse.Namespace) -> Exit:
    """Show how waits go; the exit code is 0 if each task ended as it should."""
    reporter = make_reporter(TASK_IDS, is_json=options.json, prints_results=False)
    try:
        run_until_signal(play(reporter, speed=options.speed), options)
    except KeyboardInterrupt:
        if not options.json:
            print("Interrupted: the fake service and its tasks are gone.", file=sys.stderr)
        return Exit(options.interrupted)
    if not options.json:
        Console(highlight=False).print("", make_summary(reporter.results), sep="\n")
    lost = [name for name, result in reporter.results.items() if result.error is not None]
    return Exit.OK if lost == [BLOCKED] else Exit.FAILED


async def play(reporter: Reporter, *, speed: float) -> None:
    """Start the fake, wait for its tasks, and report them; at speed 1.0 a person can follow."""
    schedule = Schedule(intervals=(INTERVAL / speed,))
    async with (
        FakeSora(api_key="demo") as sora,
        SoraClient(base_url=sora.url, api_key="demo", schedule=schedule) as client,
    ):
        for task_id, scenario in make_scenarios(speed).items():
            sora.add(scenario.faster(speed), task_id=task_id)
        watches = [client.wait_until_complete(task_id) for task_id in TASK_IDS]
        await report_waits(watches, reporter, interruption="the task ended with the demo")


def make_scenarios(speed: float) -> Mapping[str, Scenario]:
    """Return the tasks' scenarios at normal speed, but with the pauses of their faults sped up."""
    pause = {"Retry-After-Ms": str(round(1000 / speed))}
    faults = {number: http_error(503, headers=pause) for number in (14, 15)}
    scenarios = (
        Scenario(queued=0.8, running=5.0),
        Scenario(queued=3.0, running=8.0),
        Scenario(
            queued=0.5,
            running=3.5,
            failure=("moderation_blocked", "The prompt was refused."),
        ),
        Scenario(queued=0.3, running=4.0, url_delay=3.0),
        Scenario(queued=0.8, running=7.0, faults=faults),
        Scenario(queued=1.5, running=6.0, visible_after=0.8, trajectory=None),
    )
    return dict(zip(TASK_IDS, scenarios, strict=True))


def make_summary(results: Mapping[str, TaskResult]) -> RenderableType:
    """Return a table of the results, and the Python that does the same."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("task", no_wrap=True)
    table.add_column("polls", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("result", overflow="fold")
    for name in TASK_IDS:
        result = results[name]
        text = describe_error(result.error) if result.error else find_address(result.task)
        row = (Text(name), Text(str(result.polls)), Text(f"{result.elapsed:.1f}"))
        table.add_row(*row, Text(text, style=STATES[result.outcome]))
    return Group(
        table,
        "",
        "The addresses ended with the demo. With a real service, in python -m asyncio:",
        Syntax(PYTHON.rstrip(), "python", theme="ansi_dark", background_color="default"),
    )
