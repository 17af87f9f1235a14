"""The command that goes on where this one has ended, to be copied into a shell."""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence

from .display.format import count


def tell_again(options: argparse.Namespace, command: str, *task_ids: str) -> str:
    """
    Return another command for the same service, with what this one's options say of files.

    Args:
        options: Of this command.
        command: The subcommand.
        task_ids: What it is about.
    """
    words = ["sora-async", command]
    names = ["base-url", "dialect", "allow-plain-http"]
    if command == "wait" and options.download is not None:
        names += ["download", "if-exists", "allow-private"]
    for name in names:
        value = getattr(options, name.replace("-", "_"))
        if value not in (None, False, "error"):
            words += [f"--{name}"] if value is True else [f"--{name}", value]
    dashes = ["--"] if any(task_id.startswith("-") for task_id in task_ids) else []
    return shlex.join([*words, *dashes, *task_ids])


def tell_same(options: argparse.Namespace) -> str:
    """Return this command, without its key: that is not to be seen."""
    return shlex.join(["sora-async", *_without_key(options.argv)])


def _without_key(words: Sequence[str]) -> Iterator[str]:
    is_key = False
    for word in words:
        if not is_key and not word.startswith("--api-key"):
            yield word
        is_key = word == "--api-key" and not is_key


def tell_rest(options: argparse.Namespace, task_ids: Sequence[str]) -> None:
    """Say on stderr which tasks may go on without us, and the command that waits for them again."""
    if not task_ids:
        return
    again = tell_again(options, "wait", *task_ids)
    tasks = count(len(task_ids), "task")
    print(f"{tasks} not settled. Wait again with:\n  {again}", file=sys.stderr, flush=True)
