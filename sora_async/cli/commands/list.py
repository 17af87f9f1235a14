"""``sora-async list``: the newest tasks of the account."""

import argparse

from ... import VideoTask
from ..arguments import make_client
from ..display.format import clean, shorten
from ..display.output import is_terminal
from ..exit_codes import Exit
from ..signals import run_until_signal


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
        from ..display.json_lines import print_task

        print_task(task)
        return
    created = task.created_at.strftime("%Y-%m-%d %H:%M:%S") if task.created_at else ""
    prompt = clean(task.prompt or "")
    if is_terminal():
        prompt = shorten(prompt, 60)
    print(clean(task.id), task.phase, created, prompt, sep="\t", flush=True)
