"""``python -m sora_async.testing``: the fake service on a port, for programs in any language."""

import argparse
import asyncio
import contextlib
import itertools
import math
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import quote
from typing import Final, get_args

import attrs

from .control_api import ROOT, ControlApi
from .profiles.known_servers import SERVERS
from .profiles.task_state import Shape
from .scenario import Scenario
from .script_file import ScriptedTask, ScriptFile, load_script
from .server.fake_sora import FakeSora
from .server.random_faults import FaultName, RandomFaults

DEFAULT_SCENARIOS: Final = {
    "done in half a minute": Scenario(queued=5, running=25),
    "slow: done in five minutes": Scenario(queued=20, running=280),
    "fails after 20 seconds": Scenario(
        queued=3,
        running=17,
        failure=("moderation_blocked", "Your request was blocked by our moderation system."),
    ),
    "completed after 20 seconds, its URL 20 seconds later": Scenario(
        queued=3, running=17, url_delay=20
    ),
}
"""The tasks that are there from the start, by what is said of them, where no file names others."""

MAX_TASK_LINES: Final = 10
"""More tasks than these are shown in one line."""

_NEEDS_PYYAML: Final = (
    'a script in YAML needs PyYAML: run pip install ".[testing]" in a checkout of sora-async, '
    "or write JSON"
)


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the fake service until it is interrupted or terminated.

    Args:
        argv: The arguments; None means those of the command line.

    Returns:
        The exit code: 0; 1 when it cannot listen on the address; 2 when the script file is not
        valid. Wrong arguments exit with 2.
    """
    options = _parse(argv)
    try:
        script = _make_script(options)
    except (OSError, ValueError, ImportError) as error:
        print(_explain(error), file=sys.stderr)
        return 2
    # Where a loop has no signal handlers, as on Windows, Ctrl-C is a KeyboardInterrupt.
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_serve(options, script))
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sora_async.testing",
        description="Run a fake video service for tests, until Ctrl-C.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=8123, help="port; 0 is a free one (%(default)s)"
    )
    parser.add_argument(
        "--script",
        type=Path,
        metavar="FILE",
        help="read tasks and settings from a YAML or JSON file",
    )
    parser.add_argument(
        "--tasks",
        type=_read_count,
        metavar="N",
        help="number of tasks, of four kinds in turn (4)",
    )
    parser.add_argument("--shape", choices=get_args(Shape), help="kind of server (page)")
    parser.add_argument("--api-key", metavar="KEY", help="key that requests must send (none)")
    parser.add_argument(
        "--speed",
        type=_read_speed,
        metavar="FACTOR",
        help="run scenarios faster; 10: ten times as fast",
    )
    parser.add_argument(
        "--random-faults",
        type=_read_rates,
        metavar="RATES",
        help=f"random faults: 429=0.05,reset=0.01, of {', '.join(get_args(FaultName))}",
    )
    parser.add_argument("--seed", type=int, metavar="NUMBER", help="seed of the random faults (0)")
    options = parser.parse_args(argv)
    if options.port not in range(1 << 16):
        parser.error("argument --port: a port is from 0 to 65535")
    return options


def _read_speed(text: str) -> float:
    speed = float(text)
    if not 0.0 < speed < math.inf:
        raise argparse.ArgumentTypeError("a factor is more than 0")
    return speed


def _read_count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number of tasks, got {text!r}")
    return int(text)


def _read_rates(text: str) -> RandomFaults:
    pairs = [part.partition("=") for part in text.split(",")]
    try:
        return RandomFaults(rates={name.strip(): float(rate) for name, _, rate in pairs})
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _make_script(options: argparse.Namespace) -> ScriptFile:
    """Return the script file, with the options overriding it."""
    script = ScriptFile() if options.script is None else load_script(options.script)
    random_faults = options.random_faults or script.random_faults
    if options.seed is not None:
        if random_faults is None:
            raise ValueError(
                "a seed needs random faults: --random-faults 429=0.05, or rates in the file"
            )
        random_faults = attrs.evolve(random_faults, seed=options.seed)
    tasks = script.tasks
    if tasks is not None and options.tasks is not None:
        raise ValueError(f"{options.script} has the tasks: --tasks is for a service without them")
    if tasks is None:
        scenarios = itertools.cycle(DEFAULT_SCENARIOS.values())
        number = len(DEFAULT_SCENARIOS) if options.tasks is None else options.tasks
        tasks = [
            ScriptedTask(scenario=scenario, start="first_poll")
            for scenario in itertools.islice(scenarios, number)
        ]
    return attrs.evolve(
        script,
        shape=options.shape or script.shape or "page",
        api_key=options.api_key or script.api_key,
        speed=options.speed or script.speed or 1.0,
        random_faults=random_faults,
        tasks=tasks,
    )


def _explain(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot read {error.filename}: {error.strerror}"
    if isinstance(error, ImportError):
        return _NEEDS_PYYAML
    return str(error)


async def _serve(options: argparse.Namespace, script: ScriptFile) -> int:
    """Run the fake until a signal, and return the exit code."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
    default_scenario = script.default_scenario or next(iter(DEFAULT_SCENARIOS.values()))
    speed = script.speed or 1.0
    fake = FakeSora(
        api_key=script.api_key,
        shape=script.shape or "page",
        host=options.host,
        port=options.port,
        default_scenario=default_scenario.faster(speed),
        outcomes=script.make_outcomes(speed),
        create_encoding=script.create_encoding,
        deduplicates=script.deduplicates,
        cut_creates_every=script.cut_creates_every,
        unknown_status=script.unknown_status,
        random_faults=script.random_faults,
        webhooks=script.webhooks,
    )
    try:
        await fake.start()
    except OSError as error:
        reason = str(error).rpartition(": ")[2]
        print(f"cannot listen on {options.host}:{options.port}: {reason}", file=sys.stderr)
        return 1
    async with fake:
        ControlApi(fake, script, default_scenario).start()
        print(_start_page(fake, script), flush=True)
        await stopped.wait()
    return 0


