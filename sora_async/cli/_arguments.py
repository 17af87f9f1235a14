"""What may be written behind ``sora-async``."""

import argparse
import sys
from collections.abc import Sequence

from .. import __version__
from ._exits import Exit

DESCRIPTION = "Wait for the videos of a Sora-compatible service."

EPILOG = """\
examples:
  sora-async demo                       see it work: no key, no network
  export SORA_API_KEY=...               the key, for all that follows
  sora-async get video_123              what the service knows of a task now
  sora-async wait video_123 video_456   wait for both, print their addresses
  sora-async wait --json video_123      the same for programs

exit codes:
  0 all is well             1 a task or the service failed
  2 wrong usage             124 the timeout ran out, tasks go on
  130 Ctrl-C                141 nobody reads the output any more

"sora-async COMMAND --help" tells more of each command."""

DEMO = """\
Start a fake service in this process, wait for six tasks of different fates,
and tell what happened. It needs no key and no network, and about 12 seconds."""

GET = "Ask for a task once and print what the service knows of it."

WAIT = """\
Wait for any number of tasks at once.

On a terminal, bars show how they come along; anywhere else, lines on stderr.
The addresses of the videos go to stdout: bare for one ID, and for several as
"ID<tab>ADDRESS"."""

WAIT_EPILOG = """\
examples:
  sora-async wait video_123 video_456
  curl -o boat.mp4 "$(sora-async wait video_123)"
  sora-async wait --timeout 600 video_123 || echo "exit code $?"
  sora-async wait --json video_123 | jq -r 'select(.outcome).video_url'"""

GET_EPILOG = """\
examples:
  sora-async get video_123
  sora-async get --json video_123 | jq .progress"""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """
    Return the options; *command* is the subcommand.

    Raises:
        SystemExit: There is nothing to run: help was asked for, or the usage is wrong.
    """
    parser = argparse.ArgumentParser(
        prog="sora-async",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    _add_demo(_add_command(commands, "demo", "see it work, without key or network", DEMO))
    _add_get(_add_command(commands, "get", "print what is known of a task", GET, GET_EPILOG))
    _add_wait(_add_command(commands, "wait", "wait for tasks", WAIT, WAIT_EPILOG))
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help(sys.stderr)
        sys.exit(Exit.USAGE)
    return options


def _add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    description: str,
    epilog: str | None = None,
) -> argparse.ArgumentParser:
    """Return the parser of a subcommand, with the options that all of them have."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="for programs: a JSON object a line")
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--speed", type=_read_speed, default=1.0, metavar="FACTOR", help="10: ten times as fast"
    )


def _add_get(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the task's id, as the service gave it")
    _add_service(parser)


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", metavar="ID", nargs="+", help="a task's id, as the service gave it")
    parser.add_argument(
        "--timeout",
        type=_read_timeout,
        default=1800.0,
        metavar="SECONDS",
        help='for each wait; "none" for no limit (default: 1800)',
    )
    parser.add_argument(
        "--until",
        choices=("video", "completed", "video_url"),
        default="video",
        help="what ends a wait: a video URL, or the service's own address of the file when no URL "
        "comes (video); success, with or without a URL (completed); a video URL and nothing "
        "else (video_url). default: video",
    )
    _add_service(parser)


def _add_service(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--base-url", metavar="URL", help="the service's address (default: $SORA_BASE_URL)"
    )
    parser.add_argument(
        "--api-key",
        metavar="KEY",
        help="the key (default: $SORA_API_KEY, which is safer: "
        "other users of this machine and your shell's history can see arguments)",
    )
    parser.add_argument(
        "--allow-plain-http",
        action="store_true",
        help="send the key to an http address that is not this machine, too",
    )


def _read_timeout(text: str) -> float | None:
    return None if text == "none" else float(text)


def _read_speed(text: str) -> float:
    speed = float(text)
    if not 0.0 < speed < float("inf"):
        raise ValueError("no time passes at this speed")
    return speed
