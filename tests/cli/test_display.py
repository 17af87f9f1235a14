"""What people see of tasks, as lines and as a table; in virtual time."""

import ast
import asyncio
import contextlib
import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from support import KEY

from sora_async import (
    ClientClosedError,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    DownloadEvent,
    DownloadInterruptedError,
    InvalidResponseError,
    OutageError,
    PermissionDeniedError,
    Phase,
    ProgressEvent,
    Schedule,
    ServiceUnavailableError,
    UnsafeURLError,
    UnsupportedOperationError,
    VideoFile,
    VideoTask,
    WaitTimeoutError,
)
from sora_async.cli.commands.batch import BatchReader
from sora_async.cli.commands.demo import PYTHON, TASK_IDS, make_summary, play
from sora_async.cli.commands.wait import report_waits
from sora_async.cli.display.format import (
    clean,
    format_percent,
    format_received,
    format_seconds,
    format_size,
    measure,
    shorten,
    truncate,
)
from sora_async.cli.display.live import TableReporter
from sora_async.cli.display.messages import describe_error, describe_event, explain_error
from sora_async.cli.display.plain_lines import LineReporter
from sora_async.cli.display.reporter import Reporter
from sora_async.cli.display.rows import TaskRows
from sora_async.cli.display.states import TaskResult
from sora_async.cli.display.table import draw_table
from sora_async.cli.display.transfer_rate import TransferRate
from sora_async.cli.exit_codes import choose_exit
from sora_async.testing import completed, failed, http_error, queued, running, unknown_task

STEADY = Schedule(intervals=(2,), jitter=lambda delay: delay, first_jitter=lambda delay: delay)


def event(phase: Phase = Phase.RUNNING, progress: float | None = None, **known) -> ProgressEvent:
    task = VideoTask(id="video_1", phase=phase, raw={"status": phase}, **known.pop("task", {}))
    return ProgressEvent(task=task, progress=progress, elapsed=3.0, polls=2, **known)


def finish(rows: TaskRows, name: str, *, now: float = 4.0, **known) -> None:
    """End a row, with a success unless there is an error."""
    result = {"last": None, "error": None, "elapsed": 1.0, **known}
    rows.finish(name, TaskResult(task_id=name, **result), now=now)


