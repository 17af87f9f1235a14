"""Progress on a terminal, in a notebook and in a pipe, with ``track``."""

import asyncio
import contextlib
import gc
import io
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.file_proxy import FileProxy
from support import run_python

from sora_async import (
    ETA,
    BatchEvent,
    BatchOutcome,
    ConnectionFailedError,
    DownloadEvent,
    Failed,
    InvalidArgumentError,
    Phase,
    ProgressEvent,
    SoraClient,
    Succeeded,
    TaskFailedError,
    TaskFailure,
    VideoTask,
    WaitTimeoutError,
)
from sora_async.cli.display.live import NotebookTable
from sora_async.cli.display.rows import MAX_ENDED, TaskRows
from sora_async.cli.display.states import TaskResult
from sora_async.cli.display.table import draw_table
from sora_async.cli.display.track import MAX_HEIGHT, SharedDisplay, find_display
from sora_async.progress import track
from sora_async.testing import FakeSora, Scenario, completed, failed, running

RUNNING = VideoTask(id="video_boat", status="x", phase=Phase.RUNNING, raw={"status": "x"})
BLOCKED = VideoTask(id="x", phase=Phase.FAILED, failure=TaskFailure("blocked", "No."))


def terminal(**options: Any) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80, height=24, **options)


@pytest.fixture
def console() -> Console:
    return terminal()


def pipe() -> Console:
    return Console(file=io.StringIO(), width=80)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def last_rows(console: Console) -> list[str]:
    """Return the lines of the last table on a terminal."""
    plain = Console(file=io.StringIO(), record=True, width=200)
    text = text_of(console).rpartition("\x1b[2K")[2].partition("\x1b[?25h")[0]
    plain.print(type(plain.render_str("")).from_ansi(text))
    return [line.rstrip() for line in plain.export_text().splitlines() if line.strip()]


async def one_event() -> AsyncIterator[ProgressEvent]:
    yield event()


class Endless:
    """A source without an end, which cannot be closed."""

    def __aiter__(self) -> "Endless":
        return self

    async def __anext__(self) -> ProgressEvent:
        return event()


async def tracked(source: AsyncIterable[Any], console: Console) -> list[Any]:
    """Return what comes of a source that is tracked to its end."""
    return [one async for one in track(source, console=console)]


def event(task: VideoTask = RUNNING, **known: Any) -> ProgressEvent:
    return ProgressEvent(**{"progress": 0.4, "elapsed": 1.0, "polls": 1, **known}, task=task)


async def look(
    *values: object, after: float = 65.0, total: int | None = None, height: int = 24
) -> list[str]:
    """Return the lines of the table some time after the values, bars and spaces shortened."""
    display = SharedDisplay(terminal())
    assert display.open("owner", total)
    for value in values:
        display.update("owner", value)
    # It draws itself several times a second: an hour of that would take seconds.
    await asyncio.sleep(min(after, 65.0))
    lines = draw(display, height=height, ahead=after - min(after, 65.0))
    display.leave("owner")
    return lines


def draw(
    display: SharedDisplay, *, height: int = 24, width: int = 100, ahead: float = 0.0
) -> list[str]:
    assert display._display is not None
    rows, now = display._display.rows, asyncio.get_running_loop().time() + ahead
    console = Console(file=io.StringIO(), record=True, width=width)
    console.print(draw_table(rows, now=now, width=width, height=height))
    lines = console.export_text().replace("━", "").replace("╺", "").replace("╸", "").splitlines()
    return [" ".join(line.split()) for line in lines]


