"""A forgotten await: watches, downloads and streams that were never used warn as coroutines do."""

import asyncio
import contextlib
import gc
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sora_async import SoraClient
from sora_async._polling.never_awaited import EventStream
from sora_async.testing import FakeSora, Scenario, completed

MAKERS: dict[str, Callable[[SoraClient], object]] = {
    "<Watch 'task_1'": lambda client: client.wait_until_complete("task_1"),
    "<Watch None": lambda client: client.create_and_wait(prompt="a boat"),
    "<Download 'task_1'": lambda client: client.download("task_1", "a.mp4"),
    "SoraClient.as_completed()": lambda client: client.as_completed(["task_1"]),
    "SoraClient.events()": lambda client: client.events(["task_1"]),
    "SoraClient.batch()": lambda client: client.batch(["a boat"], output_dir="out"),
    "SoraClient.batch_events()": lambda client: client.batch_events(["a"], output_dir="out"),
    "SoraClient.list_tasks()": lambda client: client.list_tasks(),
}


@contextlib.contextmanager
def caught() -> Iterator[list[warnings.WarningMessage]]:
    """Collect the warnings of what is thrown away within."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found
        gc.collect()


@pytest.mark.parametrize("name", MAKERS)
def test_what_was_never_used_warns_once(name: str) -> None:
    client = SoraClient(base_url="http://127.0.0.1:9")

    with caught() as found:
        MAKERS[name](client)

    [warning] = found
    assert warning.category is RuntimeWarning
    assert str(warning.message).startswith(name)
    assert "was never awaited: use" in str(warning.message)
    assert "not begun" not in str(warning.message)


@pytest.mark.parametrize("name", MAKERS)
def test_the_line_is_told_while_memory_is_traced(name: str) -> None:
    client = SoraClient(base_url="http://127.0.0.1:9")
    tracemalloc.start()
    try:
        with caught() as found:
            made = MAKERS[name](client)
            del made
    finally:
        tracemalloc.stop()

    [warning] = found
    assert warning.filename == __file__
    assert Path(__file__).read_text("utf-8").splitlines()[warning.lineno - 1].count("client.")
    assert f"line {warning.lineno}" in str(warning.message)


def test_a_program_in_development_mode_is_told_the_line(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from sora_async import SoraClient\n"
        "client = SoraClient(base_url='http://127.0.0.1:9')\n"
        "client.wait_until_complete('task_1')\n"
    )

    ended = subprocess.run(
        [sys.executable, "-X", "dev", str(program)], capture_output=True, check=True, text=True
    )

    assert f"{program}:3: RuntimeWarning: <Watch 'task_1'" in ended.stderr


async def test_what_was_used_does_not_warn(
    sora: FakeSora, client: SoraClient, tmp_path: Path
) -> None:
    task_id = sora.add(Scenario(queued=0, running=1))
    sora.script("task_1", completed())

    with caught() as found:
        await client.wait_until_complete("task_1")
        async for _ in client.wait_until_complete("task_1"):
            break
        assert [one async for one in client.as_completed([task_id])]
        async with contextlib.aclosing(client.events([task_id])) as events:
            await anext(events)
        unused = client.as_completed([task_id])
        await unused.aclose()
        del unused, events

    assert found == []


async def test_a_wait_that_a_download_has_no_use_for_does_not_warn(
    client: SoraClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")

    with caught() as found:
        await client.download(client.wait_until_complete("task_1"), path, if_exists="skip")

    assert found == []


async def test_asyncio_says_what_it_wants_instead_of_a_watch(client: SoraClient) -> None:
    watch = client.wait_until_complete("task_1")
    watch._hand_over()

    with pytest.raises(TypeError, match=r"pass its \.result\(\)"):
        await asyncio.create_task(watch)  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError), match=r"pass its \.result\(\)"):
        await asyncio.to_thread(asyncio.run, watch)


async def test_asyncio_says_what_it_wants_instead_of_a_stream(client: SoraClient) -> None:
    stream = client.as_completed(["task_1"])

    with pytest.raises(TypeError, match=r"as_completed.*use it with 'async for'"):
        await asyncio.create_task(stream)  # type: ignore[arg-type]
    await stream.aclose()

    assert repr(stream) == "<SoraClient.as_completed()>"


async def test_a_stream_can_be_used_as_a_generator() -> None:
    closed = []

    async def count() -> Any:
        try:
            for number in range(9):
                yield number
        finally:
            closed.append(True)

    stream = EventStream(count(), "count()")

    assert repr(stream) == "<count(): not begun: use it with 'async for'>"
    assert await stream.asend(None) == 0
    assert await anext(stream) == 1
    with pytest.raises(LookupError):
        await stream.athrow(LookupError("stop"))
    assert closed == [True]
