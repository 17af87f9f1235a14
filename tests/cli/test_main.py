"""The command from its arguments to its exit code, in this process, against a fake in a thread."""

import contextlib
import io
import re
from typing import get_args, get_type_hints

import pytest
from support.command import (
    BY_EACH_SIGNAL,
    MANUAL,
    Screen,
    Terminal,
    interrupt,
    promised,
    records,
    run_without_reader,
    served,
    signal_once_asked,
)

from sora_async import Schedule
from sora_async._polling.fault_policy import Until
from sora_async.cli.commands.wait import report_waits
from sora_async.cli.display.json_lines import JsonReporter, print_object
from sora_async.cli.exit_codes import Exit
from sora_async.cli.main import _COMMANDS, main
from sora_async.testing import completed, http_error, running, unknown_task

# --- get ----------------------------------------------------------------------------------------


def test_get_prints_a_line_for_each_field_that_was_sent(fake, capsys) -> None:
    code = main(["get", "done"])

    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert "phase     succeeded (completed)\n" in out
    assert "prompt    a [red]boat[/red]\n" in out
    assert "video     https://cdn.example/done.mp4\n" in out
    assert "created   2026-01-14 08:00:" in out
    assert "expires" not in out


def test_get_of_a_failed_task_is_no_failure_of_the_command(fake, capsys) -> None:
    code = main(["get", "lost"])

    assert code == 0
    out = capsys.readouterr().out
    assert "phase     failed\nfailure   moderation_blocked: No [31m! 提示词被拒绝\n" in out


def test_get_shows_the_queue(fake, capsys) -> None:
    fake.script("last", running(status="queued", queue_position=3))

    main(["get", "last"])

    assert "queue     3 ahead in queue\n" in capsys.readouterr().out


def test_get_on_a_terminal_keeps_addresses_whole(fake, on_terminal) -> None:
    url = "https://cdn.example/" + "x" * 100
    fake.script("long", completed(url, prompt="a boat " * 20))

    code, screen = on_terminal("get", "long")

    assert code == 0
    lines = re.sub(r"\x1b\[\d*m", "", screen).splitlines()
    assert f"video      {url}" in lines
    prompt = [line.partition("boat")[0] for line in lines if "boat" in line]
    assert len(prompt) == 2
    assert prompt[0] == "prompt     a "
    assert prompt[1].startswith(11 * " ")


def test_get_json_has_all_the_keys_of_the_manual(fake, capsys) -> None:
    code = main(["get", "--json", "done"])

    (task,) = records(capsys.readouterr().out)
    assert code == 0
    assert list(task) == ["type", *promised("task")]
    assert task["type"] == "task"
    assert task["phase"] == "succeeded"
    assert task["created_at"].startswith("2026-01-14T08:00:") and "+00:00" in task["created_at"]
    assert task["expires_at"] is None


def test_text_that_the_output_cannot_spell_ends_nothing(fake) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with contextlib.redirect_stdout(out):
        code = main(["get", "lost"])

    out.flush()
    assert code == 0
    assert rb"No [31m! \u63d0\u793a\u8bcd" in out.buffer.getvalue()


def test_ctrl_c_ends_get_in_silence(fake, capsys) -> None:
    signal_once_asked(fake)
    code = main(["get", "mute"])

    assert (code, *capsys.readouterr()) == (130, "", "")


# --- errors -------------------------------------------------------------------------------------


def test_an_error_is_one_line_that_says_what_to_do(capsys, monkeypatch) -> None:
    monkeypatch.delenv("SORA_API_KEY", raising=False)
    with served(api_key="secret") as fake:
        code = main(["get", "--base-url", fake.url, "video_1"])

    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert err.startswith("sora-async: ") and err.count("\n") == 1
    assert "SORA_API_KEY" in err


def test_a_key_is_taken_and_never_printed(capsys) -> None:
    with served(api_key="sk-right-key") as fake:
        fake.script("done", completed())

        assert main(["get", "--api-key", "sk-right-key", "--base-url", fake.url, "done"]) == 0
        assert main(["get", "--api-key", "sk-wrong-key", "--base-url", fake.url, "done"]) == 1

    assert not {"sk-right-key", "sk-wrong-key"} & set(
        re.split(r"\s|'", "".join(capsys.readouterr()))
    )


