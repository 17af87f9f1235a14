"""The command that continues after this one, to copy into a shell."""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence

from .display.format import count


def make_command(options: argparse.Namespace, command: str, *task_ids: str) -> str:
    """
    Return a command for the same service, with what this one's options say of files.

    Args:
        options: Of this command.
        command: The subcommand, with options of its own if need be.
        task_ids: Its arguments.
    """
    words = ["sora-async", *command.split()]
    names = ["base-url", "dialect", "allow-plain-http"]
    if command == "wait" and options.download is not None:
        names += ["download", "if-exists", "allow-private"]
    for name in names:
        value = getattr(options, name.replace("-", "_"))
        if value not in (None, False, "error"):
            words += [f"--{name}"] if value is True else [f"--{name}", value]
    dashes = ["--"] if any(task_id.startswith("-") for task_id in task_ids) else []
    return shlex.join([*words, *dashes, *task_ids])


def repeat_command(options: argparse.Namespace) -> str:
    """Return this command, without the key."""
    return shlex.join(["sora-async", *_without_key(options.argv)])


def _without_key(words: Sequence[str]) -> Iterator[str]:
    is_key = False
    for word in words:
        if not is_key and not word.startswith("--api-key"):
            yield word
        is_key = word == "--api-key" and not is_key


def print_wait_again(options: argparse.Namespace, task_ids: Sequence[str]) -> None:
    """Say on stderr which tasks may still be going on, and the command that waits for them."""
    if not task_ids:
        return
    again = make_command(options, "wait", *task_ids)
    tasks = count(len(task_ids), "task")
    head = f"{tasks} may still be running on the service. Wait again with:"
    print(f"{head}\n  {again}", file=sys.stderr, flush=True)


def print_key_hint(options: argparse.Namespace, task_ids: Sequence[str]) -> None:
    """Say on stderr which addresses need the key, and the command that downloads them."""
    if not task_ids:
        return
    if len(task_ids) == 1:
        head = "This address may need the API key. Download the video with:"
        again = make_command(options, "download", *task_ids)
    else:
        head = f"{len(task_ids)} of these addresses may need the API key. Download the videos with:"
        again = make_command(options, "wait --download .", *task_ids)
    print(f"{head}\n  {again}", file=sys.stderr, flush=True)
