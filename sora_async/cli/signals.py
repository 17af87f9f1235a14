"""Runs the coroutine of a command so that Ctrl-C and SIGTERM end it."""

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from .exit_codes import Exit

T = TypeVar("T")


def run_until_signal(main: Coroutine[Any, Any, T], options: argparse.Namespace) -> T:
    """
    Run a coroutine as :func:`asyncio.run` does; SIGTERM ends it as Ctrl-C does.

    Args:
        main: What is run. The first signal cancels it, a second one ends it at once.
        options: The command's; their *interrupted* says afterwards which signal it was.

    Raises:
        KeyboardInterrupt: A signal ended it, whichever of the two.
    """
    try:
        with asyncio.Runner() as runner:
            return runner.run(_run_with_sigterm(main, options))
    except asyncio.CancelledError:
        if options.interrupted is not Exit.TERMINATED:
            raise  # a bug, and to be seen as one
        raise KeyboardInterrupt from None
    finally:
        main.close()  # it never began when a Ctrl-C came first


async def _run_with_sigterm(main: Coroutine[Any, Any, T], options: argparse.Namespace) -> T:
    """
    Run a coroutine, and cancel it at SIGTERM.

    SIGTERM is not passed on as SIGINT: programs that a shell starts with ``&`` ignore that.

    A handler of the loop makes every signal wake the loop. Without one, a Ctrl-C that comes just
    before the loop sleeps takes effect only at its next timer, which may be a request's timeout.
    """
    task = asyncio.current_task()
    assert task is not None

    def terminate() -> None:
        is_second = options.interrupted is Exit.TERMINATED
        options.interrupted = Exit.TERMINATED
        if is_second:
            raise KeyboardInterrupt
        task.cancel()

    # RuntimeError: on Windows, whose loop wakes by itself, or in a thread, which gets no signals.
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
    return await main
