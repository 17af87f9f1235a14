"""``sora-async get``: one snapshot of a task."""

import argparse
from collections.abc import Iterator
from datetime import datetime

from ... import VideoTask
from ..arguments import make_client
from ..display.format import clean, format_percent
from ..display.json_lines import print_task
from ..display.output import is_terminal
from ..display.states import STATES
from ..exit_codes import Exit
from ..signals import run_until_signal


def get(options: argparse.Namespace) -> Exit:
    """Print a task as it is now; the exit code is 0 whatever its phase is."""
    task = run_until_signal(_ask(options), options)
    if options.json:
        print_task(task)
    elif is_terminal():
        _print_table(task)
    else:
        for name, text in describe(task):
            print(f"{name:<10}{text}")
    return Exit.OK


async def _ask(options: argparse.Namespace) -> VideoTask:
    async with make_client(options) as client:
        return await client.get_task(options.id)


def describe(task: VideoTask) -> Iterator[tuple[str, str]]:
    """Yield name and text of each field that the service has sent."""
    word = f" ({task.status})" if task.status and task.status.lower() != task.phase else ""
    fields = {
        "task": task.id,
        "phase": f"{task.phase}{word}",
        "failure": task.failure and str(task.failure),
        "progress": format_percent(task.progress),
        "queue": None if task.queue_position is None else f"{task.queue_position} ahead in queue",
        "model": task.model,
        "size": task.size,
        "length": None if task.seconds is None else f"{task.seconds:g} s",
        "prompt": task.prompt,
        "enhanced": task.enhanced_prompt,
        "created": _format_time(task.created_at),
        "updated": _format_time(task.updated_at),
        "completed": _format_time(task.completed_at),
        "expires": _format_time(task.expires_at),
        "video": task.video_url,
        "content": task.content_url,
    }
    for name, text in fields.items():
        if text:
            yield name, clean(text)


def _print_table(task: VideoTask) -> None:
    """Print to a terminal: long texts wrapped in their column, addresses in one line to copy."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    addresses = []
    for name, text in describe(task):
        if name in ("video", "content"):
            addresses.append(Text.assemble((f"{name:<11}", "dim"), text))
        else:
            grid.add_row(
                f"{name:<9}", Text(text, style=STATES[task.phase] if name == "phase" else "")
            )
    console.print(grid)
    for address in addresses:
        console.print(address, soft_wrap=True)


def _format_time(time: datetime | None) -> str | None:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC") if time else None