class TestTable:
    @pytest.mark.parametrize(
        ("value", "row"),
        [
            (event(), "video_boat running 40% 1:05"),
            (event(progress=None), "video_boat running 1:05"),
            (
                event(last_error=ConnectionFailedError("u", "r")),
                "video_boat running 40% 1:05 no response, retrying",
            ),
            (event(stalled=True), "video_boat running 40% 1:05 slower than usual"),
            (event(eta=ETA(p50=75.0, p90=300.0)), "video_boat running 40% 1:05 about 1:15 left"),
            (
                event(VideoTask(id="x", queue_position=3), progress=None),
                "x queued 1:05 3 ahead in queue",
            ),
            (
                event(VideoTask(id="x", phase=Phase.SUCCEEDED), eta=ETA(p50=1.0, p90=2.0)),
                "x succeeded 40% 1:05 no URL yet",
            ),
            (
                DownloadEvent(task_id="x", received=2_500_000, total=10_000_000, elapsed=1.0),
                "x downloading 25% 1:05 2.5 of 10.0 MB, no bytes for 65 s",
            ),
            (
                DownloadEvent(
                    task_id="x",
                    received=0,
                    total=None,
                    elapsed=1.0,
                    last_error=ConnectionFailedError("u", "r"),
                ),
                "x downloading 1:05 interrupted, retrying",
            ),
            (Succeeded("x", RUNNING), "x succeeded 100% 0.0 s"),
            (Failed("x", TaskFailedError(BLOCKED)), "x failed 0.0 s blocked: No."),
            (
                Failed("x", WaitTimeoutError("x")),
                "x timeout 0.0 s no video before the timeout, never seen",
            ),
            (
                BatchEvent(item="o", key="k", path=Path("a/boat.mp4"), stage="creating"),
                "boat.mp4 creating 1:05",
            ),
            (
                BatchEvent(
                    item="o", key="k", path=Path("boat.mp4"), stage="waiting", event=event()
                ),
                "boat.mp4 running 40% 1:05",
            ),
            (
                BatchOutcome(item="o", key="k", path=Path("boat.mp4")),
                "boat.mp4 succeeded 100% 0.0 s",
            ),
            (
                BatchOutcome(item="o", error=InvalidArgumentError("cannot continue")),
                "create error 0.0 s cannot continue",
            ),
        ],
    )
    async def test_each_kind_of_value_has_its_row(self, value: object, row: str) -> None:
        assert await look(value) == [row]

    async def test_values_that_are_of_no_task_are_not_shown(self) -> None:
        assert await look(RUNNING, "text", event()) == ["video_boat running 40% 1:05"]

    async def test_all_stages_of_a_create_are_one_row(self) -> None:
        made = {"item": "o", "key": "k", "path": Path("boat.mp4")}
        creating = BatchEvent(**made, stage="creating")
        downloading = BatchEvent(**made, stage="downloading")

        assert await look(creating, downloading) == ["boat.mp4 downloading 1:05"]
        assert await look(creating, BatchOutcome(**made)) == ["boat.mp4 succeeded 100% 0.0 s"]

    async def test_several_tasks_have_totals(self) -> None:
        good, bad = Succeeded("a", RUNNING), Failed("b", TaskFailedError(BLOCKED))

        assert (await look(good, bad, event()))[-1] == (
            "2 done, 1 running, 1 succeeded, 1 failed, 1:05"
        )
        assert (await look(good, bad, total=300))[-1] == (
            "2 of 300 done, 1 succeeded, 1 failed, 1.8 a minute, about 2:41:25 left, 1:05"
        )
        assert (await look(good, total=5, after=3700.0))[-1] == "1 of 5 done, 1 succeeded, 1:01:40"
        assert len(await look(good, total=1)) == 1

    async def test_of_many_those_that_go_on_are_shown_and_then_failures(self) -> None:
        ended = [Succeeded(f"good_{number}", RUNNING) for number in range(1000)]
        bad = Failed("bad", TaskFailedError(BLOCKED))
        going = [event(VideoTask(id=f"going_{number}")) for number in range(3)]

        lines = await look(bad, *ended, *going, height=8)

        names = [line.split()[0] for line in lines[:-1]]
        assert names == ["bad", "good_998", "good_999", "going_0", "going_1", "going_2"]
        totals = "1001 done, 3 queued, 1000 succeeded, 1 failed, 998 not shown, 1:05"
        assert lines[-1] == totals

    async def test_a_crowd_takes_no_more_lines_than_there_are(self) -> None:
        going = [event(VideoTask(id=f"going_{number}")) for number in range(300)]

        assert len(await look(*going, height=10)) == 9
        assert len(await look(*going, height=1)) == 2

    async def test_a_high_terminal_is_left_to_the_program(self) -> None:
        console = Console(file=io.StringIO(), force_terminal=True, width=80, height=1000)

        async def source() -> AsyncIterator[ProgressEvent]:
            for number in range(300):
                yield event(VideoTask(id=f"going_{number}"))

        await tracked(source(), console)

        assert len(last_rows(console)) == MAX_HEIGHT - 1

    async def test_what_has_ended_long_ago_takes_no_memory(self) -> None:
        rows = TaskRows()
        for number in range(10_000):
            result = TaskResult(task_id=str(number), last=None, error=None, elapsed=1.0)
            rows.start(number, "waiting", now=0.0)
            rows.finish(number, result, now=1.0)

        assert len(rows._succeeded) == MAX_ENDED and not rows._active

    async def test_no_id_and_no_reason_can_steer_a_terminal(self) -> None:
        task = VideoTask(id="x", phase=Phase.FAILED, failure=TaskFailure(None, "a\x1b[2Jb"))

        lines = await look(Failed("\x1b]0;own\x07[red]x", TaskFailedError(task)))

        assert lines == ["]0;own [red]x failed 0.0 s a [2Jb"]

    async def test_a_long_id_is_cut_in_its_middle(self) -> None:
        display = SharedDisplay(terminal())
        display.open("owner", None)
        display.update("owner", event(VideoTask(id="v" * 299 + "w")))

        (line,) = draw(display, width=80)

        assert line == "vvvvvvvv…vvvvvvw queued 40% 0.0 s"
        display.leave("owner")

    async def test_a_row_stays_as_it_was_when_its_loop_is_left(self) -> None:
        display = SharedDisplay(terminal())
        for owner in ("one", "two", "three"):
            display.open(owner, 1)
        display.update("one", event())
        display.update("two", event())

        await asyncio.sleep(5)
        display.leave("one")
        await asyncio.sleep(1)
        display.leave("two", is_complete=True)
        await asyncio.sleep(59)

        rows = ["video_boat running 40% 5.0 s", "video_boat succeeded 100% 6.0 s 1 poll"]
        assert draw(display) == [*rows, "1 of 3 done, 1 running, 1 succeeded, 1:05"]
        display.leave("three")


