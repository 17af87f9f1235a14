"""The journal: what was created and paid for, on disk."""

import asyncio
import contextlib
import json
import math
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import run_python

from sora_async import JournalError
from sora_async._batch.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "batch.jsonl"


async def test_what_is_recorded_is_there_in_the_next_run(path: Path) -> None:
    async with Journal(path) as journal:
        await journal.record("a", "creating", arguments={"prompt": "x"})
        await journal.record("a", "created", task_id="video_1")
        await journal.record("b", "creating")

    async with Journal(path) as again:
        entries = again.entries

    assert (entries["a"].stage, entries["a"].task_id) == ("created", "video_1")
    assert entries["a"].details == {"arguments": {"prompt": "x"}}
    assert entries["b"].stage == "creating"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert entries["a"].sent_at == lines[0]["at"] < lines[1]["at"]


async def test_a_create_that_is_sent_again_begins_anew(path: Path) -> None:
    async with Journal(path) as journal:
        await journal.record("a", "creating", newest_task="video_7")
        await journal.record("a", "refused", task_id="video_1")
        entry = await journal.record("a", "creating")

    assert entry.task_id is None
    assert entry.details == {}


@given(cut=st.integers(1, 60))
def test_a_last_line_that_was_torn_is_cut_off(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("torn") / "batch.jsonl"

    async def write() -> None:
        async with Journal(path) as journal:
            await journal.record("a", "creating")
            await journal.record("b", "created", task_id="video_1")

    async def read_on() -> dict[str, str]:
        async with Journal(path) as journal:
            await journal.record("c", "creating")
        async with Journal(path) as journal:
            return {key: entry.stage for key, entry in journal.entries.items()}

    asyncio.run(write())
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])

    assert asyncio.run(read_on()) == {"a": "creating", "c": "creating"}


@pytest.mark.parametrize(
    "line",
    [
        *(b"{}", b"no json", b'{"key": "a", "stage": "dreamt", "at": 1}', b"[]", b"", b"\xff"),
        *(b"[" * 100_000, b"1" * 5000),
        b'{"key": "a", "stage": "creating", "at": 1' + b"0" * 400 + b"}",
        b'{"key": "a", "stage": "creating", "at": NaN}',
        b'{"key": "a", "stage": "creating", "at": 1, "details": 5}',
        b'{"key": "a", "stage": "creating", "at": 1, "boot_time": ["x", "y"]}',
        b'{"key": "a", "stage": "creating", "at": 1, "boot_time": 5}',
        b'{"key": "a", "stage": ["creating"], "at": 1}',
        b'{"key": "a", "stage": "created", "at": 1, "task_id": 5}',
        b'{"key": "a", "stage": "creating", "at": 1, "details": {"arguments": 5}}',
        b'{"key": "a", "stage": "creating", "at": 1, "details": {"newest_task": {}}}',
        b'{"key": "a", "stage": "creating", "at": 1, "details": {"idempotency_key": null}}',
        b'{"key": "a", "stage": "saved", "at": 1, "details": {"size": "1"}}',
        b'{"key": "a", "stage": "failed", "at": 1, "details": {"message": []}}',
    ],
    ids=range(20),
)
async def test_other_damage_is_an_error_that_says_where(line: bytes, path: Path) -> None:
    async with Journal(path) as journal:
        await journal.record("a", "creating")
    path.write_bytes(line + b"\n" + path.read_bytes())

    with pytest.raises(JournalError, match="line 1 is damaged"):
        async with Journal(path):
            pass


JUNK = st.binary(max_size=8) | st.sampled_from([b"[" * 100_000, b"1" * 400, b"NaN", b"{}"])


@given(st.floats(0, 1), st.floats(0, 1), JUNK)
def test_whatever_a_disk_makes_of_it_is_read_or_told(
    start: float, part: float, junk: bytes
) -> None:
    async def write(path: Path) -> None:
        async with Journal(path) as journal:
            for key in "ab":
                await journal.record(key, "creating", arguments={"prompt": key})
                await journal.record(key, "created", task_id=f"video_{key}")

    async def read(path: Path) -> None:
        with contextlib.suppress(JournalError):
            async with Journal(path) as journal:
                assert all(math.isfinite(entry.age) for entry in journal.entries.values())

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "batch.jsonl")
        asyncio.run(write(path))
        whole = path.read_bytes()
        first = int(start * len(whole))
        last = first + int(part * (len(whole) - first))
        path.write_bytes(whole[:first] + junk + whole[last:])

        asyncio.run(read(path))


@pytest.mark.parametrize("day", [86_400.0, -86_400.0, 0.0])
async def test_the_age_of_a_create_is_right_although_the_clock_was_set(
    day: float, path: Path
) -> None:
    async with Journal(path) as journal:
        await journal.record("a", "creating")
    line = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**line, "at": line["at"] - day}) + "\n", "utf-8")
    async with Journal(path) as journal:
        age = journal.entries["a"].age
    path.write_text(json.dumps({**line, "at": line["at"] - day, "boot_time": ["", 0]}) + "\n")
    async with Journal(path) as journal:
        by_wall_clock = journal.entries["a"].age

    assert age == pytest.approx(0.0, abs=60) or sys.platform != "linux"
    assert by_wall_clock == pytest.approx(day, abs=60)


async def test_two_runs_cannot_have_it_at_once(path: Path) -> None:
    async with Journal(path):
        with pytest.raises(JournalError, match="in use by another run"):
            async with Journal(path):
                pass

    async with Journal(path) as third:
        assert third.entries == {}


async def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be opened"):
        async with Journal(tmp_path / "no" / "batch.jsonl"):
            pass


async def test_a_line_is_whole_although_its_call_was_cancelled(path: Path) -> None:
    async with Journal(path) as journal:
        call = asyncio.create_task(journal.record("a", "created", task_id="video_1"))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert json.loads(path.read_text("utf-8"))["task_id"] == "video_1"


FULL = """
import asyncio, resource, signal, sys
from sora_async import JournalError
from sora_async._batch.journal import Journal

async def main():
    async with Journal(sys.argv[1]) as journal:
        await journal.record("a", "creating")
        size = journal.path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
        try:
            await journal.record("b", "creating", arguments={"prompt": "x" * 100})
        except JournalError as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        await journal.record("c", "creating")

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
asyncio.run(main())
"""


def test_a_disk_that_is_full_is_an_error_and_no_damage(path: Path) -> None:
    ended = run_python(FULL, str(path))

    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    assert "cannot be written" in ended.stdout
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line["key"] for line in lines] == ["a", "c"]
