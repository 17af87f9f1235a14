"""``sora-async wait``: any number of tasks, until each has a video or an end."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence

from ... import Download, SoraClient, SoraError, VideoFile, Watch
from ..._wire.origins import is_same_origin
from ..._wire.urls import check_task_id
from ..arguments import make_client, make_watch
from ..display.clock import read_clock
from ..display.messages import explain_error, find_address
from ..display.output import is_terminal, make_reporter
from ..display.plain_lines import print_result
from ..display.reporter import Reporter
from ..display.states import TaskResult, make_interruption
from ..exit_codes import Exit, choose_exit
from ..output_paths import make_save
from ..resume_hint import print_key_hint, print_wait_again
from ..signals import run_until_signal


def wait(options: argparse.Namespace) -> Exit:
    """Wait for the tasks and print their addresses."""
    task_ids = list(dict.fromkeys(options.ids))
    client = make_client(options)
    reporter = make_reporter(task_ids, is_json=options.json, prints_results=True)
    try:
        run_until_signal(_wait(client, task_ids, options, reporter), options)
    except KeyboardInterrupt:
        code = Exit(options.interrupted)
    else:
        code = choose_exit(reporter.results.values())
    if not options.json:
        print_ends(task_ids, options, reporter, client)
    return code


async def _wait(
    client: SoraClient, task_ids: Sequence[str], options: argparse.Namespace, reporter: Reporter
) -> None:
    for task_id in task_ids:
        check_task_id(task_id)  # before any wait is made: one that is not awaited warns
    async with client:
        save = make_save(options, client)
        watches = [make_watch(options, client, task_id) for task_id in task_ids]
        await report_waits(watches, reporter, save=save)


def print_ends(
    task_ids: Sequence[str], options: argparse.Namespace, reporter: Reporter, client: SoraClient
) -> None:
    """Print what a table had no room for, and how to wait for the tasks that may go on."""
    results = reporter.results
    if is_terminal():
        _print_results([results[name] for name in task_ids if name in results], len(task_ids))
    print_key_hint(options, _find_addresses_with_key(results.values(), client))
    rest = [name for name in task_ids if name not in results or results[name].may_go_on]
    has_timed_out = any(result.outcome == "timeout" for result in results.values())
    print_wait_again(options, rest, has_timed_out=has_timed_out)


def _print_results(results: Iterable[TaskResult], number: int) -> None:
    """Print addresses and paths on stdout, and errors in full on stderr."""
    for result in results:
        if result.error is None:
            print_result(result, is_alone=number == 1)
        elif result.outcome != "interrupted":
            print(f"{result.task_id}: {explain_error(result.error)}", file=sys.stderr)


def _find_addresses_with_key(results: Iterable[TaskResult], client: SoraClient) -> list[str]:
    """Return the tasks whose printed address is on the service itself, which wants its key."""
    if not client.has_api_key:
        return []
    return [
        result.task_id
        for result in results
        if result.error is None
        and result.file is None
        and is_same_origin(find_address(result.task), client.base_url)
    ]


async def report_waits(
    watches: Iterable[Watch],
    reporter: Reporter,
    *,
    save: Callable[[Watch], Download] | None = None,
    interruption: str = "",
) -> None:
    """
    Wait for all tasks, and report their events and ends.

    Args:
        watches: The waits; none may have begun.
        reporter: Where their events and ends go. When it is cancelled, each gets a result.
        save: Returns the download of a wait; None: the videos stay where they are.
        interruption: What is shown of a wait that a signal ends; "": whether its task goes on.

    Raises:
        ExceptionGroup: The reporter failed; because of a closed pipe, for example.
    """
    async with reporter, asyncio.TaskGroup() as group:
        for watch in watches:
            group.create_task(_report_wait(watch, reporter, save, interruption))


async def _report_wait(
    watch: Watch,
    reporter: Reporter,
    save: Callable[[Watch], Download] | None,
    interruption: str,
) -> None:
    started = read_clock()
    end: VideoFile | SoraError | None
    try:
        if save is None:
            end = await _report_events(watch, watch, reporter)
        else:
            end = await _report_download(save(watch), watch, reporter)
    except asyncio.CancelledError:
        error = make_interruption(watch.task_id or "", watch.latest)
        reporter.finish(_make_result(watch, error, started, note=interruption))
        raise
    reporter.finish(_make_result(watch, end, started))


async def _report_events(
    source: Watch | Download, watch: Watch, reporter: Reporter
) -> SoraError | None:
    """Report all events of a wait or a download, and return its error."""
    try:
        async for event in source:
            reporter.update(watch.task_id or "", event)
    except SoraError as error:
        return error
    return None


async def _report_download(
    download: Download, watch: Watch, reporter: Reporter
) -> VideoFile | SoraError:
    """Report a wait and its download, which checks its file before the first poll."""

    async def report_wait() -> None:
        if await _report_events(watch, watch, reporter) is None:
            reporter.start(watch.task_id or "", "downloading")

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(report_wait())
        error = await _report_events(download, watch, reporter)
        waiting.cancel()
    return error or await download


def _make_result(
    watch: Watch, end: VideoFile | SoraError | None, started: float, *, note: str = ""
) -> TaskResult:
    return TaskResult(
        task_id=watch.task_id or "",
        last=watch.latest,
        error=end if isinstance(end, SoraError) else None,
        elapsed=read_clock() - started,
        file=end if isinstance(end, VideoFile) else None,
        note=note,
    )
