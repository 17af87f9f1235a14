"""
The command: asks for tasks and waits for them, on a terminal, in a pipe, for people and machines.

Each subcommand is a module with one function, from parsed options to an exit code. They are
imported only when they run, and with them rich and the fake service: ``--help`` is quick, and
what needs no rich works without it.
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence

from .. import CreateOutcomeUnknownError, InvalidArgumentError, SoraError
from .arguments import parse
from .exit_codes import Exit

Command = Callable[[argparse.Namespace], Exit]

_COMMANDS = {
    "demo": ("demo", "demo"),
    "create": ("create", "create"),
    "wait": ("wait", "wait"),
    "download": ("download", "download"),
    "batch": ("batch", "batch"),
    "get": ("get", "get"),
    "list": ("list", "show_list"),
    "completion": ("completion", "completion"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command and return its exit code.

    Args:
        argv: The arguments; None means those of the command line.
    """
    if sys.stdout is None:  # closed by the caller; an id that is paid for must not be lost
        sys.stdout = sys.stderr or io.StringIO()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As stderr does: a server's text that the terminal's encoding lacks ends no command.
        sys.stdout.reconfigure(errors="backslashreplace")
    code: int = Exit.CLOSED_PIPE
    try:
        try:
            return _run(parse(argv))
        finally:
            # Here a closed pipe can be told from a bug; at exit Python would complain of it.
            sys.stdout.flush()
    except* BrokenPipeError:
        pass
    except* OSError as group:
        code = _tell_output(group)
    _let_go()
    return code


def _run(options: argparse.Namespace) -> int:
    try:
        return _dispatch(options)
    except SoraError as error:
        _tell(error, options)
        if isinstance(error, CreateOutcomeUnknownError):
            return Exit.UNCERTAIN
        return Exit.USAGE if isinstance(error, InvalidArgumentError) else Exit.FAILED
    except KeyboardInterrupt:
        return Exit(options.interrupted)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("rich", "shtab"):
            raise
        print(f'sora-async: needs {package}: pip install "sora-async[cli]"', file=sys.stderr)
        return Exit.USAGE


def _dispatch(options: argparse.Namespace) -> int:
    module, function = _COMMANDS[options.command]
    run: Command = getattr(importlib.import_module(f".commands.{module}", __package__), function)
    return run(options)


def _tell(error: SoraError, options: argparse.Namespace) -> None:
    """Tell of an error before or outside of any wait."""
    from .display.format import explain
    from .display.json_lines import describe_error, print_record

    if options.json:
        print_record("error", error=describe_error(error))
    else:
        print(f"sora-async: {explain(error)}", file=sys.stderr)


def _tell_output(group: BaseExceptionGroup[OSError]) -> Exit:
    """Tell of an output that takes no more, such as a file on a full disk."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    print(f"sora-async: {error}", file=sys.stderr)
    return Exit.FAILED


def _let_go() -> None:
    """Point broken outputs to nowhere: what is left in their buffers is written again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
