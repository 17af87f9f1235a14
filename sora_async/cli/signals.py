"""The loop of a command, and what ends it: Ctrl-C, and SIGTERM in the same way."""

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from .exit_codes import Exit

T = TypeVar("T")


def run_loop(main: Coroutine[Any, Any, T], options: argparse.Namespace) -> T:
    """
    Run a coroutine as :func:`asyncio.run` does, and let SIGTERM end it as Ctrl-C would.

    Args:
        main: What is run. The first signal cancels it, a second one ends it at once.
        options: Of the command; their *interrupted* says afterwards which signal it was.

    Raises:
        KeyboardInterrupt: A signal has ended it, whichever of the two it was.
    """
    try:
        with asyncio.Runner() as runner:
            return runner.run(_heed(main, options))
    except asyncio.CancelledError:
        if options.interrupted is not Exit.TERMINATED:
            raise  # a bug, and to be seen as one
        raise KeyboardInterrupt from None
    finally:
        main.close()  # it never began where a Ctrl-C was quicker


async def _heed(main: Coroutine[Any, Any, T], options: argparse.Namespace) -> T:
    """
    Run a coroutine with an ear for SIGTERM.

    SIGTERM is not passed on as SIGINT: a shell makes those that it starts with ``&`` deaf to that.

    A handler of the loop lets every other signal wake the loop, too. Without one, a Ctrl-C that
    comes when the loop is about to sleep is not heard before its next timer, which may be the end
    of a request's patience.
    """
    task = asyncio.current_task()
    assert task is not None

    def end() -> None:
        is_second = options.interrupted is Exit.TERMINATED
        options.interrupted = Exit.TERMINATED
        if is_second:
            raise KeyboardInterrupt
        task.cancel()

    # RuntimeError: Windows, whose loop wakes by itself, or a thread, which hears no signals.
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    return await main
