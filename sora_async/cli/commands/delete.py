"""``sora-async delete``: removes tasks and their videos from the service."""

import argparse
import sys

from ... import SoraError
from ..._wire.urls import check_task_id
from ..arguments import make_client
from ..display.messages import explain_error
from ..exit_codes import Exit
from ..signals import run_until_signal


def delete(options: argparse.Namespace) -> Exit:
    """Delete the tasks one after the other; the exit code is 1 if one cannot be deleted."""
    return run_until_signal(_delete(options), options)


async def _delete(options: argparse.Namespace) -> Exit:
    for task_id in options.ids:
        check_task_id(task_id)
    code = Exit.OK
    async with make_client(options) as client:
        for task_id in options.ids:
            try:
                await client.delete_task(task_id)
            except SoraError as error:
                code = Exit.FAILED
                _print_result(task_id, error, is_json=options.json)
            else:
                _print_result(task_id, None, is_json=options.json)
    return code


def _print_result(task_id: str, error: SoraError | None, *, is_json: bool) -> None:
    if is_json:
        from ..display.json_lines import encode_error, print_object

        print_object("deleted", id=task_id, error=encode_error(error))
    elif error is None:
        print(f"deleted {task_id}", flush=True)
    else:
        print(f"sora-async: {task_id}: {explain_error(error)}", file=sys.stderr)
