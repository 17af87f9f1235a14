"""The command that continues after this one, to copy into a shell."""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from .arguments import DEFAULT_MAX_SIZE, DEFAULT_TIMEOUT
from .display.format import count, format_duration

_SERVICE = ("base_url", "dialect", "allow_plain_http")
_FILE = ("if_exists", "max_size", "allow_private")


def make_command(
    options: argparse.Namespace, command: str, *task_ids: str, has_timed_out: bool = False
) -> str:
    """
    Return a command for the same service, with what this one's options say of waits and files.

    Args:
        options: Of this command.
        command: The subcommand, with options of its own if need be.
        task_ids: Its arguments.
        has_timed_out: Whether the time of this one has passed: the next has the default again.
    """
    words = ["sora-async", *command.split()]
    names = [*_SERVICE]
    if words[1] == "wait":
        names += ["until"] if has_timed_out else ["timeout", "until"]
        names += ["download"] if options.download is not None else []
    if "download" in names or "--download" in words or command == "download":
        names += _FILE
    for name in names:
        value = _write(name, getattr(options, name))
        if value not in (None, False, "error"):
            flag = f"--{name.replace('_', '-')}"
            words += [flag] if value is True else [flag, value]
    dashes = ["--"] if any(task_id.startswith("-") for task_id in task_ids) else []
    return shlex.join([*words, *dashes, *task_ids])


def _write(name: str, value: Any) -> Any:
    """Return the value of an option as a command has it; None for what it is by default."""
    if name == "timeout":
        text = "none" if value is None else format_duration(value)
        return None if value == DEFAULT_TIMEOUT else text
    if name == "max_size":
        text = "none" if value is None else str(value)
        return None if value == DEFAULT_MAX_SIZE else text
    return value


def repeat_command(options: argparse.Namespace) -> str:
    """Return this command, without the key."""
    return shlex.join(["sora-async", *_without_key(options.argv)])


def _without_key(words: Sequence[str]) -> Iterator[str]:
    is_key = False
    for word in words:
        if not is_key and not word.startswith("--api-key"):
            yield word
        is_key = word == "--api-key" and not is_key


def print_wait_again(
    options: argparse.Namespace, task_ids: Sequence[str], *, has_timed_out: bool = False
) -> None:
    """Say on stderr which tasks may still be going on, and the command that waits for them."""
    if not task_ids:
        return
    again = make_command(options, "wait", *task_ids, has_timed_out=has_timed_out)
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
