"""SIGTERM, which ends the command as Ctrl-C does, and signals that come at a bad moment."""

import argparse
import asyncio
import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from support.command import (
    NEEDS_SIGTERM,
    Screen,
    interrupt,
    records,
    served,
    signal_once_asked,
    terminate,
)

from sora_async.cli.exit_codes import Exit
from sora_async.cli.main import main
from sora_async.cli.signals import run_until_signal
from sora_async.testing import FakeSora, queued, slow

pytestmark = NEEDS_SIGTERM


@pytest.fixture
def options() -> argparse.Namespace:
    return argparse.Namespace(interrupted=Exit.INTERRUPTED)


@pytest.fixture
def deaf() -> Iterator[None]:
    """What a shell does to those that it starts with ``&``."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def test_sigterm_is_heard_in_the_background_of_a_shell(fake, deaf) -> None:
    with contextlib.redirect_stdout(Screen(terminate, at='"busy"')) as out:
        code = main(["wait", "--json", "busy"])

    assert code == 143
    assert records(out.getvalue())[-1]["outcome"] == "interrupted"


@contextlib.contextmanager
def slow_service() -> Iterator[tuple[FakeSora, list[str]]]:
    """A service that is slow to answer a create, and the arguments of one."""
    with served() as service:
        yield service, ["create", "--base-url", service.url, "--prompt", "a boat"]


def test_sigterm_waits_for_the_id_of_a_create_under_way(capsys) -> None:
    with slow_service() as (service, words):
        service.on_create(slow(0.15, queued()))
        signal_once_asked(service, signal.SIGTERM)
        code = main(words)

    assert (code, capsys.readouterr().out) == (143, f"{service.tasks[0].id}\n")


@pytest.mark.parametrize("second", [terminate, interrupt])
def test_a_second_signal_after_sigterm_gives_up(second, capsys) -> None:
    with slow_service() as (service, words):
        service.on_create(slow(0.6, queued()))
        signal_once_asked(service, signal.SIGTERM)
        with contextlib.redirect_stderr(Screen(second, at="Ctrl-C again")) as err:
            code = main(words)

    assert (code, capsys.readouterr().out) == (3, "")
    assert "Check before you create it again" in err.getvalue()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_another_thread_hears_wakes_the_loop(number, options) -> None:
    """So does one that the loop's own thread hears in the moment before it sleeps."""
    ended = threading.Event()

    def elsewhere() -> None:
        time.sleep(0.05)  # until the loop sleeps
        signal.pthread_kill(threading.get_ident(), number)
        ended.wait(60)

    async def sleep() -> None:
        threading.Thread(target=elsewhere).start()
        await asyncio.sleep(30)

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_until_signal(sleep(), options)
    ended.set()

    assert time.monotonic() - started < 15
    assert options.interrupted == (130 if number == signal.SIGINT else 143)


def test_a_cancellation_that_no_signal_asked_for_is_a_bug_and_shown_as_one(options) -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_until_signal(cancelled(), options)


def test_the_command_runs_in_a_thread_which_hears_no_signals(fake) -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main(["get", "--json", "done"])))
    thread.start()
    thread.join()

    assert codes == [0]


def test_sigterm_to_the_process_leaves_the_ids_on_stderr(fake) -> None:
    command = [sys.executable, "-m", "sora_async", "wait", "busy"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        process.stderr.readline()
        process.terminate()
        told = process.stderr.read()

    assert process.returncode == 143
    assert told.endswith("  sora-async wait busy\n")