def test_a_json_error_has_all_the_keys_of_the_manual(fake, capsys) -> None:
    fake.script("poor", http_error(402, {"error": {"message": "no money", "code": "broke"}}))

    code = main(["get", "--json", "poor"])

    out, err = capsys.readouterr()
    (record,) = records(out)
    assert (code, err) == (1, "")
    assert list(record) == ["type", *promised("error")]
    error = record["error"]
    assert list(error) == promised("Each error, wherever it stands, is an object of")
    assert (error["type"], error["status"]) == ("InsufficientQuotaError", 402)
    assert (error["code"], error["transient"]) == ("broke", False)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["get", "a/b"], "a/b"),
        (["get", "--base-url", "ftp://x", "a"], "SORA_BASE_URL"),
        (["wait", "--base-url", "http://sora.example", "--api-key", "k", "a"], "plain http"),
    ],
)
def test_what_cannot_be_asked_for_is_wrong_usage(argv, told, fake, capsys) -> None:
    code = main(argv)

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("sora-async: ") and told in err
    assert fake.requests == []


def test_ids_are_checked_before_anything_is_sent(fake, capsys) -> None:
    code = main(["wait", "done", "..", "--json"])

    (record,) = records(capsys.readouterr().out)
    assert code == 2
    assert record["error"]["type"] == "InvalidArgumentError"
    assert record["error"]["status"] is None
    assert fake.requests == []


def test_without_a_command_there_is_help(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])

    assert caught.value.code == 2
    assert "sora-async demo" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], *([name] for name in _COMMANDS)], ids=str)
@pytest.mark.parametrize("width", [80, 120])
def test_help_fits_a_terminal(width, command, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])

    assert caught.value.code == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= width


