"""Creates from the shell: what is sent, what is printed, and that no id is lost."""

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
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
    served,
    signal_once_asked,
)

from sora_async import InvalidArgumentError
from sora_async.cli.display.json_lines import JsonReporter
from sora_async.cli.main import main
from sora_async.cli.prompt_file import read_field
from sora_async.testing import FakeSora, accepted, http_error, queued, reset, slow


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSora]:
    """A service that the environment names, where a video succeeds as soon as it is created."""
    with named(monkeypatch, default_scenario=AT_ONCE) as service:
        yield service


def creates(service: FakeSora) -> list[dict]:
    return [dict(request.fields) for _, request in service.requests if request.endpoint == "create"]


def test_a_create_prints_the_id_of_its_task_and_nothing_else(service, capsys) -> None:
    words = ["--model", "sora-2", "--seconds", "10", "--size", "1280x720"]
    fields = ["--field", "style=anime", "--field", "private:=true"]

    code = main(["create", "--prompt", "a boat", *words, *fields])

    (task,) = service.tasks
    assert (code, *capsys.readouterr()) == (0, f"{task.id}\n", "")
    assert creates(service) == [
        {
            "prompt": "a boat",
            "model": "sora-2",
            "seconds": "10",
            "size": "1280x720",
            "style": "anime",
            "private": "true",
        }
    ]


def test_a_prompt_may_come_from_stdin(service, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a boat\nat sea\n"))

    code = main(["create", "--prompt", "-"])

    assert code == 0
    assert creates(service) == [{"prompt": "a boat\nat sea"}]


def test_a_reference_is_sent_as_a_file(service, tmp_path) -> None:
    image = tmp_path / "boat.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))

    code = main(["create", "--prompt", "it sails away", "--reference", str(image)])

    assert code == 0
    upload = service.tasks[0].create.files["input_reference"]
    assert (upload.name, upload.content_type) == ("boat.png", "image/png")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--prompt", " "], "--prompt"),
        (["--prompt", "x", "--field", "style"], "NAME=TEXT"),
        (["--prompt", "x", "--field", "=3"], "NAME=TEXT"),
        (["--prompt", "x", "--field", "private:=yes"], "private"),
        (["--prompt", "x", "--field", "model=y"], "use --model"),
        (["--prompt", "x", "--field", "input_reference=y"], "use --reference"),
        (["--prompt", "x", "--field", "as_json=y"], "no such field"),
        (["--prompt", "x", "--field", "headers:=3"], "--field headers: the command has no such"),
        (["--prompt", "x", "--field", "idempotency_key=y"], "--field idempotency_key: the command"),
        (["--prompt", "x", "--field", "self=y"], "--field self: the command has no such"),
        (["--prompt", "x", "--seconds", "abc"], "--seconds: expected a number above 0, got 'abc'"),
        (["--prompt", "x", "--size", " "], "--size: expected a text, got ' '"),
        (["--prompt", "x", "--field", "n=2"], "--field n: expected a whole number from 1, got '2'"),
        (["--prompt", "x", "--field", "n=2"], "For a value in JSON write --field n:=2\n"),
        (["--prompt", "x", "--field", "n:=0"], "n: expected a whole number from 1, got 0\n"),
        (["--prompt", "x", "--field", "n=two"], "a whole number from 1, got 'two'\n"),
        (
            ["--prompt", "x", "--field", "a=b", "--field", "last_frame=boat.mp4"],
            "sora-async: --field last_frame: the dialect 'openai' does not take it",
        ),
        (["--prompt", "x", "--reference", "/no/such/file.png"], "--reference '/no/such/file.png'"),
        (["--prompt", "x", "--download", "/no/such"], "there is no such directory"),
        (["--prompt", "x", "--download", "/no/a b"], "Create it first: mkdir -p '/no/a b'"),
        (["--prompt", "x", "--download", "/dev/null"], "it is not a directory"),
    ],
)
def test_what_cannot_be_created_is_wrong_usage_and_costs_nothing(
    words, told, service, capsys
) -> None:
    code = main(["create", *words])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert told in err
    assert service.tasks == []


def test_a_field_is_text_or_json() -> None:
    assert read_field("a=b=c") == ("a", "b=c")
    assert read_field("n := 3") == ("n", 3)
    assert read_field('list:=["a"]') == ("list", ["a"])
    with pytest.raises(InvalidArgumentError):
        read_field(":=3")


def test_waiting_prints_the_address_after_the_id(service, capsys) -> None:
    code = main(["create", "--prompt", "a boat", "--wait"])

    task_id, address = capsys.readouterr().out.splitlines()
    assert code == 0
    assert task_id == service.tasks[0].id
    assert address == f"{service.cdn_url}/videos/{task_id}.mp4"


