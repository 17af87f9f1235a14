"""``sora-async wait``: any number of tasks, until each has a video or an end."""

import argparse
import asyncio
import shlex
import sys
from collections.abc import Sequence

from ._client import make_client
from ._exits import Exit
from ._follow import Show, exit_code, follow
from ._show import is_terminal, make_show


def wait(options: argparse.Namespace) -> Exit:
    """Wait for the tasks and print their addresses; see :class:`Exit` for the end."""
    task_ids = list(dict.fromkeys(options.ids))
    show = make_show(task_ids, is_json=options.json, prints_results=True)
    try:
        asyncio.run(_wait(task_ids, options, show))
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    else:
        code = exit_code(show.outcomes.values())
    if not options.json:
        if is_terminal():
            _print_results(task_ids, show)
        _tell_rest(task_ids, options, show)
    return code


async def _wait(task_ids: Sequence[str], options: argparse.Namespace, show: Show) -> None:
    async with make_client(options) as client:
        watches = [
            client.wait_until_complete(task_id, timeout=options.timeout, until=options.until)
            for task_id in task_ids
        ]
        await follow(watches, show)


def _print_results(task_ids: Sequence[str], show: Show) -> None:
    """Print what the bars had no room for."""
    from ._lines import print_result

    for outcome in (show.outcomes[name] for name in task_ids if name in show.outcomes):
        if outcome.error is None:
            print_result(outcome, is_alone=len(task_ids) == 1)
        elif outcome.word != "interrupted":
            print(f"{outcome.task_id}: {outcome.reason}", file=sys.stderr)


def _tell_rest(task_ids: Sequence[str], options: argparse.Namespace, show: Show) -> None:
    """Say on stderr which tasks may go on without us, and the command that waits for them again."""
    rest = [name for name in task_ids if name not in show.outcomes or show.outcomes[name].goes_on]
    if not rest:
        return
    address = [] if options.base_url is None else ["--base-url", options.base_url]
    dashes = ["--"] if any(name.startswith("-") for name in rest) else []
    again = shlex.join(["sora-async", "wait", *address, *dashes, *rest])
    tasks = "1 task" if len(rest) == 1 else f"{len(rest)} tasks"
    print(f"{tasks} not settled. Wait again with:\n  {again}", file=sys.stderr, flush=True)
