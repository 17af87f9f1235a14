"""Run examples of the docs that need other programs, as modules and as processes."""

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import aiohttp

from sora_async.testing import FakeSora, completed, failed, running, sign_webhook
from support import ROOT

EXAMPLES = ROOT / "docs" / "examples" / "integrations"

TIMEOUT = 120.0
"""Seconds after which a program hangs: some workers look for lost jobs every ten seconds, and take
as long to start on a busy machine."""


def find_free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def load(file: str) -> ModuleType:
    """Import an example afresh and return it."""
    name = file.removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def shorten_times(folder: Path, example: str, *changes: str) -> dict[str, str]:
    """
    Write a module ``shortened``: an example with shorter times, for tests that wait for them.

    Returns:
        The environment in which programs find it, and the example too.
    """
    lines = [f"import {example} as example", f"from {example} import *", *changes]
    (folder / "shortened.py").write_text("\n".join(lines), "utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(EXAMPLES)])}


class Program:
    """An example or its worker, run in a process of its own as its page says."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._arguments = arguments
        self._environment = environment

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, *self._arguments),
            cwd=EXAMPLES,
            # As users run it: an example imports what lies beside it.
            env={**os.environ, "PYTHONSAFEPATH": "", "PYTHONUNBUFFERED": "1", **self._environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # So that what it starts is killed with it.
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *error: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reading

    @property
    def output(self) -> str:
        """What it has written so far to stdout and stderr."""
        return "".join(self._lines)

    async def stop(self) -> int:
        """Send it a SIGTERM and return its exit code."""
        self._process.terminate()
        return await self.end()

    async def end(self) -> int:
        """Wait until it has ended and return its exit code."""
        async with asyncio.timeout(TIMEOUT):
            return await self._process.wait()

    async def kill(self) -> None:
        """Kill it and all that it has started, as a power failure does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._lines.append(line.decode())


async def reached(condition: Callable[[], Any]) -> Any:
    """Wait in real time until a condition is true, and return its value."""
    async with asyncio.timeout(TIMEOUT):
        while not (value := condition()):
            await asyncio.sleep(0.02)
    return value


async def run_good_and_bad(sora: FakeSora, worker: Sequence[str], enqueue: str) -> str:
    """Have a worker wait for a good and a bad video; return the last line about the bad one."""
    sora.script("video_good", running(0.1), completed())
    sora.script("video_bad", failed("moderation_blocked", "The prompt was refused."))

    async with (
        Program(*worker),
        Program(enqueue, "video_good") as good,
        Program(enqueue, "video_bad") as bad,
    ):
        assert (await good.end(), await bad.end()) == (0, 1)
    assert good.output.strip() == f"{sora.cdn_url}/videos/video_good.mp4"
    return bad.output.splitlines()[-1]


async def hand_over(
    sora: FakeSora, worker: Sequence[str], enqueue: str, **environment: str
) -> None:
    """Stop a worker in the middle of a wait, and have another one end it."""
    sora.script("video_1", running(0.1))

    async with Program(*worker, **environment) as first, Program(enqueue, "video_1") as enqueued:
        await reached(lambda: sora.polls("video_1"))
        await first.stop()
        sora.script("video_1", completed())
        async with Program(*worker, **environment):
            await enqueued.end()

    assert enqueued.output.strip() == f"{sora.cdn_url}/videos/video_1.mp4"


async def end_by_webhook(sora: FakeSora, url: str) -> None:
    """Let a webhook end a wait of an example whose secret is "a secret", and a forged one not."""
    sora.script("video_1", running(0.1), completed())
    body = b'{"type": "video.completed", "data": {"id": "video_1"}}'
    signed = sign_webhook(
        body,
        scheme="standard-whole",
        secret="a secret",
        timestamp=int(time.time()),
        task_id="video_1",
    )

    async with aiohttp.ClientSession() as session:
        showing = asyncio.create_task(session.get(f"{url}/videos/video_1"))
        while not sora.polls("video_1"):
            await asyncio.sleep(0.01)
        # Services follow no redirect.
        refused, accepted = [
            await session.post(f"{url}/webhooks", data=body, headers=headers, allow_redirects=False)
            for headers in ({}, signed)
        ]
        shown = await (await showing).json()

    assert (refused.status, accepted.status) == (401, 204)
    assert shown == {"url": f"{sora.cdn_url}/videos/video_1.mp4"}
    first, second = sora.polls("video_1")
    assert second - first < 1.0