def drawn(rows: TaskRows, *, width: int = 80, height: int = 24, now: float = 4.2) -> list[str]:
    """Return the lines of a table on a terminal without colours."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(draw_table(rows, now=now, width=width, height=height))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


# --- lines --------------------------------------------------------------------------------------


async def lines_of(sora, client, *answers) -> list[list[str]]:
    """Return the words of each line that a wait writes."""
    sora.script("video_1", *answers)
    with contextlib.redirect_stderr(io.StringIO()) as err:
        watch = client.wait_until_complete("video_1", schedule=STEADY)
        await report_waits([watch], LineReporter(["video_1"], prints_results=False))
    return [re.split(r" {2,}", line.strip()) for line in err.getvalue().splitlines()]


async def test_a_line_comes_with_each_phase_and_each_tenth_of_the_progress(sora, client) -> None:
    lines = await lines_of(
        sora, client, queued(), queued(), running(0.05), running(0.09), running(0.11), completed()
    )

    assert lines == [
        ["0.0 s", "video_1", "queued"],
        ["4.0 s", "video_1", "running", "5%"],
        ["8.0 s", "video_1", "running", "11%"],
        ["10.0 s", "video_1", "succeeded", "100%", "6 polls"],
    ]


async def test_a_line_comes_where_trouble_begins_and_ends(sora, client) -> None:
    pause = http_error(503, headers={"Retry-After": "10"})
    lines = await lines_of(
        sora, client, unknown_task(), running(0.5), pause, running(0.5), failed("oops", "Sorry.")
    )

    assert [line[1:] for line in lines] == [
        ["video_1", "waiting", "not found yet"],
        ["video_1", "running", "50%", "recovered after 2.0 s"],
        ["video_1", "running", "50%", "HTTP 503, retrying"],
        ["video_1", "running", "50%", lines[3][4]],
        ["video_1", "failed", "oops: Sorry."],
    ]
    assert lines[3][4].startswith("recovered after ")


async def test_a_line_shows_that_the_address_is_late(sora, client) -> None:
    lines = await lines_of(sora, client, completed(url=None), completed())

    assert [line[2:] for line in lines] == [
        ["succeeded", "100%", "no URL yet"],
        ["succeeded", "100%", "2 polls"],
    ]


# --- tables -------------------------------------------------------------------------------------


async def test_bars_move_between_the_polls_and_the_last_table_stays(sora, client) -> None:
    sora.script("video_1", running(0.5), completed())
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)

    watch = client.wait_until_complete("video_1", schedule=STEADY)
    await report_waits([watch], TableReporter(TaskRows(["video_1"]), console))

    screen = console.file.getvalue()
    assert all(f" {tenth / 10:.1f} s" in screen for tenth in range(20))
    assert screen.rpartition("50%")[2].count("100%") >= 1
    assert screen.rstrip().endswith("\x1b[?25h")


async def test_bars_end_with_the_error_of_those_who_draw_on_them(sora, client) -> None:
    class Broken(TableReporter):
        def update(self, name: str, update: object) -> None:
            raise BrokenPipeError

    sora.script("video_1", running(0.5))
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)

    reporter = Broken(TaskRows(["video_1"]), console)
    with pytest.raises(ExceptionGroup) as caught:
        await report_waits([client.wait_until_complete("video_1")], reporter)

    assert caught.group_contains(BrokenPipeError)
    assert console.file.getvalue().rstrip().endswith("\x1b[?25h")


def test_a_row_shows_all_that_is_known_in_80_columns() -> None:
    rows = TaskRows(["video_1", "video_2"])
    rows.update(
        "video_1", event(progress=0.5, last_error=ServiceUnavailableError("http://x", 503)), now=1.0
    )

    assert drawn(rows) == [
        "video_1  running      ━━━━━━━━           50%    4.2 s  HTTP 503, retrying",
        "video_2  waiting                                4.2 s",
        "0 of 2 done, 1 waiting, 1 running, 4.2 s",
    ]


def test_a_row_ends_with_its_outcome() -> None:
    rows = TaskRows(["video_1", "video_2"])
    finish(rows, "video_1", last=event(progress=1.0), elapsed=75.0)
    finish(rows, "video_2", error=WaitTimeoutError("video_2", None, 5.0, 1), elapsed=5.0)

    first, second, summary = drawn(rows)

    assert first.split() == ["video_1", "succeeded", "━" * 16, "100%", "1:15", "2", "polls"]
    assert re.search(r" timeout .* 5\.0 s  no video before the time…$", second)
    assert summary == "2 of 2 done, 1 succeeded, 1 timeout, 4.2 s"


def test_long_ids_are_cut_in_their_middle() -> None:
    rows = TaskRows(["sora-2:task_01k6x15vrrff09dkemqyrwdzhm"])

    assert drawn(rows)[0].startswith("sora-2:t…yrwdzhm  ")
    assert drawn(rows, width=120)[0].startswith("sora-2:task_01k6x15vrrff09dkemqyrwdzhm  ")


def test_rows_that_have_ended_make_room_until_all_is_over() -> None:
    names = [f"video_{number}" for number in range(30)]
    rows = TaskRows(names)
    for name in names[:20]:
        finish(rows, name)

    shown = drawn(rows, height=14)

    assert [line.split()[0] for line in shown[:12]] == names[18:]
    assert shown[12:] == ["20 of 30 done, 10 waiting, 20 succeeded, 18 not shown, 4.2 s"]

    for name in names[20:]:
        finish(rows, name)

    assert len(drawn(rows, height=14)) == 31


def test_a_servers_text_is_no_markup_and_steers_no_terminal() -> None:
    rows = TaskRows(["[red]a"])
    task = VideoTask(id="[red]a", phase=Phase.RUNNING, raw={})
    known = ProgressEvent(task=task, progress=None, elapsed=0.0, polls=1)
    error = InvalidResponseError("http://x", 200, "[b]\x1b]0;x\x07\u202e:smile:")
    finish(rows, "[red]a", last=known, error=error)

    (row,) = drawn(rows, width=120)

    assert row.startswith("[red]a  error ")
    assert row.endswith("http://x answered 200 with [b] ]0;x :smile:")


# --- many ---------------------------------------------------------------------------------------


def received(size: int, *, total: int | None = 10_000_000, elapsed: float = 0.0, **more):
    return DownloadEvent(task_id="video_1", received=size, total=total, elapsed=elapsed, **more)


def saved(name: str, **known) -> TaskResult:
    task = VideoTask(id=name, phase=Phase.SUCCEEDED, raw={})
    file = VideoFile(path=Path(name), size=1_500_000, content_type="video/mp4", task=task)
    return TaskResult(task_id=name, last=None, error=None, elapsed=9.0, file=file, **known)


def test_a_table_grows_with_what_is_started() -> None:
    rows = TaskRows(total=3)
    rows.start("1 boat", "creating", now=1.0)
    rows.start("2 boat", "creating", now=2.0)
    rows.start("2 boat", "waiting", now=3.0)

    first, second, summary = drawn(rows, now=4.0)

    assert first.split() == ["1", "boat", "creating", "━" * 16, "3.0", "s"]
    assert second.split() == ["2", "boat", "waiting", "2.0", "s"]
    assert summary == "0 of 3 done, 1 creating, 1 waiting, 4.0 s"


def test_the_numbers_of_lines_end_in_one_column() -> None:
    entries = {9: {"prompt": "a [red]boat\x1b"}, 10: {"prompt": "a boat at sea"}}
    first, second = BatchReader(entries, Reporter(), is_json=False)._names.values()
    rows = TaskRows(total=10)
    rows.start(first, "creating", now=1.0)
    rows.start(second, "creating", now=1.0)

    nine, ten, _ = drawn(rows, now=4.0)

    assert nine.startswith(" 9 a [red]boat")
    assert ten.startswith("10 a boat at sea")


def test_a_row_shows_the_bytes_of_its_download_as_far_as_there_is_room() -> None:
    rows = TaskRows(["video_1", "video_2"])
    rows.update("video_1", received(1_000_000, elapsed=0.0), now=1.0)
    rows.update("video_1", received(3_000_000, elapsed=2.0), now=3.0)

    narrow, wide = drawn(rows, now=3.0)[0], drawn(rows, now=3.0, width=120)[0]

    assert re.search(r"downloading  ━+╸? +30%    3\.0 s  1\.0 MB/s, 7\.0 s left$", narrow)
    assert wide.endswith("3.0 s  3.0 of 10.0 MB, 1.0 MB/s, 7.0 s left")


def test_a_download_that_is_silent_is_no_longer_shown_as_fast() -> None:
    rows = TaskRows(["video_1", "video_2"])
    rows.update("video_1", received(1_000_000, elapsed=0.0), now=1.0)
    rows.update("video_1", received(3_000_000, elapsed=2.0), now=3.0)

    row = drawn(rows, now=15.0, width=120)[0]

    assert row.endswith("3.0 of 10.0 MB, no bytes for 12 s")


def test_rows_of_files_end_with_their_size() -> None:
    rows = TaskRows(["video_1", "video_2", "video_3"])
    rows.finish("video_1", saved("video_1"), now=4.0)
    finish(rows, "video_2", last=event(progress=1.0), elapsed=9.0, file=saved("x").file)
    old = VideoFile(path=Path("x"), size=500, content_type=None)
    finish(rows, "video_3", elapsed=0.0, file=old)

    first, second, third, summary = drawn(rows)

    assert re.search(r"succeeded  .* 100%    9\.0 s  1\.5 MB$", first)
    assert second.endswith("1.5 MB, 2 polls")
    assert third.endswith("already there")
    assert summary == "3 of 3 done, 3 succeeded, 4.2 s"


def test_a_rate_is_of_the_last_seconds() -> None:
    transfer = TransferRate(received(0, total=None), now=0.0)
    assert transfer.rate is None

    for second in range(1, 20):
        transfer.update(
            received(second * 1000, total=None, elapsed=float(second)), now=float(second)
        )
    assert transfer.rate == 1000.0
    for second in range(20, 30):
        size = 20_000 + (second - 20) * 100_000
        transfer.update(received(size, total=None, elapsed=float(second)), now=float(second))

    assert transfer.rate == pytest.approx(100_000)
    assert transfer.describe(now=30.0) == ["920.0 kB, 100.0 kB/s", "100.0 kB/s"]


def test_a_rate_begins_anew_with_the_file_and_shows_trouble() -> None:
    transfer = TransferRate(received(5_000_000, elapsed=1.0), now=1.0)
    transfer.update(received(6_000_000, elapsed=2.0), now=2.0)
    transfer.update(received(0, elapsed=3.0), now=3.0)

    assert transfer.rate is None
    assert transfer.describe(now=3.0) == ["0.0 of 10.0 MB"]

    fault = DownloadInterruptedError("video_1", "boat.mp4", "it broke")
    transfer.update(received(0, elapsed=3.0, last_error=fault), now=3.0)
    assert transfer.describe(now=3.0) == ["interrupted, retrying", "retrying"]
    assert transfer.rate is None

    transfer.update(received(10_000_000, elapsed=4.0), now=4.0)
    assert transfer.describe(now=4.0) == ["10.0 of 10.0 MB"]


def test_a_video_that_is_half_made_counts_half_in_the_rate() -> None:
    rows = TaskRows(total=20)
    for name in "abcd":
        rows.start(name, "waiting", now=0.0)
        rows.update(name, event(progress=0.5), now=1.0)
    for name in "efg":
        rows.start(name, "creating", now=0.0)

    parts = rows.summarize(now=60.0)

    assert parts[:3] == ["0 of 20 done", "3 creating", "4 running"]
    assert parts[3:] == ["1.9 a minute", "about 9:31 left"]


def test_there_is_no_estimate_for_few_tasks_or_at_once_or_from_an_earlier_run() -> None:
    few, fresh, old = TaskRows("abc", total=9), TaskRows("abc", total=50), TaskRows(total=50)
    for rows in (few, fresh):
        rows.finish("a", saved("a"), now=1.0)
        rows.finish("b", saved("b"), now=1.0)
    for number in range(40):
        old.finish(f"video_{number}", saved(f"video_{number}"), now=1.0)

    assert few.summarize(now=60.0) == ["2 of 9 done", "1 waiting", "2 succeeded"]
    assert fresh.summarize(now=5.0) == ["2 of 50 done", "1 waiting", "2 succeeded"]
    assert old.summarize(now=60.0) == ["40 of 50 done", "40 succeeded"]


def test_totals_have_one_order_whichever_state_came_first() -> None:
    rows = TaskRows(total=9)
    finish(rows, "a", error=ClientClosedError("a"), now=1.0)
    rows.finish("b", saved("b"), now=1.0)
    rows.start("c", "downloading", now=1.0)
    rows.start("d", "creating", now=1.0)

    parts = rows.summarize(now=1.0)

    assert parts[1:] == ["1 creating", "1 downloading", "1 succeeded", "1 interrupted"]


def test_a_slow_rate_is_by_the_hour() -> None:
    rows = TaskRows("ab", total=50)
    rows.finish("a", saved("a"), now=1.0)
    rows.update("b", received(10_000_000), now=1.0)

    parts = rows.summarize(now=600.0)

    assert parts[1:] == ["1 downloading", "1 succeeded", "12.0 an hour", "about 4:00:00 left"]


async def test_many_tasks_have_a_line_at_their_end_and_summaries(capsys) -> None:
    names = [f"video_{number}" for number in range(10)]
    async with LineReporter(total=10, prints_results=True) as lines:
        for name in names:
            lines.start(name, "creating")
        lines.update("video_0", event(progress=0.5))
        lines.update("video_1", received(5))
        lines.finish(saved("video_1"))
        await asyncio.sleep(31)

    out, err = capsys.readouterr()
    ended, summary = err.splitlines()
    assert out == "video_1\tvideo_1\n"
    assert ended.split() == ["9.0", "s", "video_1", "succeeded", "100%", "1.5", "MB"]
    assert summary == (
        "   30.0 s  1 of 10 done, 9 creating, 1 succeeded, 3.0 a minute, about 2:53 left"
    )


async def test_a_download_is_a_line_every_few_seconds(capsys) -> None:
    async with LineReporter(["video_1"], prints_results=False) as lines:
        lines.update("video_1", received(0, total=None))
        for tenth in range(1, 101):
            lines.update("video_1", received(tenth * 100_000, elapsed=tenth / 10))

    told = [re.split(r" {2,}", line.strip()) for line in capsys.readouterr().err.splitlines()]
    assert [line[2:4] for line in told] == [["downloading", "1%"], ["downloading", "50%"]]
    assert told[1][4] == "5.0 of 10.0 MB, 1.0 MB/s, 5.0 s left"


# --- outcomes -----------------------------------------------------------------------------------


async def test_cancelling_gives_each_wait_an_outcome(sora, client) -> None:
    sora.script("video_1", running(0.5))
    reporter = Reporter()
    watches = [client.wait_until_complete(name, timeout=None) for name in ("video_1", "video_2")]
    task = asyncio.create_task(report_waits(watches, reporter))
    await asyncio.sleep(3)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert {result.outcome for result in reporter.results.values()} == {"interrupted"}
    assert reporter.results["video_1"].elapsed == 3.0
    error = reporter.results["video_1"].error
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
    class Told(TaskResult):
        outcome = property(lambda self: self.task_id)

    outcomes = [Told(task_id=word, last=None, error=None, elapsed=0.0) for word in words]

    assert choose_exit(outcomes) == code


# --- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (59.94, "59.9 s"), (266, "4:26"), (3866, "1:04:26")]
)
def test_lengths_can_be_read(seconds, text) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("part", "text"), [(None, ""), (0.0, "0%"), (0.29, "29%"), (0.999, "99%"), (1.0, "100%")]
)
def test_nothing_is_whole_before_its_end(part, text) -> None:
    assert format_percent(part) == text


def test_cleaning_leaves_what_can_be_read() -> None:
    assert clean("提示词\r\n \tis\x9b2J \u202efine\u2028🙂") == "提示词 is 2J fine 🙂"


def test_east_asian_characters_take_two_columns() -> None:
    assert measure("海上的船") == 8 and measure("e\u0301") == 1
    assert shorten("海上的船在航行", 9) == "海上…航行"


def test_a_prompt_is_cut_at_its_end() -> None:
    rows = TaskRows(total=300)
    rows.start("  1 a lighthouse in the rain", "creating", now=0.0)

    assert drawn(rows)[0].startswith("  1 a lighthous…  creating ")
    assert truncate("a boat at sea", 8) == "a boat…"


def test_shortening_keeps_both_ends() -> None:
    assert [shorten("abcdefghij", width) for width in (10, 9, 4, 2)] == [
        "abcdefghij",
        "abcd…ghij",
        "ab…j",
        "a…",
    ]


def test_notes_are_few_words() -> None:
    garbled = InvalidResponseError("http://x", 200, "broken JSON")

    assert describe_event(event(Phase.QUEUED, task={"queue_position": 3})) == "3 ahead in queue"
    assert describe_event(event(Phase.RUNNING, task={"queue_position": 3})) == ""
    assert describe_event(event(last_error=garbled)) == "invalid response, retrying"


def test_reasons_leave_it_to_the_command_how_to_wait_again() -> None:
    fault = ServiceUnavailableError("http://x", 503)
    last = VideoTask(id="video_1", phase=Phase.QUEUED)

    texts = [
        explain_error(OutageError("video_1", None, 9.0, 3, fault, 120.0)),
        explain_error(WaitTimeoutError("video_1", last, 9.0, 3, fault, 600.0)),
    ]

    assert texts[0].startswith("no usable response for 2:00: http://x answered 503")
    assert texts[1] == "the service asked for a pause of 10:00, last seen queued"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (4e7, "40.0 MB"), (2e9, "2.0 GB")],
)
def test_sizes_can_be_read(size, text) -> None:
    assert format_size(size) == text


def test_parts_of_a_file_share_the_unit_of_the_whole() -> None:
    assert format_received(500, 999) == "500 of 999 B"
    assert format_received(50_000, 2_000_000_000) == "0.0 of 2.0 GB"
    assert format_received(1500, None) == "1.5 kB"


def test_doubts_say_how_likely_a_task_is_and_where_to_look() -> None:
    whole = CreateOutcomeUnknownError("http://x", "it broke.", None, "req-1", True, True)
    part = CreateOutcomeUnknownError("http://x", "it broke.", None, None, False, False)

    assert "(request id: req-1): it broke; there may be a task" in explain_error(whole)
    assert explain_error(whole).endswith(
        '"sora-async list" shows the newest tasks, if the service has a list'
    )
    assert "probably no task was created" in explain_error(part)
    named = CreateOutcomeUnknownError("http://x", "answered 502 (request id: req-1)", 502, "req-1")
    assert explain_error(named).count("req-1") == 1
    assert "look on its website" in explain_error(part)


def test_a_likely_dialect_is_a_matter_of_an_option() -> None:
    hint = "Does the service speak another dialect, such as tasks? Pass dialect="
    error = UnsupportedOperationError("http://x", 404, None, "Not Found", hint=hint)

    assert explain_error(error).endswith("such as tasks? Use --dialect")


def test_a_refused_address_is_a_matter_of_an_option() -> None:
    error = UnsafeURLError("video_1", "boat.mp4", "the link leads into a network")

    assert explain_error(error) == (
        "boat.mp4: the link leads into a network. Use --allow-private if you trust the service"
    )
    assert describe_error(error) == "boat.mp4: the link leads into a network"


def test_rows_say_what_happened_and_not_what_to_do() -> None:
    refused = PermissionDeniedError("http://x", 403, "no_access", "Not for you.")
    silent = ConnectionFailedError("http://x", "connection refused")

    assert describe_error(refused) == "HTTP 403: Not for you."
    assert describe_error(silent) == "no response from http://x: connection refused"
    assert explain_error(silent).endswith("Check --base-url (SORA_BASE_URL) and the network")


# --- demo ---------------------------------------------------------------------------------------


async def test_the_demo_is_over_in_12_seconds_and_fits_80_columns() -> None:
    reporter = Reporter()

    await play(reporter, speed=1.0)

    assert asyncio.get_running_loop().time() < 14
    assert {name: result.outcome for name, result in reporter.results.items()} == {
        **dict.fromkeys(TASK_IDS, "succeeded"),
        "video_blocked": "failed",
    }
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(make_summary(reporter.results))
    assert len(console.file.getvalue().splitlines()) == len(TASK_IDS) + 3 + len(PYTHON.splitlines())


async def test_the_demo_shows_python_that_does_the_same(sora, monkeypatch, capsys) -> None:
    sora.script("video_123", running(0.5), completed("https://cdn.example/boat.mp4"))
    monkeypatch.setenv("SORA_BASE_URL", sora.url)
    monkeypatch.setenv("SORA_API_KEY", KEY)
    code = compile(PYTHON, "demo", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    await eval(code, {"__name__": "demo"})

    out = capsys.readouterr().out.splitlines()
    assert len(PYTHON.splitlines()) == 5
    assert "50%" in out[0]
    assert out[-1] == "https://cdn.example/boat.mp4"
