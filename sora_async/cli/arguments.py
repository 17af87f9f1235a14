"""The arguments of ``sora-async``, and the client that they describe."""

import argparse
import difflib
import functools
import math
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from .. import SoraClient, Until, Watch, __version__
from ..dialects import DIALECTS
from . import help_texts as texts
from .exit_codes import Exit

SHELLS = ("bash", "zsh", "fish")
"""The shells that ``completion`` writes scripts for."""

DEFAULT_TIMEOUT = 1800.0
"""Seconds that a wait may take when ``--timeout`` does not say."""

DEFAULT_MAX_SIZE = 4 * 1024**3
"""Bytes that a video may have when ``--max-size`` does not say."""

_SIZE_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}

_DURATION = re.compile(
    r"(?:(?P<d>\d+(?:\.\d+)?)d)?"
    r"(?:(?P<h>\d+(?:\.\d+)?)h)?"
    r"(?:(?P<m>\d+(?:\.\d+)?)m)?"
    r"(?:(?P<s>\d+(?:\.\d+)?)s?)?"
)
"""A duration such as ``90``, ``90s``, ``5m`` or ``1h30m``."""

_DURATION_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """
    Return the options.

    *command* is the subcommand, *argv* the arguments, and *interrupted* the exit code for a run
    that a signal ends.

    Raises:
        SystemExit: There is nothing to run: help was printed, or the usage is wrong.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    known = argparse.Namespace(argv=words, interrupted=Exit.INTERRUPTED)
    parser, commands = make_parser()
    command = next((word for word in words if not word.startswith("-")), None)
    if command is not None and command not in commands:
        hint = _suggest(command, commands) or f"the commands are {', '.join(commands)}"
        parser.error(f"no command {command!r}: {hint}")
    options, unknown = parser.parse_known_args(words, known)
    if options.command is None:
        parser.print_help(sys.stderr)
        sys.exit(Exit.USAGE)
    if unknown:
        subparser = commands[options.command]
        hint = _suggest(unknown[0].partition("=")[0], subparser._option_string_actions)
        hint = hint or f'see "sora-async {options.command} --help"'
        subparser.error(f"unknown argument {unknown[0]!r}: {hint}")
    return options


def _suggest(word: str, known: Iterable[str]) -> str:
    """Return a question with the known word that was probably meant; "" when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def make_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser, and those of the commands by their names."""
    parser = argparse.ArgumentParser(
        prog="sora-async",
        description=texts.DESCRIPTION,
        epilog=texts.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND [-h]")
    add = functools.partial(_add_command, commands)
    _add_demo(add("demo", "see it work, without a key or network", texts.DEMO))
    _add_create(add("create", "create a video", texts.CREATE, texts.CREATE_EPILOG))
    _add_wait(add("wait", "wait for tasks", texts.WAIT, texts.WAIT_EPILOG))
    summary = "download the video of a task"
    _add_download(add("download", summary, texts.DOWNLOAD, texts.DOWNLOAD_EPILOG))
    summary = "create and download many videos"
    _add_batch(add("batch", summary, texts.BATCH, texts.BATCH_EPILOG))
    _add_get(add("get", "print what is known of a task", texts.GET, texts.GET_EPILOG))
    _add_list(add("list", "print the newest tasks", texts.LIST, texts.LIST_EPILOG))
    _add_remix(add("remix", "create a video from another", texts.REMIX, texts.REMIX_EPILOG))
    _add_tasks(add("delete", "delete tasks and their videos", texts.DELETE))
    _add_tasks(add("cancel", "cancel tasks", texts.CANCEL))
    _add_service(add("doctor", "print settings and test them", texts.DOCTOR, texts.DOCTOR_EPILOG))
    add("dialects", "print the API formats", texts.DIALECTS)
    summary = "print a script for shell completion"
    _add_completion(
        add("completion", summary, texts.COMPLETION, texts.COMPLETION_EPILOG, has_json=False)
    )
    return parser, commands.choices


def _add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    description: str,
    epilog: str | None = None,
    *,
    has_json: bool = True,
) -> argparse.ArgumentParser:
    """Add the parser of a subcommand, with the options that all have."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(json=False)
    if has_json:
        parser.add_argument(
            "--json", action="store_true", help="for programs: a JSON object a line"
        )
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--speed", type=_read_speed, default=1.0, metavar="FACTOR", help="10: ten times as fast"
    )


def _add_completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell that is to read it")


def _add_get(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the task's id, as the service gave it")
    _add_service(parser)


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit", type=_read_count, default=20, metavar="N", help="how many (default: 20)"
    )
    _add_service(parser)


def _add_tasks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", metavar="ID", nargs="+", help="a task's id, as the service gave it")
    _add_service(parser)


def _add_create(parser: argparse.ArgumentParser) -> None:
    create = parser.add_argument_group("create")
    _add_prompt(create)
    create.add_argument("--model", metavar="NAME", help="as the service spells it")
    create.add_argument("--seconds", metavar="N", help="the length of the video")
    create.add_argument("--size", metavar="WxH", help="such as 1280x720")
    create.add_argument("--reference", metavar="FILE|URL", help="an image or a video to start from")
    _add_field(create)
    _add_afterwards(parser)


def _add_remix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the id of the finished task to start from")
    create = parser.add_argument_group("create")
    _add_prompt(create)
    _add_field(create)
    _add_afterwards(parser)


_Group = argparse._ActionsContainer


