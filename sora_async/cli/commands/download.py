"""``sora-async download``: the video of a finished task, to a file."""

import argparse
import sys

from ... import SoraError, VideoFile
from ..arguments import make_client
from ..display.clock import read_clock
from ..display.messages import explain_error
from ..display.output import is_terminal, make_reporter
from ..display.reporter import Reporter
from ..display.states import TaskResult
from ..exit_codes import Exit, choose_exit
from ..output_paths import check_folder, download_options, find_path
from ..resume_hint import repeat_command
from ..signals import run_until_signal


def download(options: argparse.Namespace) -> Exit:
    """Download the video and print its path."""
    reporter = make_reporter(
        [options.id], is_json=options.json, prints_results=True, hide_names=True
    )
    try:
        run_until_signal(_download(options, reporter), options)
    except KeyboardInterrupt:
        if not options.json:
            again = repeat_command(options)
            print(f"The part received is kept. Continue with:\n  {again}", file=sys.stderr)
        return Exit(options.interrupted)
    if not options.json and is_terminal():
        result = reporter.results[options.id]
        if result.error is not None:
            print(f"sora-async: {explain_error(result.error)}", file=sys.stderr)
        else:
            assert result.file is not None
            print(result.file.path, flush=True)
    return choose_exit(reporter.results.values())


async def _download(options: argparse.Namespace, reporter: Reporter) -> None:
    path = find_path(options.out, options.id)
    check_folder(path.parent, "--out")
    async with make_client(options) as client:
        transfer = client.download(options.id, path, **download_options(options))
        started = read_clock()
        file: VideoFile | None = None
        error: SoraError | None = None
        async with reporter:
            reporter.start(options.id, "downloading")
            try:
                async for event in transfer:
                    reporter.update(options.id, event)
                file = await transfer
            except SoraError as failure:
                error = failure
            elapsed = read_clock() - started
            result = TaskResult(
                task_id=options.id, last=None, error=error, elapsed=elapsed, file=file
            )
            reporter.finish(result)
