"""``sora-async wait``: any number of tasks, until each has a video or an end."""

import argparse
import sys
from collections.abc import Sequence

from ..client_options import make_client, make_watch
from ..display.renderer import Renderer, exit_code, follow
from ..display.select import is_terminal, make_show
from ..exit_codes import Exit
from ..output_paths import make_save
from ..resume_hint import tell_rest
from ..signals import run_loop


def wait(options: argparse.Namespace) -> Exit:
    """Wait for the tasks and print their addresses; see :class:`Exit` for the end."""
    task_ids = list(dict.fromkeys(options.ids))
    show = make_show(task_ids, is_json=options.json, prints_results=True)
    try:
        run_loop(_wait(task_ids, options, show), options)
    except KeyboardInterrupt:
        code = Exit(options.interrupted)
    else:
        code = exit_code(show.outcomes.values())
    if not options.json:
        tell_ends(task_ids, options, show)
    return code


async def _wait(task_ids: Sequence[str], options: argparse.Namespace, show: Renderer) -> None:
    async with make_client(options) as client:
        watches = [make_watch(options, client, task_id) for task_id in task_ids]
        await follow(watches, show, save=make_save(options, client))


def tell_ends(task_ids: Sequence[str], options: argparse.Namespace, show: Renderer) -> None:
    """Print what the show had no room for, and how to wait for tasks that go on."""
    if is_terminal():
        _print_results(task_ids, show)
    rest = [name for name in task_ids if name not in show.outcomes or show.outcomes[name].goes_on]
    tell_rest(options, rest)


def _print_results(task_ids: Sequence[str], show: Renderer) -> None:
    """Print what the bars had no room for."""
    from ..display.plain_lines import print_result

    for outcome in (show.outcomes[name] for name in task_ids if name in show.outcomes):
        if outcome.error is None:
            print_result(outcome, is_alone=len(task_ids) == 1)
        elif outcome.word != "interrupted":
            print(f"{outcome.task_id}: {outcome.reason}", file=sys.stderr)
