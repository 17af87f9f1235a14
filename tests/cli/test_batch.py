"""Batches from the shell: what is read, what is printed, and how another run continues."""

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from support import count_creates
from support.command import (
    AT_ONCE,
    FOREVER,
    Screen,
    Terminal,
    interrupt,
    named,
    promised,
    records,
    run_without_reader,
)

from sora_async import InvalidArgumentError
from sora_async.cli.main import main
from sora_async.cli.prompt_file import read_prompts
from sora_async.testing import FakeSora, Scenario, accepted, http_error, reset, slow

REFUSED = Scenario(queued=0, running=0, failure=("moderation_blocked", "No."))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeSora]:
    """A service that the environment names, with a list; here is an empty folder."""
    with named(monkeypatch, shape="openai", default_scenario=AT_ONCE) as service:
        monkeypatch.chdir(tmp_path)
        yield service


def write(*entries: object) -> str:
    """Write a prompt file, and return its name."""
    Path("prompts.jsonl").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    return "prompts.jsonl"


def test_each_line_becomes_a_file(service, capsys) -> None:
    prompts = write("a boat", {"prompt": "a bottle", "name": "bottle", "seconds": "8"})

    code = main(["batch", prompts, "--out", "videos"])

    out, err = capsys.readouterr()
    paths = dict(line.split("\t") for line in out.splitlines())
    assert code == 0
    assert sorted(Path(path).name[:6] for path in paths.values()) == ["a-boat", "bottle"]
    assert all(Path(path).stat().st_size > 500 for path in paths.values())
    assert {task.id for task in service.tasks} == set(paths)
    assert [task.create.seconds for task in service.tasks if task.create.prompt == "a bottle"] == [
        "8"
    ]
    assert "1 a boat  creating" in err and "2 bottle  succeeded" in err
    assert err.endswith("2 of 2 videos in videos\n")


def test_a_second_run_creates_nothing_again(service, capsys) -> None:
    prompts = write("a boat", "a boat", "a ship")
    main(["batch", prompts, "--out", "videos", "--journal", "job.jsonl"])
    before = capsys.readouterr().out

    code = main(["batch", prompts, "--out", "videos", "--journal", "job.jsonl"])

    out, err = capsys.readouterr()
    assert code == 0
    assert sorted(out.splitlines()) == sorted(before.splitlines())
    assert err.count("already there") == 3
    assert count_creates(service) == 3
    assert Path("job.jsonl").exists()


def test_prompts_may_come_from_stdin(service, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'\xef\xbb\xbf"a boat"\r\n\n')))

    code = main(["batch", "-", "--out", "videos"])

    assert code == 0
    assert [task.create.prompt for task in service.tasks] == ["a boat"]


@pytest.mark.parametrize("running", [0.0, 1.0], ids=["in order", "the first one last"])
def test_the_end_lists_what_failed_and_how_to_continue(service, capsys, running: float) -> None:
    no = http_error(400, {"error": {"message": "prompt too long"}})
    service.on_create(accepted(scenario=attrs.evolve(REFUSED, running=running)), no, no)
    prompts = write("first", "second", "third", "fourth")

    code = main(["batch", prompts, "--out", "v", "--max-creates", "1", "--base-url", service.url])

    summary, lost, refused, _, again = capsys.readouterr().err.splitlines()[-5:]
    assert code == 1
    assert summary == "1 of 4 videos in v, 1 failed, 2 error"
    assert lost.startswith(f"  line 1 first ({service.tasks[0].id}): moderation_blocked: No.")
    assert refused.startswith("  lines 2, 3: ") and "prompt too long" in refused
    assert again == f"  sora-async batch {prompts} --out v --max-creates 1 --base-url {service.url}"


def test_nothing_is_to_be_continued_when_all_that_is_left_has_failed(service, capsys) -> None:
    service.on_create(accepted(scenario=REFUSED))

    code = main(["batch", write("a boat"), "--out", "v"])

    assert code == 1
    assert "Continue" not in capsys.readouterr().err


def test_many_lines_with_one_reason_are_named_in_part(service, capsys) -> None:
    prompts = write(*(f"boat {number}" for number in range(12)))
    service.on_create(*(http_error(400, {"error": {"message": "no"}}) for _ in range(12)))

    code = main(["batch", prompts, "--out", "v", "--max-creates", "1"])

    err = capsys.readouterr().err
    assert code == 1
    assert "  lines 1, 2, 3, 4, 5, 6, 7, 8 and 4 more: " in err
    assert "creating" not in err.partition("of 12")[0]


