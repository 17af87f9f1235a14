"""What is seen of waits, as lines, as bars and as a board; in virtual time."""

import ast
import asyncio
import contextlib
import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from sora_async import (
    ClientClosedError,
    CreateOutcomeUnknownError,
    DownloadEvent,
    DownloadInterruptedError,
    InvalidResponseError,
    OutageError,
    Phase,
    ProgressEvent,
    Schedule,
    ServiceUnavailableError,
    UnsafeURLError,
    VideoFile,
    VideoTask,
    WaitTimeoutError,
)
from sora_async.cli.commands.batch import Reader
from sora_async.cli.commands.demo import PYTHON, TASK_IDS, play, tell_story
from sora_async.cli.display.board import Board
from sora_async.cli.display.format import (
    clean,
    explain,
    find_phase,
    note,
    shorten,
    tell_part,
    tell_parts,
    tell_seconds,
    tell_size,
)
from sora_async.cli.display.live_table import LiveTable
from sora_async.cli.display.pace import TransferRate
from sora_async.cli.display.plain_lines import PlainLines
from sora_async.cli.display.renderer import Renderer, RowOutcome, exit_code, follow
from sora_async.cli.display.totals import Totals
from sora_async.testing import completed, failed, http_error, queued, running, unknown_task

STEADY = Schedule(intervals=(2,), jitter=lambda delay: delay, first_jitter=lambda delay: delay)


def event(phase: Phase = Phase.RUNNING, progress: float | None = None, **known) -> ProgressEvent:
    task = VideoTask(id="video_1", phase=phase, raw={"status": phase}, **known.pop("task", {}))
    return ProgressEvent(task=task, progress=progress, elapsed=3.0, polls=2, **known)


