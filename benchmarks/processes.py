"""Processes of the benchmarks: each measurement has a fresh client and a fresh server."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

CLIENT_CORE, SERVER_CORE = 0, 1
ROOT = Path(__file__).parent.parent

_LIMIT = 1800.0
"""Seconds for one measurement, which none needs; measurements that a client may hold up have limits
of their own."""

Figures = dict[str, Any]
"""What a measurement found, as JSON knows it. ``failure`` in it says why it found less."""


def pin(core: int) -> None:
    """Stay on one of the cores that this process may use; nothing happens where there is one."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[core]})


def ask(url: str, question: str, **options: object) -> Figures:
    """Ask the server about itself; this blocks, for a millisecond or so."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    with contextlib.closing(connection):
        connection.request("GET", f"/bench/{question}?{urlencode(options)}")
        found: Figures = json.load(connection.getresponse())
    return found


@contextlib.contextmanager
def serving(lifetime: float) -> Iterator[str]:
    """Run a server whose tasks have their video so many seconds after their first poll."""
    command = [sys.executable, "-m", "benchmarks.server", "--lifetime", str(lifetime)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def measure(measurement: str, contestant: str, **options: object) -> Figures:
    """
    Measure in a fresh process, and return what it found, or why it found nothing.

    Args:
        measurement: A module of ``benchmarks.measures``.
        contestant: A module of ``benchmarks.contestants``.
        options: What the measurement takes.
    """
    command = [sys.executable, "-m", "benchmarks.worker", measurement, contestant]
    command.append(json.dumps(options))
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_LIMIT)
    except subprocess.TimeoutExpired:
        return {"failure": f"nothing came of it within {_LIMIT:.0f} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {"failure": lines[-1]}
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found
