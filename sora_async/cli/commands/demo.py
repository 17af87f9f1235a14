"""``sora-async demo``: six tasks of different fates, on a fake service in this process."""

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
from ..display.format import find_address
from ..display.renderer import Renderer, RowOutcome, follow
from ..display.select import make_show
from ..exit_codes import Exit
from ..signals import run_loop

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
    """Show how waits go; the exit code says whether each task met the fate that it has here."""
    show = make_show(TASK_IDS, is_json=options.json, prints_results=False)
    try:
        run_loop(play(show, speed=options.speed), options)
    except KeyboardInterrupt:
        if not options.json:
            print("Interrupted; the fake service and its tasks are gone.", file=sys.stderr)
        return Exit(options.interrupted)
    if not options.json:
        Console(highlight=False).print("", tell_story(show.outcomes), sep="\n")
    lost = [name for name, outcome in show.outcomes.items() if outcome.error is not None]
    return Exit.OK if lost == [BLOCKED] else Exit.FAILED


async def play(show: Renderer, *, speed: float) -> None:
    """
    Start the fake, wait for its tasks, and tell the show of it.

    Args:
        show: What shows the waits.
        speed: How many times faster than a person can follow.
    """
    schedule = Schedule(intervals=(INTERVAL / speed,))
    async with (
        FakeSora(api_key="demo") as sora,
        SoraClient(base_url=sora.url, api_key="demo", schedule=schedule) as client,
    ):
        for task_id, scenario in make_lives(speed).items():
            sora.add(scenario.faster(speed), task_id=task_id)
        await follow([client.wait_until_complete(task_id) for task_id in TASK_IDS], show)


def make_lives(speed: float) -> Mapping[str, Scenario]:
    """Return what the tasks go through, before they are sped up; their faults are made for it."""
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


def tell_story(outcomes: Mapping[str, RowOutcome]) -> RenderableType:
    """Return what happened, and the Python that does the same."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("task", no_wrap=True)
    table.add_column("polls", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("what came of it", overflow="fold")
    for name in TASK_IDS:
        outcome = outcomes[name]
        text = outcome.reason or find_address(outcome.task)
        style = "red" if outcome.error else "green"
        row = (Text(name), Text(str(outcome.polls)), Text(f"{outcome.elapsed:.1f}"))
        table.add_row(*row, Text(text, style=style))
    return Group(
        table,
        "",
        "The addresses ended with the demo. With a real service, in python -m asyncio:",
        Syntax(PYTHON.rstrip(), "python", theme="ansi_dark", background_color="default"),
    )
