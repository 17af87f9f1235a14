"""``sora-async create``: one order, whose id is told whatever happens afterwards."""

import argparse
import asyncio
import sys
from dataclasses import dataclass

from ... import CreateOutcomeUnknownError, SoraClient, VideoTask
from ..client_options import make_client, make_watch
from ..display.renderer import Renderer, exit_code, follow
from ..display.select import is_terminal, make_show
from ..exit_codes import Exit
from ..output_paths import make_save
from ..prompt_file import PromptEntry, read_prompt
from ..resume_hint import tell_again, tell_rest
from ..signals import run_loop
from .wait import tell_ends

PATIENCE = (
    "The order is under way: waiting for its answer, so that its id is not lost. "
    "Ctrl-C again gives up."
)

ORDER = "order"
"""The name of its row, which is not shown."""


@dataclass
class CreateRun:
    """
    What has come of the order so far; it outlives a loop that a second Ctrl-C ends.

    Attributes:
        url: The service's address; "" before the order was begun.
        task: The task, once that is known.
        is_interrupted: Whether there was a Ctrl-C before that.
        show: What shows the wait, once that has begun.
    """

    url: str = ""
    task: VideoTask | None = None
    is_interrupted: bool = False
    show: Renderer | None = None


def create(options: argparse.Namespace) -> Exit:
    """Create a task and print its id; wait for it and download its video where asked to."""
    order = read_prompt(options)  # outside of the loop, in which Ctrl-C would not end a read
    run = CreateRun()
    try:
        run_loop(_create(order, options, run), options)
    except KeyboardInterrupt:
        run.is_interrupted = True
    if run.task is None:
        return _give_up(options, run)
    if run.show is not None:
        if not options.json:
            tell_ends([run.task.id], options, run.show)
    elif run.is_interrupted and not options.json:
        tell_rest(options, [run.task.id])
    if run.is_interrupted:
        return Exit(options.interrupted)
    return exit_code(run.show.outcomes.values()) if run.show else Exit.OK


async def _create(order: PromptEntry, options: argparse.Namespace, run: CreateRun) -> None:
    async with make_client(options) as client:
        save = make_save(options, client)
        run.task = await _order(client, order, options, run)
        _print_id(run.task, is_json=options.json)
        if run.is_interrupted or not (options.wait or save):
            return
        watch = make_watch(options, client, run.task.id)
        run.show = make_show([run.task.id], is_json=options.json, prints_results=True)
        await follow([watch], run.show, save=save)


async def _order(
    client: SoraClient, order: PromptEntry, options: argparse.Namespace, run: CreateRun
) -> VideoTask:
    """Send the order; the first Ctrl-C does not end this, for the answer has the id."""
    show = make_show(
        [ORDER], is_json=options.json, prints_results=False, is_bare=True, is_passing=True
    )
    async with show:
        if is_terminal():
            show.begin(ORDER, "creating")
        await asyncio.sleep(0)  # where a Ctrl-C that has been pressed by now ends it
        run.url = client.base_url
        making = asyncio.ensure_future(client.create_task(**order))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            run.is_interrupted = True
            show.say(PATIENCE)
            await asyncio.wait([making])
            return making.result()


def _print_id(task: VideoTask, *, is_json: bool) -> None:
    """Print the id; where nobody reads it, say it where somebody may."""
    try:
        if is_json:
            from ..display.json_lines import print_task

            print_task(task)
        else:
            print(task.id, flush=True)
    except OSError:
        print(f"sora-async: created {task.id}", file=sys.stderr, flush=True)
        raise


def _give_up(options: argparse.Namespace, run: CreateRun) -> Exit:
    """Return the end of an order without an answer."""
    if not run.url:
        return Exit(options.interrupted)
    if options.json:
        from ..display.json_lines import describe_error, print_record

        error = CreateOutcomeUnknownError(run.url, "it was not waited for until the answer came")
        print_record("error", error=describe_error(error))
    else:
        look = tell_again(options, "list")
        print(
            "What came of the order is not known: there may be a task, and it may be charged.\n"
            f"Look before you create it again:\n  {look}",
            file=sys.stderr,
            flush=True,
        )
    return Exit.UNCERTAIN
