"""How long it takes to import a client, and to show the help of the command."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from .processes import CLIENT_CORE, ROOT, Figures

MODULES = {
    "floor": "aiohttp",
    "ours": "sora_async",
    "openai_python": "openai",
    "runway": "runwayml",
    "replicate_python": "replicate",
    "fal": "fal_client",
}
"""What each contestant imports; the loop tuned by hand stands for aiohttp alone."""

HELP = "sora-async --help"

_SCRIPT = """
import os, sys, time
if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[int(sys.argv[1])]})
start = time.perf_counter()
__import__(sys.argv[2])
print(time.perf_counter() - start)
"""


def time_starts(repeats: int) -> Iterator[Figures]:
    """
    Yield the seconds of each start, so many rounds of all of them, each in a fresh process.

    Imports are timed within their process, without the start of Python; the help is timed from
    outside, with it. All bytecode is in a place of its own and made before: where it may not be
    written, as in many containers, a checkout would be compiled at each import, and what pip
    installed would not.
    """
    with tempfile.TemporaryDirectory() as cache:
        env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        env["PYTHONPYCACHEPREFIX"] = cache
        for repetition in range(-1, repeats):
            for what, command in _make_commands().items():
                found = _time(command, env)
                if repetition >= 0:
                    yield {"what": what, "repetition": repetition, **found}


def _make_commands() -> dict[str, list[str]]:
    script = [sys.executable, "-c", _SCRIPT, str(CLIENT_CORE)]
    imports = {module: [*script, module] for module in MODULES.values()}
    return {**imports, HELP: [sys.executable, "-m", "sora_async", "--help"]}


def _time(command: list[str], env: dict[str, str]) -> Figures:
    """Return the seconds that a script says it took, or those of a whole process."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        return {"failure": (done.stderr.strip().splitlines() or ["it ended in silence"])[-1]}
    return {"seconds": float(done.stdout) if _SCRIPT in command else seconds}
