"""``sora-async completion``: a script for shell completion."""

import argparse
from collections.abc import Iterator
from typing import Final

import shtab

from ..arguments import make_parser
from ..exit_codes import Exit

PATHS: Final = {
    "--download": shtab.DIRECTORY,
    "--out": shtab.FILE,
    "--journal": shtab.FILE,
    "--reference": shtab.FILE,
    "PROMPTS": shtab.FILE,
}
"""Options and arguments that are completed with paths."""


def completion(options: argparse.Namespace) -> Exit:
    """Print the script, which has all options in it and starts no Python."""
    parser, _ = make_parser()
    for summary, command in _find_commands(parser):
        command.description = summary
        for action in command._actions:
            name = action.option_strings[0] if action.option_strings else action.metavar
            if isinstance(name, str) and name in PATHS:
                action.complete = PATHS[name]  # type: ignore[attr-defined]
    print(shtab.complete(parser, options.shell))
    return Exit.OK


def _find_commands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str | None, argparse.ArgumentParser]]:
    """Yield each subcommand with its summary, which fits a menu."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for known in action._choices_actions:
                yield known.help, action.choices[known.dest]