def drawn(board: Board, *, width: int = 80, height: int = 24, elapsed: float = 4.2) -> list[str]:
    """Return the lines of a board on a terminal without colours."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(board.draw(elapsed=elapsed, width=width, height=height))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


# --- lines --------------------------------------------------------------------------------------


async def lines_of(sora, client, *answers) -> list[list[str]]:
    """Return the words of each line that a wait writes."""
    sora.script("video_1", *answers)
    with contextlib.redirect_stderr(io.StringIO()) as err:
        watch = client.wait_until_complete("video_1", schedule=STEADY)
        await follow([watch], PlainLines(["video_1"], prints_results=False))
    return [re.split(r" {2,}", line.strip()) for line in err.getvalue().splitlines()]


async def test_a_line_comes_with_each_phase_and_each_tenth_of_the_progress(sora, client) -> None:
    lines = await lines_of(
        sora, client, queued(), queued(), running(0.05), running(0.09), running(0.11), completed()
    )

    assert lines == [
        ["0.0 s", "video_1", "queued"],
        ["4.0 s", "video_1", "running", "5%"],
        ["8.0 s", "video_1", "running", "11%"],
        ["10.0 s", "video_1", "succeeded", "100%"],
    ]


async def test_a_line_comes_where_trouble_begins_and_ends(sora, client) -> None:
    pause = http_error(503, headers={"Retry-After": "10"})
    lines = await lines_of(
        sora, client, unknown_task(), running(0.5), pause, running(0.5), failed("oops", "Sorry.")
    )

    assert [line[1:] for line in lines] == [
        ["video_1", "not known yet"],
        ["video_1", "running", "50%", "recovered after 2.0 s"],
        ["video_1", "running", "50%", "503, retrying"],
        ["video_1", "running", "50%", lines[3][4]],
        ["video_1", "failed", "oops: Sorry."],
    ]
    assert lines[3][4].startswith("recovered after ")


async def test_a_line_tells_that_the_address_is_late(sora, client) -> None:
    lines = await lines_of(sora, client, completed(url=None), completed())

    assert lines == [["0.0 s", "video_1", "succeeded", "100%", "no URL yet"]]


# --- bars and boards ----------------------------------------------------------------------------


async def test_bars_move_between_the_polls_and_the_last_picture_stays(sora, client) -> None:
    sora.script("video_1", running(0.5), completed())
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)

    watch = client.wait_until_complete("video_1", schedule=STEADY)
    await follow([watch], LiveTable(Board(["video_1"]), console))

    screen = console.file.getvalue()
    assert all(f" {tenth / 10:.1f} s" in screen for tenth in range(20))
    assert screen.rpartition("50%")[2].count("100%") >= 1
    assert screen.rstrip().endswith("\x1b[?25h")


async def test_bars_end_with_the_error_of_those_who_draw_on_them(sora, client) -> None:
    class Broken(LiveTable):
        def event(self, name: str, event: object) -> None:
            raise BrokenPipeError

    sora.script("video_1", running(0.5))
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)

    with pytest.raises(ExceptionGroup) as caught:
        await follow([client.wait_until_complete("video_1")], Broken(Board(["video_1"]), console))

    assert caught.group_contains(BrokenPipeError)
    assert console.file.getvalue().rstrip().endswith("\x1b[?25h")


def test_a_row_shows_all_that_is_known_in_80_columns() -> None:
    board = Board(["video_1", "video_2"])
    board.event(
        "video_1",
        event(progress=0.5, last_error=ServiceUnavailableError("http://x", 503)),
        elapsed=1.0,
    )

    assert drawn(board) == [
        "video_1  running    ━━━━━━━━━            50%    4.2 s  503, retrying",
        "video_2                                         4.2 s",
        "0 of 2 settled",
    ]


def test_a_board_ends_rows_with_their_outcome() -> None:
    board = Board(["video_1", "video_2"])
    board.settle(RowOutcome(task_id="video_1", last=event(progress=1.0), error=None, elapsed=75.0))
    error = WaitTimeoutError("video_2", None, 5.0, 1)
    board.settle(RowOutcome(task_id="video_2", last=None, error=error, elapsed=5.0))

    first, second, summary = drawn(board)

    assert first.split() == ["video_1", "succeeded", "━" * 18, "100%", "1:15", "2", "polls"]
    assert re.search(r" timeout .* 5\.0 s  no video in time, never …$", second)
    assert summary == "2 of 2 settled, 1 succeeded, 1 timeout"


def test_long_ids_are_cut_in_their_middle() -> None:
    board = Board(["sora-2:task_01k6x15vrrff09dkemqyrwdzhm"])

    assert drawn(board)[0].startswith("sora-2:t…yrwdzhm  ")
    assert drawn(board, width=120)[0].startswith("sora-2:task_01k6x15vrrff09dkemqyrwdzhm  ")


def test_rows_that_have_ended_make_room_until_all_is_over() -> None:
    names = [f"video_{number}" for number in range(30)]
    board = Board(names)
    for name in names[:20]:
        board.settle(RowOutcome(task_id=name, last=None, error=None, elapsed=1.0))

    shown = drawn(board, height=14)

    assert [line.split()[0] for line in shown[:12]] == [*names[20:], names[19], names[18]]
    assert shown[12:] == ["20 of 30 settled, 20 succeeded, 18 not shown"]

    for name in names[20:]:
        board.settle(RowOutcome(task_id=name, last=None, error=None, elapsed=1.0))

    assert len(drawn(board, height=14)) == 31


def test_a_servers_text_is_no_markup_and_steers_no_terminal() -> None:
    board = Board(["[red]a"])
    task = VideoTask(id="[red]a", phase=Phase.RUNNING, raw={})
    known = ProgressEvent(task=task, progress=None, elapsed=0.0, polls=1)
    error = InvalidResponseError("http://x", 200, "[b]\x1b]0;x\x07\u202e:smile:")
    board.settle(RowOutcome(task_id="[red]a", last=known, error=error, elapsed=1.0))

    (row,) = drawn(board, width=120)

    assert row.startswith("[red]a  error ")
    assert row.endswith("http://x answered 200 with [b] ]0;x :smile:")


# --- many ---------------------------------------------------------------------------------------


def received(size: int, *, total: int | None = 10_000_000, elapsed: float = 0.0, **more):
    return DownloadEvent(task_id="video_1", received=size, total=total, elapsed=elapsed, **more)


def saved(name: str, **known) -> RowOutcome:
    task = VideoTask(id=name, phase=Phase.SUCCEEDED, raw={})
    file = VideoFile(path=Path(name), size=1_500_000, content_type="video/mp4", task=task)
    return RowOutcome(task_id=name, last=None, error=None, elapsed=9.0, file=file, **known)


def test_a_board_grows_with_what_begins() -> None:
    board = Board(total=3)
    board.begin("1 boat", "creating", elapsed=1.0)
    board.begin("2 boat", "creating", elapsed=2.0)
    board.begin("2 boat", "waiting", elapsed=3.0)

    first, second, summary = drawn(board, elapsed=4.0)

    assert first.split() == ["1", "boat", "creating", "━" * 19, "3.0", "s"]
    assert second.split() == ["2", "boat", "2.0", "s"]
    assert summary == "0 of 3 settled, 1 creating, 1 waiting"


def test_the_numbers_of_lines_end_in_one_column() -> None:
    orders = {9: {"prompt": "a [red]boat\x1b"}, 10: {"prompt": "a boat at sea"}}
    first, second = Reader(orders, Renderer(), is_json=False)._names.values()
    board = Board(total=10)
    board.begin(first, "creating", elapsed=1.0)
    board.begin(second, "creating", elapsed=1.0)

    nine, ten, _ = drawn(board, elapsed=4.0)

    assert nine.startswith(" 9 a [red]boat")
    assert ten.startswith("10 a boat at sea")


def test_a_row_shows_the_bytes_of_its_download_as_far_as_there_is_room() -> None:
    board = Board(["video_1", "video_2"])
    board.event("video_1", received(1_000_000, elapsed=0.0), elapsed=1.0)
    board.event("video_1", received(3_000_000, elapsed=2.0), elapsed=3.0)

    narrow, wide = drawn(board, elapsed=3.0)[0], drawn(board, elapsed=3.0, width=120)[0]

    assert re.search(r"download   ━+ +30%    3\.0 s  1\.0 MB/s, 7\.0 s left$", narrow)
    assert wide.endswith("3.0 s  3.0 of 10.0 MB, 1.0 MB/s, 7.0 s left")


def test_a_download_that_is_silent_is_no_longer_told_as_fast() -> None:
    board = Board(["video_1", "video_2"])
    board.event("video_1", received(1_000_000, elapsed=0.0), elapsed=1.0)
    board.event("video_1", received(3_000_000, elapsed=2.0), elapsed=3.0)

    row = drawn(board, elapsed=15.0, width=120)[0]

    assert row.endswith("3.0 of 10.0 MB, no bytes for 12 s")


def test_rows_of_files_end_with_their_size() -> None:
    board = Board(["video_1", "video_2", "video_3"])
    board.settle(saved("video_1"))
    polled = RowOutcome(
        task_id="video_2", last=event(progress=1.0), error=None, elapsed=9.0, file=saved("x").file
    )
    board.settle(polled)
    old = VideoFile(path=Path("x"), size=500, content_type=None)
    board.settle(RowOutcome(task_id="video_3", last=None, error=None, elapsed=0.0, file=old))

    first, second, third, summary = drawn(board)

    assert re.search(r"saved  .* 100%    9\.0 s  1\.5 MB$", first)
    assert second.endswith("1.5 MB, 2 polls")
    assert third.endswith("already there")
    assert summary == "3 of 3 settled, 3 saved"


def test_a_pace_is_of_the_last_seconds() -> None:
    pace = TransferRate()
    assert pace.tell(now=0.0) == [""]

    for second in range(20):
        pace.take(received(second * 1000, total=None, elapsed=float(second)), now=float(second))
    assert pace.rate == 1000.0
    for second in range(20, 30):
        size = 20_000 + (second - 20) * 100_000
        pace.take(received(size, total=None, elapsed=float(second)), now=float(second))

    assert pace.rate == pytest.approx(100_000)
    assert pace.tell(now=30.0) == ["920.0 kB, 100.0 kB/s", "100.0 kB/s"]


def test_a_pace_begins_anew_with_the_file_and_tells_of_trouble() -> None:
    pace = TransferRate()
    pace.take(received(5_000_000, elapsed=1.0), now=1.0)
    pace.take(received(6_000_000, elapsed=2.0), now=2.0)
    pace.take(received(0, elapsed=3.0), now=3.0)

    assert pace.rate is None
    assert pace.tell(now=3.0) == ["0.0 of 10.0 MB"]

    fault = DownloadInterruptedError("video_1", "boat.mp4", "it broke")
    pace.take(received(0, elapsed=3.0, last_error=fault), now=3.0)
    assert pace.tell(now=3.0) == ["held up, trying again"]
    assert pace.rate is None

    pace.take(received(10_000_000, elapsed=4.0), now=4.0)
    assert pace.tell(now=4.0) == ["10.0 of 10.0 MB"]


def test_a_tally_counts_what_is_half_made_as_half() -> None:
    tally = Totals(20)
    for name in "abcd":
        tally.begin(name, "waiting")
        tally.event(name, event(progress=0.5))
    for name in "efg":
        tally.begin(name, "creating")

    parts = tally.sum_up(elapsed=60.0)

    assert parts[:3] == ["0 of 20 settled", "3 creating", "4 waiting"]
    assert parts[3:] == ["1.9 a minute", "about 9:31 left"]


def test_a_tally_foretells_nothing_of_few_or_at_once_or_from_what_was_done_before() -> None:
    few, fresh, old = Totals(9, "abc"), Totals(50, "abc"), Totals(50)
    for tally in (few, fresh):
        tally.settle(saved("a"))
        tally.settle(saved("b"))
    for number in range(40):
        old.settle(saved(f"video_{number}"))

    assert few.sum_up(elapsed=60.0) == ["2 of 9 settled", "2 saved"]
    assert fresh.sum_up(elapsed=5.0) == ["2 of 50 settled", "2 saved"]
    assert old.sum_up(elapsed=60.0) == ["40 of 50 settled", "40 saved"]


def test_a_tally_tells_the_ends_and_the_stages_in_one_order_whichever_came_first() -> None:
    tally = Totals(9)
    tally.settle(RowOutcome(task_id="a", last=None, error=ClientClosedError("a"), elapsed=1.0))
    tally.settle(saved("b"))
    tally.begin("c", "downloading")
    tally.begin("d", "creating")

    parts = tally.sum_up(elapsed=1.0)

    assert parts[1:] == ["1 saved", "1 interrupted", "1 creating", "1 downloading"]


def test_a_slow_rate_is_by_the_hour() -> None:
    tally = Totals(50, "ab")
    tally.settle(saved("a"))
    tally.event("b", received(10_000_000))

    parts = tally.sum_up(elapsed=600.0)

    assert parts[1:] == ["1 saved", "1 downloading", "12.0 an hour", "about 4:00:00 left"]


async def test_many_in_lines_are_told_by_their_ends_and_summed_up(capsys) -> None:
    names = [f"video_{number}" for number in range(10)]
    async with PlainLines(total=10, prints_results=True) as lines:
        for name in names:
            lines.begin(name, "creating")
        lines.event("video_0", event(progress=0.5))
        lines.event("video_1", received(5))
        lines.settle(saved("video_1"))
        await asyncio.sleep(31)

    out, err = capsys.readouterr()
    ended, summary = err.splitlines()
    assert out == "video_1\tvideo_1\n"
    assert ended.split() == ["9.0", "s", "video_1", "saved", "1.5", "MB"]
    assert summary == (
        "   30.0 s  1 of 10 settled, 1 saved, 9 creating, 3.0 a minute, about 2:53 left"
    )


async def test_a_download_is_a_line_every_few_seconds(capsys) -> None:
    async with PlainLines(["video_1"], prints_results=False) as lines:
        lines.event("video_1", received(0, total=None))
        for tenth in range(1, 101):
            lines.event("video_1", received(tenth * 100_000, elapsed=tenth / 10))

    told = [re.split(r" {2,}", line.strip()) for line in capsys.readouterr().err.splitlines()]
    assert [line[2:4] for line in told] == [["download", "1%"], ["download", "50%"]]
    assert told[1][4] == "5.0 of 10.0 MB, 1.0 MB/s, 5.0 s left"


# --- outcomes -----------------------------------------------------------------------------------


async def test_cancelling_gives_each_wait_an_outcome(sora, client) -> None:
    sora.script("video_1", running(0.5))
    show = Renderer()
    watches = [client.wait_until_complete(name, timeout=None) for name in ("video_1", "video_2")]
    task = asyncio.create_task(follow(watches, show))
    await asyncio.sleep(3)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert {outcome.word for outcome in show.outcomes.values()} == {"interrupted"}
    assert show.outcomes["video_1"].elapsed == 3.0
    error = show.outcomes["video_1"].error
    assert isinstance(error, ClientClosedError) and error.last and error.last.progress == 0.5


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 0),
        (["succeeded"], 0),
        (["succeeded", "timeout"], 124),
        (["succeeded", "timeout", "failed"], 1),
        (["timeout", "error"], 1),
    ],
)
def test_a_failure_counts_more_than_a_timeout(words, code) -> None:
    class Told(RowOutcome):
        word = property(lambda self: self.task_id)

    outcomes = [Told(task_id=word, last=None, error=None, elapsed=0.0) for word in words]

    assert exit_code(outcomes) == code


# --- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (59.94, "59.9 s"), (266, "4:26"), (3866, "1:04:26")]
)
def test_lengths_can_be_read(seconds, text) -> None:
    assert tell_seconds(seconds) == text


@pytest.mark.parametrize(
    ("part", "text"), [(None, ""), (0.0, "0%"), (0.29, "29%"), (0.999, "99%"), (1.0, "100%")]
)
def test_nothing_is_whole_before_its_end(part, text) -> None:
    assert tell_part(part) == text


def test_cleaning_leaves_what_can_be_read() -> None:
    assert clean("提示词\r\n \tis\x9b2J \u202efine\u2028🙂") == "提示词 is 2J fine 🙂"


def test_shortening_keeps_both_ends() -> None:
    assert [shorten("abcdefghij", width) for width in (10, 9, 4, 2)] == [
        "abcdefghij",
        "abcd…ghij",
        "ab…j",
        "a…",
    ]


def test_notes_are_few_words() -> None:
    garbled = InvalidResponseError("http://x", 200, "broken JSON")

    assert note(event(Phase.QUEUED, task={"queue_position": 3})) == "3 ahead of it"
    assert note(event(Phase.RUNNING, task={"queue_position": 3})) == ""
    assert note(event(last_error=garbled)) == "garbled, retrying"
    assert find_phase(None) is None


def test_reasons_leave_it_to_the_command_how_to_wait_again() -> None:
    fault = ServiceUnavailableError("http://x", 503)
    last = VideoTask(id="video_1", phase=Phase.QUEUED)

    texts = [
        explain(OutageError("video_1", None, 9.0, 3, fault, 120.0)),
        explain(WaitTimeoutError("video_1", last, 9.0, 3, fault, 600.0)),
    ]

    assert texts[0].startswith("no good answer for 120 s: http://x answered 503")
    assert texts[1] == "the service asks for 600 s of silence, last seen queued"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (4e7, "40.0 MB"), (2e9, "2.0 GB")],
)
def test_sizes_can_be_read(size, text) -> None:
    assert tell_size(size) == text


def test_parts_of_a_file_share_the_unit_of_the_whole() -> None:
    assert tell_parts(500, 999) == "500 of 999 B"
    assert tell_parts(50_000, 2_000_000_000) == "0.0 of 2.0 GB"
    assert tell_parts(1500, None) == "1.5 kB"


def test_doubts_say_how_likely_a_task_is_and_where_to_look() -> None:
    whole = CreateOutcomeUnknownError("http://x", "it broke.", None, "req-1", True, True)
    part = CreateOutcomeUnknownError("http://x", "it broke.", None, None, False, False)

    assert "(request id: req-1): it broke; there may be a task" in explain(whole)
    assert explain(whole).endswith(
        '"sora-async list" shows the newest tasks, where the service has a list'
    )
    assert "there is hardly a task" in explain(part)
    assert "look on its own pages" in explain(part)


def test_a_refused_address_is_a_matter_of_an_option() -> None:
    error = UnsafeURLError("video_1", "boat.mp4", "the link leads into a network")

    assert explain(error).startswith("boat.mp4: the link leads into a network. Say --allow-private")


# --- demo ---------------------------------------------------------------------------------------


async def test_the_demo_is_over_in_12_seconds_and_fits_80_columns() -> None:
    show = Renderer()

    await play(show, speed=1.0)

    assert asyncio.get_running_loop().time() < 14
    assert {name: outcome.word for name, outcome in show.outcomes.items()} == {
        **dict.fromkeys(TASK_IDS, "succeeded"),
        "video_blocked": "failed",
    }
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(tell_story(show.outcomes))
    assert len(console.file.getvalue().splitlines()) == len(TASK_IDS) + 3 + len(PYTHON.splitlines())


async def test_the_demo_shows_python_that_does_the_same(sora, monkeypatch, capsys) -> None:
    sora.script("video_123", running(0.5), completed("https://cdn.example/boat.mp4"))
    monkeypatch.setenv("SORA_BASE_URL", sora.url)
    monkeypatch.setenv("SORA_API_KEY", "sk-0123456789abcdef")
    code = compile(PYTHON, "demo", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    await eval(code, {"__name__": "demo"})

    out = capsys.readouterr().out.splitlines()
    assert len(PYTHON.splitlines()) == 5
    assert "50%" in out[0]
    assert out[-1] == "https://cdn.example/boat.mp4"
