"""The command that goes on where this one has ended, to be copied into a shell."""

import argparse
import shlex
import sys
from collections.abc import Sequence


def tell_again(options: argparse.Namespace, command: str, *words: str) -> str:
    """
    Return a command with those of the options that it has in common with this one.

    Args:
        options: Of this command.
        command: The subcommand.
        words: What it is about; behind ``--`` where one looks like an option.
    """
    given = ["sora-async", command]
    for name, value in _shared(options, command):
        given += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    dashes = ["--"] if any(word.startswith("-") and word != "-" for word in words) else []
    return shlex.join([*given, *dashes, *words])


def _shared(options: argparse.Namespace, command: str) -> list[tuple[str, object]]:
    """Return options that were given; the key is not among them, for it must not be printed."""
    names = ["base-url", "dialect", "allow-plain-http"]
    if command == "wait":
        names += ["download"]
    if getattr(options, "download", None) is not None or command == "batch":
        names += ["if-exists", "allow-private"]
    pairs = [(name, getattr(options, name.replace("-", "_"), None)) for name in names]
    return [(name, value) for name, value in pairs if value not in (None, False, "error")]


def tell_rest(options: argparse.Namespace, task_ids: Sequence[str]) -> None:
    """Say on stderr which tasks may go on without us, and the command that waits for them again."""
    if not task_ids:
        return
    again = tell_again(options, "wait", *task_ids)
    tasks = "1 task" if len(task_ids) == 1 else f"{len(task_ids)} tasks"
    print(f"{tasks} not settled. Wait again with:\n  {again}", file=sys.stderr, flush=True)
