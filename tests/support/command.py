"""Where the tests of the command play: a service in a thread, and outputs of all kinds."""

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from sora_async.cli.main import main
from sora_async.testing import FakeSora, Scenario, completed, failed, running, stall
from support import ROOT

NEEDS_SIGTERM = pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM to be heard")

AT_ONCE = Scenario(queued=0, running=0)
FOREVER = Scenario(queued=0, running=1e9)

MANUAL = (ROOT / "docs" / "how-to" / "command.rst").read_text("utf-8")


@contextlib.contextmanager
def served(*, api_key: str | None = None, **options: Any) -> Iterator[FakeSora]:
    """A fake on a loop and in a thread of its own: the command has a loop itself."""
    fake = FakeSora(api_key=api_key, **{"shape": "relay", **options})
    loop = asyncio.new_event_loop()
    loop.run_until_complete(fake.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(fake.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@contextlib.contextmanager
def named(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[FakeSora]:
    """A service as above that the environment names, and no key."""
    with served(**options) as fake:
        monkeypatch.setenv("SORA_BASE_URL", fake.url)
        monkeypatch.delenv("SORA_API_KEY", raising=False)
        yield fake


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSora]:
    """A service that the environment names, with one task for each end."""
    with named(monkeypatch) as fake:
        fake.script("done", completed("https://cdn.example/done.mp4", prompt="a [red]boat[/red]"))
        fake.script("lost", failed("moderation_blocked", "No\x1b[31m!\n提示词被拒绝"))
        fake.script("busy", running(0.42))
        fake.script("mute", stall())
        yield fake


@pytest.fixture
def skip(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function that lets 20 seconds pass on every loop: timeouts then wait for events."""
    ahead = 0.0
    usual = asyncio.BaseEventLoop.time
    monkeypatch.setattr(asyncio.BaseEventLoop, "time", lambda loop: usual(loop) + ahead)

    def skip() -> None:
        nonlocal ahead
        ahead += 20.0

    return skip


class Screen(io.StringIO):
    """An output that remembers all that was written, and acts once it shows some texts."""

    def __init__(self, act: Callable[[], object] = lambda: None, *, at: Sequence[str] = ()) -> None:
        super().__init__()
        self._act, self._awaited = act, {at} if isinstance(at, str) else set(at)

    def write(self, text: str) -> int:
        size = super().write(text)
        shown = {awaited for awaited in self._awaited if awaited in text}
        self._awaited -= shown
        if shown and not self._awaited:
            self._act()
        return size


class Terminal(Screen):
    """A screen that is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """A function that runs the command on a terminal and returns its exit code and the screen."""
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*argv: str, screen: Terminal | None = None) -> tuple[int, str]:
        screen = screen or Terminal()
        with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
            code = main(argv)
        return code, screen.getvalue()

    return run


def run_without_reader(*argv: str) -> tuple[int, str]:
    """Run the command with a stdout that nobody reads; return its exit code and its stderr."""
    reader, writer = os.pipe()
    os.close(reader)
    err = io.StringIO()
    with (
        os.fdopen(writer, "w") as out,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main(argv)
    return code, err.getvalue()


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def terminate() -> None:
    signal.raise_signal(signal.SIGTERM)


BY_EACH_SIGNAL = pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param(interrupt, 130, id="Ctrl-C"),
        pytest.param(terminate, 143, id="SIGTERM", marks=NEEDS_SIGTERM),
    ],
)
"""What ends the command, and its exit code then."""


class _Requests(list):
    """The requests to a fake, of which the first one does something before it is answered."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def append(self, request: object) -> None:
        super().append(request)
        if len(self) == 1:
            self._act()


def signal_once_asked(fake: FakeSora, number: int = signal.SIGINT) -> None:
    """
    Let the first request send this process a signal, by default that of a Ctrl-C.

    The fake does it, before it answers: who watches it may be late, and end what comes after.
    """
    fake._api.requests = _Requests(lambda: os.kill(os.getpid(), number))


def records(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def promised(opening: str) -> list[str]:
    """Return the keys that the manual names in the sentence or list behind some words."""
    head = f"``{opening}``\n" if f"\n``{opening}``\n" in MANUAL else opening
    _, _, text = MANUAL.partition(f"\n{head}")
    return re.findall(r"``(\w+)``", text.strip().partition("\n")[0])