def _add_prompt(parser: _Group) -> None:
    parser.add_argument("--prompt", required=True, metavar="TEXT", help='"-" reads it from stdin')


def _add_field(parser: _Group) -> None:
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other field of the service; may be repeated; NAME:=VALUE for a value in "
        "JSON, such as a number or true",
    )


def _add_afterwards(parser: argparse.ArgumentParser) -> None:
    after = parser.add_argument_group("afterwards")
    after.add_argument("--wait", action="store_true", help="wait for the video")
    _add_download_folder(after)
    _add_waiting(after)
    _add_file(after)
    _add_service(parser)


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", metavar="ID", nargs="+", help="a task's id, as the service gave it")
    _add_waiting(parser)
    _add_download_folder(parser)
    _add_file(parser)
    _add_service(parser)


def _add_download(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the task's id, as the service gave it")
    parser.add_argument(
        "--out",
        default=".",
        metavar="PATH",
        help="the file, or a folder for ID.mp4 (default: this one)",
    )
    _add_file(parser)
    _add_service(parser)


def _add_batch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prompts", metavar="PROMPTS", help='a file of JSON lines; "-" reads them from stdin'
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder for the videos")
    parser.add_argument(
        "--journal",
        metavar="FILE",
        help="where creates are recorded, for the next run (default: batch.jsonl in DIR)",
    )
    limits = (
        ("max-creates", 4, "creates sent at the same time (default: 4)"),
        ("max-waits", 20, "tasks on the service at the same time (default: 20)"),
        ("max-downloads", 4, "downloads at the same time (default: 4)"),
    )
    for name, number, text in limits:
        parser.add_argument(f"--{name}", type=_read_count, default=number, metavar="N", help=text)
    _add_timeout(parser)
    _add_service(parser)


def _add_download_folder(parser: _Group) -> None:
    parser.add_argument("--download", metavar="DIR", help="wait, and save the video as DIR/ID.mp4")


def _add_waiting(parser: _Group) -> None:
    _add_timeout(parser)
    parser.add_argument(
        "--until",
        choices=("video", "completed", "video_url"),
        help="what ends a wait: a video URL, or the service's own address of the file when no URL "
        "comes (video); success, with or without a URL (completed); a video URL and nothing "
        "else (video_url). default: video; with --download completed, for a download finds "
        "the file itself",
    )


def _add_timeout(parser: _Group) -> None:
    parser.add_argument(
        "--timeout",
        type=_read_duration,
        default=DEFAULT_TIMEOUT,
        metavar="TIME",
        help='for each wait, such as 90s, 5m or 1h30m; "none" for no limit (default: 30m)',
    )


def _add_file(parser: _Group) -> None:
    parser.add_argument(
        "--if-exists",
        choices=("error", "overwrite", "skip"),
        default="error",
        help="what to do if the file exists (default: error)",
    )
    parser.add_argument(
        "--max-size",
        type=_read_size,
        default=DEFAULT_MAX_SIZE,
        metavar="BYTES",
        help='the maximum size of a video, such as 500M or 2G, or "none" (default: 4 GiB)',
    )
    parser.add_argument(
        "--allow-private",
        action="store_true",
        help="allow links of a public service to private network addresses",
    )


def _add_service(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("service")
    group.add_argument(
        "--base-url", metavar="URL", help="the service's address (default: $SORA_BASE_URL)"
    )
    group.add_argument(
        "--api-key",
        metavar="KEY",
        help="the key (default: $SORA_API_KEY, which is safer: "
        "other users of this machine and your shell's history can see arguments)",
    )
    group.add_argument(
        "--allow-plain-http",
        action="store_true",
        help="send the key to an http address other than this machine",
    )
    group.add_argument(
        "--dialect",
        choices=tuple(DIALECTS),
        metavar="NAME",
        help="the service's API format, see 'sora-async dialects' (default: by its address)",
    )


def _read_duration(text: str) -> float | None:
    if text == "none":
        return None
    match = _DURATION.fullmatch(text.lower())
    numbers = match.groupdict() if match else {}
    seconds = sum(float(numbers[unit]) * _DURATION_UNITS[unit] for unit in numbers if numbers[unit])
    if not seconds:
        raise argparse.ArgumentTypeError(
            f"expected a time above 0 such as 90s, 5m or 1h30m, or none; got {text!r}"
        )
    return seconds


def _read_count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text!r}")
    return int(text)


def _read_size(text: str) -> int | None:
    if text == "none":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?) *([kmg]?)b?", text.lower())
    size = int(float(match[1]) * _SIZE_UNITS[match[2]]) if match else 0
    if not size:
        raise argparse.ArgumentTypeError(f"expected a size such as 500M or 2G, got {text!r}")
    return size


def _read_speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.0 < speed < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return speed


def make_client(options: argparse.Namespace, **more: Any) -> SoraClient:
    """
    Return a client for the options; the environment has the defaults, and the proxies.

    Raises:
        InvalidArgumentError: An option is invalid.
    """
    if options.dialect is not None:
        more["dialect"] = options.dialect
    return SoraClient(
        api_key=options.api_key,
        base_url=options.base_url,
        allow_plain_http=options.allow_plain_http,
        trust_env=True,
        **more,
    )


def make_watch(options: argparse.Namespace, client: SoraClient, task_id: str) -> Watch:
    """
    Return the wait for a task.

    Raises:
        InvalidArgumentError: The id or an option is invalid.
    """
    until: Until = options.until or ("video" if options.download is None else "completed")
    return client.wait_until_complete(task_id, timeout=options.timeout, until=until)
