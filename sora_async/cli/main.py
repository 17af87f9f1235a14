"""
The entry point of the command ``sora-async``.

Each subcommand is a module with one function, from parsed options to an exit code. It is imported
only when it runs, and rich and the fake service only with it: ``--help`` is quick, and whatever
needs no rich works without it.
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
    "remix": ("create", "remix"),
    "delete": ("delete", "delete"),
    "cancel": ("delete", "cancel"),
    "doctor": ("doctor", "doctor"),
    "dialects": ("dialects", "dialects"),
    "completion": ("completion", "completion"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command and return its exit code.

    Args:
        argv: The arguments; None means those of the command line.
    """
    if sys.stdout is None:  # closed by the caller; the id of a task that costs must not be lost
        sys.stdout = sys.stderr or io.StringIO()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As stderr does: text that the terminal's encoding lacks must not end the command.
        sys.stdout.reconfigure(errors="backslashreplace")
    code: int = Exit.CLOSED_PIPE
    try:
        try:
            return _run(parse(argv))
        finally:
            # Here a closed pipe differs from a bug; at exit Python would print an error.
            sys.stdout.flush()
    except* BrokenPipeError:
        pass
    except* OSError as group:
        code = _print_output_error(group)
    _discard_output()
    return code


def _run(options: argparse.Namespace) -> int:
    try:
        return _dispatch(options)
    except SoraError as error:
        _print_error(error, options)
        if isinstance(error, CreateOutcomeUnknownError):
            return Exit.UNCERTAIN
        return Exit.USAGE if isinstance(error, InvalidArgumentError) else Exit.FAILED
    except KeyboardInterrupt:
        return Exit(options.interrupted)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("rich", "shtab"):
            raise
        hint = 'run pip install ".[cli]" in a checkout of sora-async'
        print(f"sora-async: {package} is not installed: {hint}", file=sys.stderr)
        return Exit.USAGE


def _dispatch(options: argparse.Namespace) -> int:
    module, function = _COMMANDS[options.command]
    run: Command = getattr(importlib.import_module(f".commands.{module}", __package__), function)
    return run(options)


def _print_error(error: SoraError, options: argparse.Namespace) -> None:
    """Print an error that is not a task's."""
    from .display.json_lines import encode_error, print_object
    from .display.messages import explain_error

    if options.json:
        print_object("error", error=encode_error(error))
    else:
        print(f"sora-async: {explain_error(error)}", file=sys.stderr)


def _print_output_error(group: BaseExceptionGroup[OSError]) -> Exit:
    """Print an error of the output, such as a full disk."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    print(f"sora-async: {error}", file=sys.stderr)
    return Exit.FAILED


def _discard_output() -> None:
    """Point broken outputs to the null device: Python writes their buffers again at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(null, stream.fileno())
    os.close(null)