def test_help_shows_all_exit_codes(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    told = capsys.readouterr().out.partition("exit codes:\n")[2].partition('\n"sora-async')[0]
    assert {int(code) for code in re.findall(r"\b\d+\b", told)} == set(Exit)


def test_until_takes_what_the_client_takes(fake, capsys) -> None:
    for until in get_args(Until):
        assert main(["wait", "--until", until, "done"]) == 0

    assert capsys.readouterr().out == 3 * "https://cdn.example/done.mp4\n"


# --- wait ---------------------------------------------------------------------------------------


def test_one_wait_prints_its_bare_address_on_stdout(fake, capsys) -> None:
    code = main(["wait", "done", "done", "--timeout", "none"])

    out, err = capsys.readouterr()
    assert (code, out) == (0, "https://cdn.example/done.mp4\n")
    assert re.fullmatch(r" +\d+\.\d s  done  succeeded    100%  1 poll\n", err)


def test_several_waits_name_each_address_and_each_failure(fake, capsys) -> None:
    fake.script("done_too", completed("https://cdn.example/too.mp4"))

    code = main(["wait", "done", "lost", "done_too"])

    out, err = capsys.readouterr()
    assert code == 1
    assert sorted(out.splitlines()) == [
        "done\thttps://cdn.example/done.mp4",
        "done_too\thttps://cdn.example/too.mp4",
    ]
    failure = (
        r"\d+\.\d s  lost      failed             moderation_blocked: No \[31m! 提示词被拒绝\n"
    )
    assert re.search(failure, err)


def test_a_timeout_shows_how_to_wait_again(fake, skip) -> None:
    with contextlib.redirect_stderr(Screen(skip, at=("42%", "succeeded"))) as screen:
        code = main(["wait", "--base-url", fake.url, "--timeout", "20", "done", "busy", "mute"])

    err = screen.getvalue()
    assert code == 124
    assert "timeout            no video before the timeout, last seen running 42%\n" in err
    assert "timeout            no video before the timeout, never seen\n" in err
    assert "2 tasks may still be running on the service. Wait again with:\n" in err
    assert err.endswith(f"  sora-async wait --base-url {fake.url} busy mute\n")


def test_an_id_that_looks_like_an_option_can_be_waited_for_again(fake, capsys) -> None:
    fake.script("-busy", running())

    code = main(["wait", "--timeout", "0.05", "--", "-busy"])

    assert code == 124
    assert capsys.readouterr().err.endswith(
        "1 task may still be running on the service. Wait again with:\n  sora-async wait -- -busy\n"
    )


def test_a_timeout_without_any_answer_shows_what_was_wrong(skip) -> None:
    with contextlib.redirect_stderr(Screen(skip, at="retrying")) as screen:
        code = main(["wait", "--base-url", "http://127.0.0.1:9", "--timeout", "20", "video_1"])

    err = screen.getvalue()
    assert code == 124
    assert "no response, retrying\n" in err
    assert "never seen; no response from http://127.0.0.1:9/v1/videos/video_1: " in err


def test_json_waits_print_events_and_one_result_each(fake, skip, capsys) -> None:
    with contextlib.redirect_stdout(
        Screen(skip, at=('"outcome": "succeeded"', "TaskFailedError"))
    ) as screen:
        code = main(["wait", "--json", "--timeout", "20", "done", "lost", "mute"])

    out, err = screen.getvalue(), capsys.readouterr().err
    results = {one["id"]: one for one in records(out) if one["type"] == "result"}
    assert (code, err) == (1, "")
    assert out.isascii()
    assert [one["id"] for one in records(out) if one["type"] == "event"] == ["done"]
    assert {one["outcome"] for one in results.values()} == {"succeeded", "failed", "timeout"}
    assert all(list(one) == ["type", *promised("result")] for one in results.values())
    assert results["done"]["video_url"] == "https://cdn.example/done.mp4"
    assert results["done"]["error"] is None
    assert results["lost"]["failure"]["code"] == "moderation_blocked"
    assert results["lost"]["error"]["type"] == "TaskFailedError"
    assert results["mute"]["error"]["type"] == "WaitTimeoutError"


async def test_json_events_have_the_keys_of_the_manual(sora, client, capsys) -> None:
    sora.script("video_1", unknown_task(), running(0.5), completed())

    steady = Schedule(intervals=(2,), jitter=float, first_jitter=float)

    await report_waits([client.wait_until_complete("video_1", schedule=steady)], JsonReporter())

    first, second, third, result = records(capsys.readouterr().out)
    assert all(list(one) == ["type", *promised("event")] for one in (first, second, third))
    assert (first["phase"], first["last_error"]["type"]) == (None, "TaskNotFoundError")
    assert (second["phase"], second["progress"], second["last_error"]) == ("running", 0.5, None)
    assert (second["elapsed"], second["recovered_after"]) == (2.0, 2.0)
    assert third["phase"] == "succeeded"
    assert result["outcome"] == "succeeded"


@BY_EACH_SIGNAL
def test_an_end_shows_which_tasks_go_on(end, code, fake, capsys) -> None:
    with contextlib.redirect_stderr(Screen(end, at="busy")) as err:
        ended = main(["wait", "done", "busy", "mute"])

    assert (ended, capsys.readouterr().out) == (code, "done\thttps://cdn.example/done.mp4\n")
    assert err.getvalue().count("the task goes on") == 1
    assert err.getvalue().count("the task may go on") == 1
    assert err.getvalue().endswith(
        "2 tasks may still be running on the service. Wait again with:\n"
        "  sora-async wait busy mute\n"
    )


def test_ctrl_c_promises_nothing_of_a_task_that_was_not_found(fake) -> None:
    fake.script("nope", unknown_task())
    with contextlib.redirect_stderr(Screen(interrupt, at="not found yet")) as err:
        code = main(["wait", "nope"])

    assert code == 130
    assert "no such task was found so far\n" in err.getvalue()
    assert "go on" not in err.getvalue() and "goes on" not in err.getvalue()


def test_ctrl_c_ends_json_with_a_result_for_each_task(fake) -> None:
    with contextlib.redirect_stdout(Screen(interrupt, at='"busy"')) as out:
        code = main(["wait", "--json", "busy", "mute"])

    results = [one for one in records(out.getvalue()) if one["type"] == "result"]
    assert code == 130
    assert {one["id"]: one["outcome"] for one in results} == dict.fromkeys(
        ("busy", "mute"), "interrupted"
    )


def test_ctrl_c_before_anything_was_seen_names_all(fake, capsys) -> None:
    signal_once_asked(fake)
    code = main(["wait", "mute"])

    assert code == 130
    assert capsys.readouterr().err.endswith("  sora-async wait mute\n")


@pytest.mark.parametrize(
    "argv", [["wait", "--json", "done", "busy"], ["wait", "done"], ["get", "done"], ["--help"]]
)
def test_a_closed_pipe_ends_the_command_in_silence(argv, fake) -> None:
    code, err = run_without_reader(*argv)

    assert code == 141
    assert "Broken" not in err


# --- on a terminal ------------------------------------------------------------------------------


def test_a_terminal_gets_bars_and_then_the_address(fake, on_terminal) -> None:
    code, screen = on_terminal("wait", "done")

    assert code == 0
    assert "done  succeeded    ━" in screen
    assert "1 poll" in screen
    assert screen.endswith("https://cdn.example/done.mp4\n")
    assert screen.count("\x1b[?25l") == screen.count("\x1b[?25h") == 1


def test_a_terminal_gets_in_full_what_the_bars_had_no_room_for(fake, on_terminal) -> None:
    code, screen = on_terminal("wait", "done", "lost")

    assert code == 1
    assert "2 of 2 done, 1 succeeded, 1 failed" in screen
    assert screen.endswith(
        "done\thttps://cdn.example/done.mp4\nlost: moderation_blocked: No [31m! 提示词被拒绝\n"
    )


@BY_EACH_SIGNAL
def test_an_end_gives_the_cursor_back(end, code, fake, on_terminal) -> None:
    ended, screen = on_terminal("wait", "busy", screen=Terminal(end, at="42%"))

    assert ended == code
    shown, _, after = screen.rpartition("\x1b[?25h")
    assert "interrupted" in shown
    assert "\x1b" not in after
    assert after.endswith("Wait again with:\n  sora-async wait busy\n")


def test_a_dumb_terminal_gets_lines(fake, on_terminal, monkeypatch) -> None:
    monkeypatch.setenv("TERM", "dumb")

    code, screen = on_terminal("wait", "done")

    assert code == 0
    assert "\x1b" not in screen


# --- demo ---------------------------------------------------------------------------------------


def test_the_demo_ends_well_with_one_failed_task(capsys) -> None:
    code = main(["demo", "--speed", "50"])

    out, err = capsys.readouterr()
    assert code == 0
    assert out.count("http://127.0.0.1:") == 5
    assert "moderation_blocked: The prompt was refused." in out
    assert "video_blocked  failed " in err


@pytest.mark.parametrize(("options", "told"), [([], 1), (["--json"], 0)])
def test_the_demo_can_be_interrupted(options, told) -> None:
    screen = Screen(interrupt, at="video_plain")
    with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        code = main(["demo", *options])

    assert code == 130
    assert screen.getvalue().count("Interrupted: the fake service") == told
    assert screen.getvalue().count("interrupted") == 6
    assert screen.getvalue().count("the task ended with the demo") == 6 * told
    assert "the task goes on" not in screen.getvalue()


# --- the manual ---------------------------------------------------------------------------------


def test_the_manual_shows_all_exit_codes() -> None:
    table = MANUAL.partition("\nExit codes\n")[2].partition("\nRead it from a program\n")[0]

    assert {int(code) for code in re.findall(r"^(\d+) ", table, re.MULTILINE)} == set(Exit)


CONTRACT = {
    "event": "id phase status progress elapsed polls queue_position last_error recovered_after",
    "result": "id outcome video_url content_url failure error elapsed polls path size line",
    "download": "id received total elapsed last_error",
    "stage": "id stage path line key",
    "summary": "total succeeded failed uncertain timeout error interrupted not_begun",
    "task": "id phase status progress video_url content_url failure model prompt enhanced_prompt "
    "size seconds created_at completed_at expires_at updated_at queue_position",
    "deleted": "id error",
    "cancelled": "id error",
    "dialect": "name body create_path poll_path content_path list_path delete_path "
    "cancel_path cancel_method remix_path",
    "doctor": "settings is_ok elapsed error",
    "error": "error",
}
"""The keys of each kind of line: those may become more, but none may go."""


def test_no_key_of_a_line_in_json_goes_away() -> None:
    kinds = get_args(get_type_hints(print_object)["kind"])

    assert set(kinds) == set(CONTRACT)
    for kind, keys in CONTRACT.items():
        assert set(promised(kind)) >= set(keys.split())
    assert promised("Each error, wherever it stands, is an object of") == (
        ["type", "message", "transient", "status", "code", "request_id", "retry_after"]
    )