def test_a_create_without_a_response_is_uncertain_and_never_sent_again(service, capsys) -> None:
    service.on_create(reset())

    assert main(["batch", write("a boat"), "--out", "v"]) == 3

    assert "uncertain" in capsys.readouterr().err
    assert count_creates(service) == 1


def test_a_create_that_cannot_be_sent_is_shown_with_its_line(service, capsys) -> None:
    prompts = write({"prompt": "a", "name": "x"}, {"prompt": "b", "name": "x"})

    code = main(["batch", prompts, "--out", "v"])

    err = capsys.readouterr().err
    assert code == 1
    assert "1 of 2 videos in v, 1 error" in err
    assert "  line 2 x: name 'x.mp4'" in err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b'"fine"\na boat at sea\n', "line 2: is not JSON"),
        (b"[1]\n", "line 1: expected a prompt or an object"),
        (b'\n{"model": "sora-2"}\n', 'line 2: "prompt" is missing or no text'),
        (b'" "\n', 'line 1: "prompt" is missing or no text'),
        (b"\n \n", "it has no prompt"),
        (b"\xff\n", "is not UTF-8"),
        (b"[" * 100_000, "line 1: is not JSON"),
        (b'"fine"\n"too"\n{"prompt": "a", "seconds": "x"}\n', "line 3: seconds: expected a number"),
        (b'"fine"\n{"prompt": "a", "n": NaN}\n', "line 2: item: the journal can only keep"),
        (b'"fine"\n{"prompt": "a", "name": "b/c"}\n', "line 2: name 'b/c': expected a file name"),
        (b'"fine"\n{"prompt": "a", "last_frame": "b"}\n', "line 2: last_frame: the dialect"),
    ],
)
def test_a_mistake_in_any_line_costs_nothing(text, told, service, capsys) -> None:
    Path("prompts.jsonl").write_bytes(text)

    code = main(["batch", "prompts.jsonl", "--out", "v"])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
    assert service.requests == []


def test_a_file_that_is_not_there_is_wrong_usage(service, capsys) -> None:
    code = main(["batch", "no.jsonl", "--out", "v"])

    assert code == 2
    assert "no.jsonl: cannot be read" in capsys.readouterr().err


def test_a_journal_that_cannot_be_used_is_shown(service, capsys) -> None:
    Path("job.jsonl").write_text("damaged\n")

    code = main(["batch", write("a boat"), "--out", "v", "--journal", "job.jsonl"])

    assert code == 1
    assert "job.jsonl" in capsys.readouterr().err
    assert count_creates(service) == 0


@pytest.mark.parametrize("text", ["0", "-1", "many"])
def test_numbers_at_once_begin_at_one(text, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["batch", "x", "--out", "v", f"--max-waits={text}"])

    assert caught.value.code == 2
    assert "of at least 1" in capsys.readouterr().err


def test_the_lines_of_a_file_keep_their_numbers(tmp_path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('\n"a"\n\n{"prompt": "b\u2028c"}\n')

    assert read_prompts(str(file)) == {2: {"prompt": "a"}, 4: {"prompt": "b\u2028c"}}
    with pytest.raises(InvalidArgumentError):
        read_prompts(str(tmp_path))


# --- Ctrl-C -------------------------------------------------------------------------------------


def test_ctrl_c_waits_for_creates_under_way_and_another_run_continues(service, capsys) -> None:
    prompts = write("first", "second")
    service.on_create(accepted(scenario=FOREVER), slow(0.2, accepted(scenario=FOREVER)))

    with contextlib.redirect_stderr(Screen(interrupt, at="running")) as err:
        code = main(["batch", prompts, "--out", "v", "--api-key", "sk-1"])

    assert (code, capsys.readouterr().out) == (130, "")
    assert "Ending: waiting for the responses to creates that were sent" in err.getvalue()
    assert "0 of 2 videos in v, 2 interrupted" in err.getvalue()
    assert err.getvalue().count("the task goes on") == 1  # of the other nothing was seen yet
    assert err.getvalue().count("the task may go on") == 1
    assert err.getvalue().endswith(f"with:\n  sora-async batch {prompts} --out v\n")
    assert len(service.tasks) == 2
    stages = [json.loads(line)["stage"] for line in Path("v/batch.jsonl").read_text().splitlines()]
    assert sorted(stages) == ["created", "created", "creating", "creating"]


def test_ctrl_c_in_json_ends_with_a_result_for_each_and_a_summary(service) -> None:
    service.on_create(accepted(scenario=FOREVER))
    prompts = write("first", "second", "third")

    with contextlib.redirect_stdout(Screen(interrupt, at='"event"')) as out:
        code = main(["batch", prompts, "--json", "--out", "v", "--max-waits", "1"])

    told = records(out.getvalue())
    results = [one for one in told if one["type"] == "result"]
    assert code == 130
    assert [(one["outcome"], one["line"]) for one in results] == [("interrupted", 1)]
    assert results[0]["id"] == service.tasks[0].id
    assert (told[-1]["type"], told[-1]["interrupted"], told[-1]["not_begun"]) == ("summary", 1, 2)


def test_with_prompts_from_stdin_one_has_to_bring_them_again(service, monkeypatch) -> None:
    service.on_create(accepted(scenario=FOREVER))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'"a boat"\n')))

    with contextlib.redirect_stderr(Screen(interrupt, at="running")) as err:
        code = main(["batch", "-", "--out", "v"])

    assert code == 130
    assert "Continue with the same prompts with:\n  sora-async batch - --out v\n" in err.getvalue()


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_closed_pipe_ends_a_batch_in_silence_and_loses_nothing(words, service) -> None:
    prompts = write("first", "second")

    code, err = run_without_reader("batch", prompts, *words, "--out", "v")

    assert code == 141
    assert "Broken" not in err
    assert main(["batch", prompts, "--out", "v"]) == 0
    assert count_creates(service) == 2


