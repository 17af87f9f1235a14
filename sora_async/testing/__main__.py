"""``python -m sora_async.testing``: the fake service on a port, for programs in any language."""

import argparse
import asyncio
import contextlib
import math
import signal
import sys
from collections.abc import Sequence
from shlex import quote
from typing import get_args

from ._lives import Life
from ._server import FakeSora
from ._servers import SERVERS
from ._snapshots import Shape

LIVES = {
    "done in half a minute": Life(queued=5, running=25),
    "slow: done in five minutes": Life(queued=20, running=280),
    "fails after 20 seconds": Life(
        queued=3,
        running=17,
        failure=("moderation_blocked", "Your request was blocked by our moderation system."),
    ),
    "completed after 20 seconds, its URL 20 seconds later": Life(
        queued=3, running=17, url_delay=20
    ),
}
"""The tasks that are there from the start, by what is said of them."""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the fake service until it is interrupted or terminated.

    Args:
        argv: The arguments; None means those of the command line.

    Returns:
        The exit code: 0, or 1 when the address cannot be listened on.
    """
    options = _parse(argv)
    # Where a loop knows no signals, as on Windows, Ctrl-C still is a KeyboardInterrupt.
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_serve(options))
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sora_async.testing",
        description="A fake video service for tests, until Ctrl-C.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=8123, help="port; 0 is a free one (%(default)s)"
    )
    parser.add_argument(
        "--shape", choices=get_args(Shape), default="page", help="kind of server (%(default)s)"
    )
    parser.add_argument("--api-key", metavar="KEY", help="key to ask for (none is asked for)")
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="FACTOR", help="10: ten times as fast"
    )
    options = parser.parse_args(argv)
    if options.port not in range(1 << 16):
        parser.error("argument --port: a port is from 0 to 65535")
    if not 0.0 < options.speed < math.inf:
        parser.error("argument --speed: a factor is more than 0")
    return options


async def _serve(options: argparse.Namespace) -> int:
    """Run the fake until a signal says that it is enough, and return the exit code."""
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, enough.set)
    fake = FakeSora(
        api_key=options.api_key,
        shape=options.shape,
        host=options.host,
        port=options.port,
        default_life=next(iter(LIVES.values())).faster(options.speed),
    )
    try:
        await fake.start()
    except OSError as error:
        reason = str(error).rpartition(": ")[2]
        print(f"cannot listen on {options.host}:{options.port}: {reason}", file=sys.stderr)
        return 1
    async with fake:
        tasks = {
            fake.add(life.faster(options.speed), at_first_poll=True): text
            for text, life in LIVES.items()
        }
        print(_introduce(fake.url, tasks, options), flush=True)
        await enough.wait()
    return 0


def _introduce(url: str, tasks: dict[str, str], options: argparse.Namespace) -> str:
    """Return what a user wants to know first: the address, some ids, and how to ask."""
    pace = "" if options.speed == 1.0 else f", {options.speed:g} times as fast"
    key = options.api_key or "any"
    target = SERVERS[options.shape].routes.poll_target(next(iter(tasks)))
    header = f"-H 'Authorization: Bearer {options.api_key}' " if options.api_key else ""
    return "\n".join(
        [
            f"Fake video service at {url}",
            "",
            f"Tasks, each beginning when it is first asked for{pace}:",
            *(f"  {task_id}  {text}" for task_id, text in tasks.items()),
            "",
            f"export SORA_BASE_URL={url}",
            f"export SORA_API_KEY={key}",
            "",
            f"curl {header}{quote(url + target)}",
            "",
            "Ctrl-C ends it.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