def test_downloading_prints_the_path_after_the_id(service, capsys, tmp_path) -> None:
    (tmp_path / "new" / "dir").mkdir(parents=True)
    code = main(["create", "--prompt", "a boat", "--download", str(tmp_path / "new" / "dir")])

    task_id, path = capsys.readouterr().out.splitlines()
    assert code == 0
    assert Path(path) == tmp_path / "new" / "dir" / f"{task_id}.mp4"
    assert Path(path).stat().st_size > 500


def test_json_has_the_task_before_all_else(service, capsys, tmp_path) -> None:
    code = main(["create", "--json", "--prompt", "a boat", "--download", str(tmp_path)])

    out, err = capsys.readouterr()
    task, *_, result = records(out)
    assert (code, err) == (0, "")
    assert list(task) == ["type", *promised("task")]
    assert (task["type"], task["id"]) == ("task", service.tasks[0].id)
    assert list(result) == ["type", *promised("result")]
    assert Path(result["path"]).stat().st_size == result["size"]


def test_a_create_without_a_response_has_an_exit_code_of_its_own(service, capsys) -> None:
    service.on_create(accepted(reset()))

    code = main(["create", "--prompt", "a boat"])

    out, err = capsys.readouterr()
    assert (code, out) == (3, "")
    assert "it may be charged" in err
    assert "sora-async list" in err
    assert "the outcome of the create is unknown: the server " in err
    assert "base_url" not in err
    assert len(service.tasks) == len(creates(service)) == 1


def test_json_shows_a_create_without_a_response(service, capsys) -> None:
    answer = {"error": {"message": "oops"}}
    service.on_create(http_error(500, answer, headers={"x-request-id": "req-7"}))

    code = main(["create", "--json", "--prompt", "a boat"])

    (record,) = records(capsys.readouterr().out)
    error = record["error"]
    assert code == 3
    assert list(error) == promised("Each error, wherever it stands, is an object of")
    assert (error["type"], error["status"]) == ("CreateOutcomeUnknownError", 500)
    assert error["request_id"] == "req-7"


def test_a_refused_create_says_why(service, capsys) -> None:
    service.on_create(http_error(402, {"error": {"message": "top up", "code": "broke"}}))

    code = main(["create", "--prompt", "a boat"])

    assert code == 1
    assert "top up" in capsys.readouterr().err


# --- nothing that is paid for is lost -----------------------------------------------------------


def test_ctrl_c_waits_for_the_id_of_a_create_under_way(service, capsys, tmp_path) -> None:
    service.on_create(slow(0.15, queued()))

    signal_once_asked(service)
    code = main(["create", "--prompt", "a boat", "--download", str(tmp_path)])

    out, err = capsys.readouterr()
    assert (code, out) == (130, f"{service.tasks[0].id}\n")
    assert "Ctrl-C again to give up" in err
    assert err.endswith(f"  sora-async wait --download {tmp_path} {service.tasks[0].id}\n")


def test_ctrl_c_in_json_leaves_the_task_on_stdout(service, capsys) -> None:
    service.on_create(slow(0.15, queued()))

    signal_once_asked(service)
    code = main(["create", "--json", "--wait", "--prompt", "a boat"])

    out, err = capsys.readouterr()
    assert (code, err) == (130, "")
    assert [one["type"] for one in records(out)] == ["task"]


def test_a_refusal_after_ctrl_c_is_still_shown(service, capsys) -> None:
    service.on_create(slow(0.15, http_error(400, {"error": {"message": "too long"}})))

    signal_once_asked(service)
    code = main(["create", "--prompt", "a boat"])

    assert code == 1
    assert "too long" in capsys.readouterr().err


def test_a_second_ctrl_c_gives_up_and_says_how_to_look(service, capsys) -> None:
    service.on_create(slow(0.6, queued()))

    signal_once_asked(service)
    with contextlib.redirect_stderr(Screen(interrupt, at="Ctrl-C again")) as err:
        code = main(["create", "--base-url", service.url, "--prompt", "a boat"])

    assert (code, capsys.readouterr().out) == (3, "")
    assert err.getvalue().endswith(f"  sora-async list --base-url {service.url}\n")


def test_a_second_ctrl_c_is_an_error_in_json(service, capsys, monkeypatch) -> None:
    service.on_create(slow(0.6, queued()))
    # The sentence for people marks the moment in JSON, too.
    monkeypatch.setattr(JsonReporter, "say", lambda reporter, text: interrupt())

    signal_once_asked(service)
    code = main(["create", "--json", "--prompt", "a boat"])

    out, err = capsys.readouterr()
    assert (code, err) == (3, "")
    assert [one["error"]["type"] for one in records(out)] == ["CreateOutcomeUnknownError"]


def test_ctrl_c_before_a_create_is_sent_costs_nothing(service, monkeypatch, capsys) -> None:
    class Stdin(io.StringIO):
        def read(self, size: int | None = -1) -> str:
            interrupt()
            return "never"

    monkeypatch.setattr(sys, "stdin", Stdin())

    code = main(["create", "--prompt", "-"])

    assert (code, *capsys.readouterr()) == (130, "", "")
    assert service.requests == []


