"""``sora-async create`` and ``remix``: one create, whose task id is printed in any case."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from ... import CreateOutcomeUnknownError, InvalidArgumentError, SoraClient, VideoTask
from ..arguments import make_client, make_watch
from ..display.json_lines import encode_error, print_object, print_task
from ..display.output import is_terminal, make_reporter
from ..display.reporter import Reporter
from ..exit_codes import Exit, choose_exit
from ..output_paths import make_save
from ..prompt_file import name_option, read_prompt
from ..resume_hint import make_command, print_wait_again
from ..signals import run_until_signal
from .wait import print_ends, report_waits

Send = Callable[[SoraClient], Coroutine[Any, Any, VideoTask]]

INTERRUPTED = (
    "The create was sent: waiting for its response, so that the task's id is not lost. "
    "Press Ctrl-C again to give up."
)

ROW = "create"
"""The name of the create's row, which is not shown."""


@dataclass
class CreateRun:
    """
    The state of the command, which outlives a loop that a second Ctrl-C ends.

    Attributes:
        url: The service's address; "" before the create was begun.
        task: The task, once it is known.
        is_interrupted: Whether a signal came while the create was being sent.
        reporter: What reports the wait, once that has begun.
    """

    url: str = ""
    task: VideoTask | None = None
    is_interrupted: bool = False
    reporter: Reporter | None = None


def create(options: argparse.Namespace) -> Exit:
    """Create a task and print its id; wait for it and download its video if asked to."""
    entry = read_prompt(options)  # outside of the loop, in which Ctrl-C would not end a read
    return _run(lambda client: client.create_task(**entry), options)


def remix(options: argparse.Namespace) -> Exit:
    """Create a task from another one's video; all else is as in :func:`create`."""
    entry = read_prompt(options)
    return _run(lambda client: client.remix_task(options.id, **entry), options)


def _run(send: Send, options: argparse.Namespace) -> Exit:
    run = CreateRun()
    client = make_client(options)
    try:
        run_until_signal(_create(client, send, options, run), options)
    except KeyboardInterrupt:
        run.is_interrupted = True
    if run.task is None:
        return _report_unknown(options, run)
    if run.reporter is not None:
        if not options.json:
            print_ends([run.task.id], options, run.reporter, client)
    elif run.is_interrupted and not options.json:
        print_wait_again(options, [run.task.id])
    if run.is_interrupted:
        return Exit(options.interrupted)
    return choose_exit(run.reporter.results.values()) if run.reporter else Exit.OK


async def _create(
    client: SoraClient, send: Send, options: argparse.Namespace, run: CreateRun
) -> None:
    async with client:
        save = make_save(options, client)
        try:
            run.task = await _send(client, send, options, run)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(name_option(str(error), options)) from error
        _print_id(run.task, is_json=options.json)
        if run.is_interrupted or not (options.wait or save):
            return
        watch = make_watch(options, client, run.task.id)
        run.reporter = make_reporter([run.task.id], is_json=options.json, prints_results=True)
        await report_waits([watch], run.reporter, save=save)


async def _send(
    client: SoraClient, send: Send, options: argparse.Namespace, run: CreateRun
) -> VideoTask:
    """Send the create; the first signal does not end it, for the response has the id."""
    reporter = make_reporter(
        [ROW], is_json=options.json, prints_results=False, hide_names=True, is_transient=True
    )
    async with reporter:
        if is_terminal():
            reporter.start(ROW, "creating")
        await asyncio.sleep(0)  # a signal that came by now ends it here
        run.url = client.base_url
        creating = asyncio.ensure_future(send(client))
        try:
            return await asyncio.shield(creating)
        except asyncio.CancelledError:
            run.is_interrupted = True
            reporter.say(INTERRUPTED)
            await asyncio.wait([creating])
            return creating.result()


def _print_id(task: VideoTask, *, is_json: bool) -> None:
    """Print the id on stdout, or on stderr if nobody reads stdout."""
    try:
        if is_json:
            print_task(task)
        else:
            print(task.id, flush=True)
    except OSError:
        print(f"sora-async: created {task.id}", file=sys.stderr, flush=True)
        raise


def _report_unknown(options: argparse.Namespace, run: CreateRun) -> Exit:
    """Say that the create was not waited for, and return the exit code."""
    if not run.url:
        return Exit(options.interrupted)
    if options.json:
        error = CreateOutcomeUnknownError(run.url, "a signal ended the wait for its response")
        print_object("error", error=encode_error(error))
    else:
        look = make_command(options, "list")
        print(
            "The outcome of the create is unknown: there may be a task, and it may be charged.\n"
            f"Check before you create it again:\n  {look}",
            file=sys.stderr,
            flush=True,
        )
    return Exit.UNCERTAIN