class TestTerminal:
    async def test_a_wait_has_a_row(
        self, sora: FakeSora, client: SoraClient, console: Console
    ) -> None:
        sora.script("video_boat", running(0.4), completed())

        events = await tracked(client.wait_until_complete("video_boat"), console)

        assert [one.progress for one in events] == [0.4, 1.0]
        assert "40%" in text_of(console)
        (row,) = last_rows(console)
        assert row.startswith("video_boat  succeeded    ━━━") and "100%" in row

    async def test_many_waits_have_rows_and_a_sum(
        self, sora: FakeSora, client: SoraClient, console: Console
    ) -> None:
        sora.script("a", running(0.4), completed())
        sora.script("b", failed("blocked", "No."))

        values = [one async for one in track(client.events(["a", "b"]), total=2, console=console)]

        assert sum(isinstance(one, Succeeded | Failed) for one in values) == 2
        rows = last_rows(console)
        assert [row.split()[:2] for row in rows[:2]] == [["a", "succeeded"], ["b", "failed"]]
        assert rows[1].endswith("blocked: No.")
        assert rows[2].startswith("2 of 2 done, 1 succeeded, 1 failed, ")

    async def test_outcomes_alone_are_shown_too(
        self, sora: FakeSora, client: SoraClient, console: Console
    ) -> None:
        sora.script("a", completed())

        outcomes = await tracked(client.as_completed(["a"]), console)

        assert [one.task_id for one in outcomes] == ["a"]
        assert last_rows(console)[0].startswith("a  succeeded")

    async def test_a_download_has_a_row(
        self, sora: FakeSora, client: SoraClient, console: Console, tmp_path: Path
    ) -> None:
        sora.script("a", completed())

        events = await tracked(client.download("a", tmp_path / "a.mp4"), console)

        assert {type(one) for one in events} == {DownloadEvent}
        assert last_rows(console)[0].startswith("a  succeeded")

    async def test_a_batch_has_rows(
        self, client: SoraClient, console: Console, tmp_path: Path
    ) -> None:
        await tracked(client.batch_events(["boat", "tree"], output_dir=tmp_path), console)

        rows = last_rows(console)
        assert [row.split()[1] for row in rows[:2]] == ["succeeded", "succeeded"]
        assert rows[2].startswith("2 done, 2 succeeded, ")

    async def test_an_error_is_shown_and_raised(
        self, sora: FakeSora, client: SoraClient, console: Console
    ) -> None:
        sora.script("a", running(0.4), running(0.5), failed("blocked", "No."))

        with pytest.raises(TaskFailedError):
            await tracked(client.wait_until_complete("a"), console)

        (row,) = last_rows(console)
        assert row.startswith("a  failed") and row.endswith("blocked: No.")

    @pytest.mark.parametrize("error", [TaskFailedError(BLOCKED), WaitTimeoutError("x")])
    async def test_an_error_before_all_values_is_shown(
        self, console: Console, error: Exception
    ) -> None:
        async def source() -> AsyncIterator[ProgressEvent]:
            raise error
            yield

        with pytest.raises(type(error)):
            await anext(track(source(), console=console))

        assert last_rows(console)[0].startswith("x  ")

    async def test_an_error_of_nobody_is_only_raised(self, console: Console) -> None:
        async def source() -> AsyncIterator[ProgressEvent]:
            raise ConnectionFailedError("u", "r")
            yield

        with pytest.raises(ConnectionFailedError):
            await anext(track(source(), console=console))

        assert last_rows(console) == []

    async def test_waits_that_are_tracked_at_once_share_one_table(
        self, sora: FakeSora, client: SoraClient, console: Console
    ) -> None:
        async def wait(task_id: str, seconds: float) -> None:
            sora.add(Scenario(queued=0, running=seconds), task_id=task_id)
            await tracked(client.wait_until_complete(task_id), console)

        async with asyncio.TaskGroup() as group:
            group.create_task(wait("slow", 60))
            group.create_task(wait("quick", 20))

        rows = last_rows(console)
        assert [row.split()[:2] for row in rows[:2]] == [
            ["slow", "succeeded"],
            ["quick", "succeeded"],
        ]
        assert rows[2].startswith("2 done, ")
        assert text_of(console).count("\x1b[?25h") == 1

    async def test_a_break_gives_the_terminal_back_at_once(
        self, sora: FakeSora, client: SoraClient, console: Console
    ) -> None:
        sora.script("a", running(0.4), completed())

        async for _ in track(client.wait_until_complete("a"), console=console):
            break

        assert text_of(console).endswith("\x1b[?25h")
        assert last_rows(console)[0].startswith("a  running")

    async def test_closing_lets_go_of_screen_and_source(self, console: Console) -> None:
        is_closed = False

        async def source() -> AsyncIterator[ProgressEvent]:
            nonlocal is_closed
            try:
                yield event()
            finally:
                is_closed = True

        async with contextlib.aclosing(track(source(), console=console)) as events:
            await anext(events)

        assert is_closed and text_of(console).endswith("\x1b[?25h")

    async def test_a_source_that_cannot_be_closed_is_let_go(self, console: Console) -> None:
        events = track(Endless(), console=console)
        await anext(events)
        await events.aclose()
        await events.aclose()

        assert text_of(console).endswith("\x1b[?25h")

    async def test_a_wait_that_is_cancelled_gives_the_terminal_back_and_can_go_on(
        self, sora: FakeSora, client: SoraClient, console: Console
    ) -> None:
        sora.add(Scenario(queued=0, running=60), task_id="a")
        events = track(client.wait_until_complete("a"), console=console)
        await anext(events)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(events)
        shown = text_of(console)
        rest = [one async for one in events]

        assert shown.endswith("\x1b[?25h")
        assert rest[-1].task.is_complete
        assert last_rows(console)[0].startswith("a  succeeded")

    async def test_the_clock_goes_on_between_the_values(self, console: Console) -> None:
        async def source() -> AsyncIterator[ProgressEvent]:
            yield event()
            await asyncio.sleep(3.5)

        await tracked(source(), console)

        assert [f"{second}.0 s" in text_of(console) for second in range(5)] == [True] * 4 + [False]

    async def test_a_flood_of_values_is_drawn_ten_times_a_second(self, console: Console) -> None:
        async def source() -> AsyncIterator[ProgressEvent]:
            for _ in range(1000):
                yield event()
                await asyncio.sleep(0.001)

        await tracked(source(), console)

        assert 8 <= text_of(console).count("video_boat") <= 14

    async def test_what_is_printed_into_a_file_is_not_led_to_the_terminal(
        self, console: Console, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async for _ in track(one_event(), console=console):
            print("for the file")

        assert capsys.readouterr().out == "for the file\n"
        assert "for the file" not in text_of(console)

    @pytest.mark.parametrize("broken", [OSError(5, "gone"), ValueError("closed file")])
    async def test_a_terminal_that_goes_away_ends_no_wait(self, broken: Exception) -> None:
        class Gone(io.StringIO):
            def write(self, text: str) -> int:
                raise broken

        async def source() -> AsyncIterator[ProgressEvent]:
            yield event()
            await asyncio.sleep(5)
            yield event()

        console = Console(file=Gone(), force_terminal=True)

        assert len(await tracked(source(), console)) == 2
        assert not isinstance(sys.stderr, FileProxy)

    async def test_a_terminal_that_goes_away_at_the_end_ends_no_wait(self) -> None:
        class Going(io.StringIO):
            is_gone = False

            def write(self, text: str) -> int:
                if self.is_gone:
                    raise OSError(5, "gone")
                return super().write(text)

        file = Going()
        events = track(one_event(), console=Console(file=file, force_terminal=True))
        await anext(events)
        file.is_gone = True

        assert [one async for one in events] == []

    async def test_what_another_thread_tracks_meanwhile_is_passed_on(
        self, console: Console
    ) -> None:
        async def follow() -> None:
            found.extend(await tracked(one_event(), console))

        found: list[ProgressEvent] = []
        ours = track(one_event(), console=console)
        await anext(ours)
        thread = threading.Thread(target=asyncio.run, args=(follow(),))
        thread.start()
        await asyncio.to_thread(thread.join)
        await ours.aclose()

        assert len(found) == 1

    async def test_what_is_thrown_away_in_another_thread_gives_the_terminal_back(
        self, console: Console
    ) -> None:
        held = [track(one_event(), console=console)]
        await anext(held[0])
        await asyncio.to_thread(held.clear)
        await asyncio.sleep(0)

        assert text_of(console).endswith("\x1b[?25h")


def test_what_outlives_its_loop_gives_the_terminal_back_when_it_is_thrown_away(
    console: Console,
) -> None:
    async def begin() -> None:
        held.append(track(one_event(), console=console))
        await anext(held[0])

    held: list[Any] = []
    asyncio.run(begin())
    assert not text_of(console).endswith("\x1b[?25h")

    held.clear()

    assert text_of(console).endswith("\x1b[?25h")


def test_a_screen_left_open_by_another_loop_is_begun_anew(console: Console) -> None:
    async def begin() -> None:
        held.append(track(Endless(), console=console))
        await anext(held[-1])

    async def go_on() -> ProgressEvent:
        return await anext(held[0])

    held: list[Any] = []
    asyncio.run(begin())
    asyncio.run(begin())
    shown = text_of(console).count("\x1b[?25h")
    assert asyncio.run(go_on()) == event()
    held.clear()

    assert (shown, text_of(console).count("\x1b[?25h")) == (1, 2)


def test_a_source_that_is_none_is_refused_where_it_is_given() -> None:
    with pytest.raises(TypeError):
        track([event()])  # type: ignore[arg-type]


def test_a_console_has_one_display_for_as_long_as_it_is_used() -> None:
    console = terminal()
    display = find_display(console)

    assert find_display(console) is display and find_display(None) is not display
    assert isinstance(find_display(None), SharedDisplay)
    del display
    gc.collect()


async def test_a_pipe_that_nobody_reads_ends_no_wait() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    async def source() -> AsyncIterator[Succeeded]:
        yield Succeeded("a", RUNNING)
        yield Succeeded("b", RUNNING)

    assert len(await tracked(source(), Console(file=Gone()))) == 2


async def test_its_repr_names_the_source(client: SoraClient) -> None:
    watch = client.wait_until_complete("video_boat")

    assert repr(track(watch, console=terminal())).startswith("<track <")
    with pytest.warns(RuntimeWarning, match="never awaited"):
        del watch


@pytest.mark.parametrize("console", [pipe(), terminal(_environ={"TERM": "dumb"})])
async def test_what_cannot_be_drawn_on_gets_a_line_for_each_end(
    sora: FakeSora, client: SoraClient, console: Console
) -> None:
    sora.script("a", running(0.4), completed())
    sora.script("b", failed("blocked", "No."))

    await tracked(client.events(["a", "b"]), console)

    lines = text_of(console).splitlines()
    assert [line.split()[2:4] for line in lines] == [["b", "failed"], ["a", "succeeded"]]
    assert lines[0].endswith("blocked: No.")


async def test_stderr_is_where_it_is_shown(
    sora: FakeSora, client: SoraClient, capsys: pytest.CaptureFixture[str]
) -> None:
    sora.script("a", completed())

    async for _ in track(client.wait_until_complete("a")):
        pass

    out, err = capsys.readouterr()
    assert (out, err.split()[2:4]) == ("", ["a", "succeeded"])


KERNEL = """
shown = []

class Handle:
    def update(self, value):
        shown.append(value)

def display(value, *, display_id):
    assert display_id is True
    shown.append(value)
    return Handle()
"""
NOTEBOOK = """
import asyncio
import IPython.display
from rich.console import Console
from rich.file_proxy import FileProxy
from sora_async import Succeeded, VideoTask
from sora_async.progress import track

async def source():
    yield Succeeded("a", VideoTask(id="a"))

async def main():
    async for _ in track(source(), console=Console(force_jupyter=True)):
        pass

asyncio.run(main())
shown = [value._repr_mimebundle_(include=None, exclude=None) for value in IPython.display.shown]
assert len(shown) == 2, shown
assert set(shown[-1]) == {"text/plain", "text/html"}
print(shown[-1]["text/plain"])
"""


def test_a_notebook_shows_it_in_its_cell_and_replaces_it(tmp_path: Path) -> None:
    """With the one function of IPython that is used: it is a large package to install for that."""
    (tmp_path / "IPython").mkdir()
    (tmp_path / "IPython" / "__init__.py").write_text("")
    (tmp_path / "IPython" / "display.py").write_text(KERNEL)
    (tmp_path / "notebook.py").write_text(NOTEBOOK)

    done = subprocess.run(
        [sys.executable, tmp_path / "notebook.py"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONSAFEPATH": ""},  # what is beside a program is found, as usual
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[:2] == ["a", "succeeded"]


def test_what_a_notebook_shows_is_a_page_with_colours_and_a_text() -> None:
    rows = TaskRows(["<b>"])
    rows.finish("<b>", TaskResult(task_id="<b>", last=None, error=None, elapsed=1.0), now=1.0)

    table = draw_table(rows, now=1.0, width=100, height=24)
    shown = NotebookTable(table, 100)._repr_mimebundle_()

    assert shown["text/html"].startswith("<pre") and "&lt;b&gt;" in shown["text/html"]
    assert "color: #008000" in shown["text/html"]
    assert shown["text/plain"].startswith("<b>")


WITHOUT_RICH = """
import sys
sys.modules["rich"] = None
from sora_async.progress import track
track(None)
"""


def test_without_rich_the_first_use_says_what_to_install() -> None:
    done = run_python(WITHOUT_RICH)

    assert done.stderr.splitlines()[-1] == (
        'ModuleNotFoundError: sora_async.progress needs rich: run pip install ".[cli]" '
        "in a checkout of sora-async"
    )


HELD = """
import asyncio
from rich.console import Console
from sora_async import ProgressEvent, VideoTask
from sora_async.progress import track

async def source():
    yield ProgressEvent(task=VideoTask(id="a"), progress=None, elapsed=0.0, polls=1)

async def main():
    events = track(source(), console=Console(force_terminal=True, stderr=True))
    async for _ in events:
        raise LookupError

asyncio.run(main())
"""


def test_what_a_traceback_holds_gives_the_terminal_back_at_exit() -> None:
    done = run_python(HELD)

    assert done.stderr.endswith("\x1b[?25h") and "LookupError" in done.stderr
    assert "Exception ignored" not in done.stderr
