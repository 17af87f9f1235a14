"""``sora-async list``: the newest tasks of the account."""

import argparse
import shutil

from ... import VideoTask
from ..arguments import make_client
from ..display.format import clean, measure, truncate
from ..display.json_lines import print_task
from ..display.output import is_terminal
from ..exit_codes import Exit
from ..signals import run_until_signal

MIN_PROMPT = 8
"""Columns below which a prompt says nothing."""


def show_list(options: argparse.Namespace) -> Exit:
    """Print the newest tasks, the newest first."""
    run_until_signal(_list(options), options)
    return Exit.OK


async def _list(options: argparse.Namespace) -> None:
    async with make_client(options) as client:
        number = 0
        async for task in client.list_tasks():
            _print(task, is_json=options.json)
            number += 1
            if number == options.limit:
                return


def _print(task: VideoTask, *, is_json: bool) -> None:
    if is_json:
        print_task(task)
        return
    at = task.created_at
    task_id, prompt = clean(task.id), clean(task.prompt or "")
    if not is_terminal():
        created = at.strftime("%Y-%m-%d %H:%M:%S") if at else ""
        print(task_id, task.phase, created, prompt, sep="\t", flush=True)
        return
    created = at.strftime("%m-%d %H:%M") if at else ""
    line = f"{task_id}  {task.phase:<9}  {created:<11}"
    # The id stays whole, to be copied; the prompt has what is left of the line.
    width = shutil.get_terminal_size().columns - measure(line) - 2
    print(f"{line}  {truncate(prompt, width)}" if width >= MIN_PROMPT else line, flush=True)