# --- for programs, and on a terminal ------------------------------------------------------------


def test_json_has_all_the_keys_of_the_manual(service, capsys) -> None:
    service.on_create(accepted(scenario=REFUSED))

    code = main(["batch", write("a", "b"), "--json", "--out", "v", "--max-creates", "1"])

    out, err = capsys.readouterr()
    told = records(out)
    assert (code, err) == (1, "")
    assert {one["type"] for one in told} == {"stage", "event", "download", "result", "summary"}
    assert all(list(one) == ["type", *promised(one["type"])] for one in told)
    stages = [(one["line"], one["stage"]) for one in told if one["type"] == "stage"]
    assert sorted(stages) == [
        (1, "creating"),
        (1, "waiting"),
        (2, "creating"),
        (2, "downloading"),
        (2, "waiting"),
    ]
    results = {one["line"]: one for one in told if one["type"] == "result"}
    assert (results[1]["outcome"], results[1]["failure"]["code"]) == (
        "failed",
        "moderation_blocked",
    )
    assert (results[2]["outcome"], results[2]["path"] is None) == ("succeeded", False)
    summary = told[-1]
    assert (summary["total"], summary["succeeded"], summary["failed"]) == (2, 1, 1)


def test_a_terminal_shows_a_row_for_each_prompt(service, on_terminal) -> None:
    prompts = write("a [red]boat", {"prompt": "x", "name": "bottle"})

    code, screen = on_terminal("batch", prompts, "--out", "v")

    assert code == 0
    assert "1 a [red]boat  succeeded " in screen
    assert "2 bottle       succeeded " in screen
    assert "2 of 2 done, 2 succeeded" in screen
    assert screen.endswith("2 of 2 videos in v\n")


def test_a_terminal_of_many_ends_with_those_that_failed(service, on_terminal) -> None:
    service.on_create(accepted(scenario=REFUSED))
    prompts = write(*(f"boat {number}" for number in range(25)))

    code, screen = on_terminal("batch", prompts, "--out", "v", "--max-creates", "1")

    last = screen.rpartition("\x1b[?25l")[2].rpartition("\x1b[2K")[2]
    assert code == 1
    rows = last.partition("25 of 25 done, 24 succeeded, 1 failed, 24 not shown")[0].splitlines()
    assert [row.split()[:4] for row in rows if "boat" in row] == [["1", "boat", "0", "failed"]]


def test_ctrl_c_on_a_terminal_draws_no_estimate(service, on_terminal) -> None:
    service.on_create(*(accepted(scenario=FOREVER) for _ in range(25)))
    prompts = write(*(f"boat {number}" for number in range(25)))

    code, screen = on_terminal(
        "batch", prompts, "--out", "v", screen=Terminal(interrupt, at="runn")
    )

    shown, _, after = screen.rpartition("\x1b[?25h")
    assert code == 130
    assert "Ending: waiting" in shown
    assert " left" not in after
    assert "\x1b" not in after
    assert "Continue with:\n  sora-async batch prompts.jsonl --out v\n" in after
