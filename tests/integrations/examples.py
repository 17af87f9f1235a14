"""The examples of the docs that need others' programs, as modules and as processes."""

import asyncio
import contextlib
import importlib.util
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Self

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples" / "integrations"


def load(file: str) -> ModuleType:
    """Return an example as a module, made anew."""
    name = file.removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def hurry(folder: Path, example: str, *changes: str) -> dict[str, str]:
    """
    Write a module ``hurried``: an example with shorter times, for tests that wait for them.

    Returns:
        The environment in which programs find it, and the example too.
    """
    lines = [f"import {example} as example", f"from {example} import *", *changes]
    (folder / "hurried.py").write_text("\n".join(lines), "utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(EXAMPLES)])}


class Program:
    """A program beside an example, run as its page says: in a process of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._arguments = arguments
        self._environment = environment

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, *self._arguments),
            cwd=EXAMPLES,
            # As users have it: an example finds what is beside it.
            env={**os.environ, "PYTHONSAFEPATH": "", "PYTHONUNBUFFERED": "1", **self._environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # What it starts itself is killed with it.
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
        """What it has written so far, to either stream."""
        return "".join(self._lines)

    async def stop(self) -> int:
        """Send it a SIGTERM, and return its exit code."""
        self._process.terminate()
        return await self.end()

    async def end(self) -> int:
        """Wait until it has ended, and return its exit code."""
        async with asyncio.timeout(40):
            return await self._process.wait()

    async def kill(self) -> None:
        """Kill it with all it has started, as a machine that loses its power does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._lines.append(line.decode())


async def reached(is_so: Callable[[], Any], *, within: float = 30.0) -> Any:
    """Wait in real time until something is so, and return what it is."""
    async with asyncio.timeout(within):
        while not (found := is_so()):
            await asyncio.sleep(0.02)
    return found