def test_ctrl_c_while_waiting_shows_how_to_wait_again(service, capsys) -> None:
    service.on_create(accepted(scenario=FOREVER))
    with contextlib.redirect_stderr(Screen(interrupt, at="running")) as err:
        code = main(["create", "--prompt", "a boat", "--wait"])

    assert (code, capsys.readouterr().out) == (130, f"{service.tasks[0].id}\n")
    assert err.getvalue().endswith(f"  sora-async wait {service.tasks[0].id}\n")


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_an_id_that_nobody_reads_is_shown_on_stderr(words, service) -> None:
    code, err = run_without_reader("create", "--prompt", "a boat", *words)

    assert (code, err) == (141, f"sora-async: created {service.tasks[0].id}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to be had")
def test_a_full_disk_hides_no_id(service, capsys) -> None:
    with open("/dev/full", "w") as full, contextlib.redirect_stdout(full):  # noqa: PTH123
        code = main(["create", "--prompt", "a boat"])

    created, error = capsys.readouterr().err.splitlines()
    assert code == 1
    assert created == f"sora-async: created {service.tasks[0].id}"
    assert "No space left" in error


@pytest.mark.parametrize("has_stderr", [True, False])
def test_without_stdout_the_id_is_on_stderr(has_stderr, service) -> None:
    err = io.StringIO()
    with contextlib.redirect_stdout(None), contextlib.redirect_stderr(err if has_stderr else None):
        code = main(["create", "--prompt", "a boat"])

    assert code == 0
    assert err.getvalue() == (f"{service.tasks[0].id}\n" if has_stderr else "")


def test_a_terminal_shows_the_create_until_there_is_an_id(service, on_terminal) -> None:
    service.on_create(slow(0.15, queued()))

    code, screen = on_terminal("create", "--prompt", "a boat", "--wait")

    task_id = service.tasks[0].id
    assert code == 0
    before, _, after = screen.partition(f"{task_id}\n")
    assert "creating     ━" in before
    assert before.endswith("\x1b[2K")  # the last table is removed
    assert "succeeded    ━" in after
    assert after.endswith(f"{task_id}.mp4\n")


def test_a_terminal_shows_what_ctrl_c_waits_for(service, on_terminal) -> None:
    service.on_create(slow(0.15, queued()))

    signal_once_asked(service)
    code, shown = on_terminal("create", "--prompt", "a boat")

    assert code == 130
    assert "The create was sent" in shown
    assert service.tasks[0].id in shown


def test_ctrl_c_at_the_first_table_comes_before_the_create(service, on_terminal) -> None:
    screen = Terminal(interrupt, at="creating")

    code, shown = on_terminal("create", "--prompt", "a boat", screen=screen)

    assert code == 130
    assert "charged" not in shown
    assert service.requests == []


# --- list ---------------------------------------------------------------------------------------


def test_a_list_shows_the_newest_tasks_first(capsys) -> None:
    with served(shape="openai", default_scenario=AT_ONCE) as fake:
        for number in range(3):
            main(["create", "--base-url", fake.url, "--prompt", f"boat\n{number}"])
        ids = capsys.readouterr().out.split()

        code = main(["list", "--base-url", fake.url, "--limit", "2"])

    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert [line[0] for line in lines] == [ids[2], ids[1]]
    assert [line[3] for line in lines] == ["boat 2", "boat 1"]
    assert all(line[1:3] == ["succeeded", line[2]] and line[2].startswith("2026") for line in lines)


def test_a_list_in_json_has_tasks(capsys) -> None:
    with served(shape="openai", default_scenario=AT_ONCE) as fake:
        main(["create", "--base-url", fake.url, "--prompt", "a boat"])
        capsys.readouterr()
        code = main(["list", "--json", "--base-url", fake.url])

    (task,) = records(capsys.readouterr().out)
    assert code == 0
    assert list(task) == ["type", *promised("task")]


@pytest.mark.parametrize(("columns", "prompt"), [(80, ""), (120, "a boat a boat a boat a")])
def test_a_list_on_a_terminal_keeps_its_columns(columns, prompt, on_terminal, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with served(shape="openai", default_scenario=AT_ONCE) as fake:
        main(["create", "--base-url", fake.url, "--prompt", "a boat " * 50])
        code, screen = on_terminal("list", "--base-url", fake.url)

    assert code == 0
    assert screen.startswith(f"{fake.tasks[0].id}  succeeded  01-14 08:00  {prompt}".rstrip())
    assert columns - 2 <= max(map(len, screen.splitlines())) <= columns


def test_a_service_without_a_list_says_so(service, capsys) -> None:
    code = main(["list"])

    assert code == 1
    assert "does not have" in capsys.readouterr().err
