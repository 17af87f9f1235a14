"""``sora-async delete`` and ``cancel``: one call for each of several tasks."""

import argparse
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from ... import SoraClient, SoraError
from ..._wire.urls import check_task_id
from ..arguments import make_client
from ..display.json_lines import encode_error, print_object
from ..display.messages import explain_error
from ..exit_codes import Exit
from ..signals import run_until_signal

Call = Callable[[SoraClient, str], Coroutine[Any, Any, None]]


def delete(options: argparse.Namespace) -> Exit:
    """Delete the tasks one after the other; the exit code is 1 if one cannot be deleted."""
    return run_until_signal(_call_each(SoraClient.delete_task, "deleted", options), options)


def cancel(options: argparse.Namespace) -> Exit:
    """Cancel the tasks one after the other; the exit code is 1 if one cannot be cancelled."""
    return run_until_signal(_call_each(SoraClient.cancel_task, "cancelled", options), options)


async def _call_each(
    call: Call, done: Literal["deleted", "cancelled"], options: argparse.Namespace
) -> Exit:
    for task_id in options.ids:
        check_task_id(task_id)
    code = Exit.OK
    async with make_client(options) as client:
        for task_id in options.ids:
            error = None
            try:
                await call(client, task_id)
            except SoraError as failure:
                error, code = failure, Exit.FAILED
            _print_result(task_id, done, error, is_json=options.json)
    return code


def _print_result(
    task_id: str, done: Literal["deleted", "cancelled"], error: SoraError | None, *, is_json: bool
) -> None:
    if is_json:
        print_object(done, id=task_id, error=encode_error(error))
    elif error is None:
        print(f"{done} {task_id}", flush=True)
    else:
        print(f"sora-async: {task_id}: {explain_error(error)}", file=sys.stderr)