def _start_page(fake: FakeSora, script: ScriptFile) -> str:
    """Return what is printed first: the address, the tasks, and how to poll one."""
    key = script.api_key or "any"
    ids = [task.id for task in fake.tasks] or ["ID"]
    target = SERVERS[script.shape or "page"].routes.poll_target(ids[0])
    header = f"-H 'Authorization: Bearer {script.api_key}' " if script.api_key else ""
    return "\n".join(
        [
            f"Fake video service at {fake.url}",
            "",
            *_list_tasks(fake, script),
            f"export SORA_BASE_URL={fake.url}",
            f"export SORA_API_KEY={key}",
            "",
            f"curl {header}{quote(fake.url + target)}",
            f"curl {fake.url}{ROOT}/requests",
            "",
            "Ctrl-C ends it.",
        ]
    )


def _list_tasks(fake: FakeSora, script: ScriptFile) -> Iterable[str]:
    """Yield a line for each task; many of them are one line together."""
    tasks = fake.tasks
    if not tasks:
        return
    speed = "" if script.speed == 1.0 else f", {script.speed:g} times as fast"
    scripted = script.tasks or ()
    is_late = all(task.script or task.start == "first_poll" for task in scripted)
    manner = f"{', each starting with its first poll' if is_late else ''}{speed}"
    if len(tasks) > MAX_TASK_LINES:
        place = f"{fake.url}{ROOT}/tasks"
        yield f"{len(tasks)} tasks{manner}: {tasks[0].id} to {tasks[-1].id}; see {place}"
        yield ""
        return
    yield f"Tasks{manner}:"
    for task, each in zip(tasks, scripted, strict=False):
        yield f"  {task.id}  {_describe(each)}"
    yield ""


def _describe(task: ScriptedTask) -> str:
    """Return a few words about a task."""
    if task.script is not None:
        return f"a script of {len(task.script)} answer{'s' if len(task.script) > 1 else ''}"
    scenario = task.scenario
    if scenario is None:
        return "the default scenario"
    for text, known in DEFAULT_SCENARIOS.items():
        if scenario == known:
            return text
    return f"{'done' if scenario.failure is None else 'fails'} after {scenario.duration:g} seconds"


if __name__ == "__main__":
    sys.exit(main())
