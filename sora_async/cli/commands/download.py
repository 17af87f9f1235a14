"""``sora-async download``: the video of a finished task, to a file."""

import argparse
import asyncio
import sys

from ... import SoraError, VideoFile
from ..client_options import make_client
from ..display.renderer import Renderer, RowOutcome, exit_code
from ..display.select import is_terminal, make_show
from ..exit_codes import Exit
from ..output_paths import download_options, find_path, make_folder
from ..resume_hint import tell_same
from ..signals import run_loop


def download(options: argparse.Namespace) -> Exit:
    """Download the video and print its path."""
    show = make_show([options.id], is_json=options.json, prints_results=True, is_bare=True)
    try:
        run_loop(_download(options, show), options)
    except KeyboardInterrupt:
        if not options.json:
            again = tell_same(options)
            print(f"What has come is kept. Go on with:\n  {again}", file=sys.stderr, flush=True)
        return Exit(options.interrupted)
    if not options.json and is_terminal():
        outcome = show.outcomes[options.id]
        if outcome.file is not None:
            print(outcome.file.path, flush=True)
        else:
            print(f"sora-async: {outcome.reason}", file=sys.stderr)
    return exit_code(show.outcomes.values())


async def _download(options: argparse.Namespace, show: Renderer) -> None:
    path = find_path(options.out, options.id)
    if options.out.endswith(("/", "\\")):
        make_folder(path.parent)
    async with make_client(options) as client:
        one = client.download(options.id, path, **download_options(options))
        started = asyncio.get_running_loop().time()
        end: VideoFile | SoraError
        async with show:
            show.begin(options.id, "downloading")
            try:
                async for event in one:
                    show.event(options.id, event)
                end = await one
            except SoraError as error:
                end = error
            show.settle(
                RowOutcome(
                    task_id=options.id,
                    last=None,
                    error=end if isinstance(end, SoraError) else None,
                    elapsed=asyncio.get_running_loop().time() - started,
                    file=end if isinstance(end, VideoFile) else None,
                )
            )
