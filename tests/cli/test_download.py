"""Files from the shell: where they go, what is printed, and how a download resumes."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import AT_ONCE, FOREVER, Screen, interrupt, named, promised, records

from sora_async.cli.arguments import parse
from sora_async.cli.main import main
from sora_async.cli.output_paths import find_path, name_file
from sora_async.testing import FakeSora, http_error, make_video, video_file


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeSora]:
    """A service that the environment names, with a video; here is an empty folder."""
    with named(monkeypatch, default_scenario=AT_ONCE) as service:
        monkeypatch.chdir(tmp_path)
        service.script_file("film", video_file(100_000))
        service.script_file("halved", video_file(2_000_000, stall_after=1_500_000))
        for task_id in ("film", "halved", "other"):
            service.add(AT_ONCE, task_id=task_id, at_first_poll=True)
        yield service


def test_a_video_goes_under_its_id_into_the_folder_one_is_in(service, capsys) -> None:
    code = main(["download", "film"])

    out, err = capsys.readouterr()
    assert (code, out) == (0, f"{Path.cwd()}/film.mp4\n")
    assert Path("film.mp4").read_bytes() == make_video(100_000)
    assert "succeeded" in err and "100.0 kB" in err


@pytest.mark.parametrize(
    ("out", "path"),
    [("there/", "there/film.mp4"), ("boat.mp4", "boat.mp4"), ("there", "there/film.mp4")],
)
def test_a_path_says_where_it_goes(out, path, service, capsys) -> None:
    Path("there").mkdir()

    code = main(["download", "film", "--out", out])

    assert (code, capsys.readouterr().out) == (0, f"{Path.cwd()}/{path}\n")
    assert Path(path).stat().st_size == 100_000


@pytest.mark.parametrize(
    ("choice", "code", "size"), [("error", 1, 3), ("skip", 0, 3), ("overwrite", 0, 100_000)]
)
def test_a_file_that_is_there_is_an_explicit_choice(choice, code, size, service, capsys) -> None:
    Path("film.mp4").write_text("old")

    assert main(["download", "film", "--if-exists", choice]) == code

    assert Path("film.mp4").stat().st_size == size
    err = capsys.readouterr().err
    assert ("--if-exists overwrite or --if-exists skip" in err) == (choice == "error")
    assert ("already there" in err) == (choice == "skip")


def test_advice_is_in_words_of_the_command(service, capsys) -> None:
    service.add(FOREVER, task_id="early", at_first_poll=True)

    assert main(["download", "early"]) == 1
    assert main(["download", "film", "--max-size", "50k"]) == 1
    assert main(["download", "film", "--out", "no/such/boat.mp4"]) == 2

    early, large, lost = capsys.readouterr().err.splitlines()
    assert "sora-async wait --download" in early
    assert "--max-size" in large
    assert lost.endswith("Create it first: mkdir -p no/such")


def test_ctrl_c_keeps_what_has_come_and_says_how_to_continue(service, capsys) -> None:
    with contextlib.redirect_stderr(Screen(interrupt, at=" of 2.0 MB")) as err:
        code = main(["download", "halved", "--api-key", "sk-secret", "--out=boat.mp4"])

    assert (code, capsys.readouterr().out) == (130, "")
    assert err.getvalue().endswith("Continue with:\n  sora-async download halved --out=boat.mp4\n")
    kept = Path("boat.mp4.part").stat().st_size
    assert kept > 0

    service.script_file("halved", video_file(2_000_000))
    assert main(["download", "halved", "--out", "boat.mp4"]) == 0

    assert Path("boat.mp4").read_bytes() == make_video(2_000_000)
    assert service.cdn_requests[-1][1].headers["Range"] == f"bytes={kept}-"


def test_ctrl_c_in_json_says_nothing_more(service, capsys) -> None:
    with contextlib.redirect_stdout(Screen(interrupt, at="1500000")) as out:
        code = main(["download", "--json", "halved"])

    assert (code, capsys.readouterr().err) == (130, "")
    assert {one["type"] for one in records(out.getvalue())} == {"download"}


def test_json_downloads_have_the_keys_of_the_manual(service, capsys) -> None:
    service.script_file("film", video_file(100_000, reset_after=50_000), video_file(100_000))

    code = main(["download", "--json", "film"])

    *events, result = records(capsys.readouterr().out)
    assert code == 0
    assert all(list(one) == ["type", *promised("download")] for one in events)
    assert [one["last_error"] is None for one in events].count(False) >= 1
    assert (events[-1]["received"], events[-1]["total"]) == (100_000, 100_000)
    assert list(result) == ["type", *promised("result")]
    assert (result["outcome"], result["size"]) == ("succeeded", 100_000)
    assert Path(result["path"]) == Path.cwd() / "film.mp4"


def test_a_terminal_shows_bytes_and_then_the_path(service, on_terminal) -> None:
    code, screen = on_terminal("download", "film")

    assert code == 0
    assert "downloading  ━" in screen
    assert "100.0 kB" in screen
    assert screen.endswith("film.mp4\n")


def test_a_terminal_says_in_full_why_there_is_no_file(service, on_terminal) -> None:
    code, screen = on_terminal("download", "film", "--max-size", "50k")

    assert code == 1
    assert screen.endswith("Use a larger --max-size\n")


def test_a_link_into_a_network_is_the_users_choice() -> None:
    assert parse(["download", "x", "--allow-private"]).allow_private
    assert not parse(["download", "x"]).allow_private


@pytest.mark.parametrize(
    ("text", "size"), [("500", 500), ("1.5k", 1500), ("500M", 500e6), ("2GB", 2e9), ("none", None)]
)
def test_sizes_are_numbers_with_a_unit(text, size) -> None:
    assert parse(["download", "x", "--max-size", text]).max_size == size


@pytest.mark.parametrize("text", ["", "0", "many", "-3", "0.0001k", "3T"])
def test_what_is_no_size_is_wrong_usage(text, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["download", "x", f"--max-size={text}"])

    assert caught.value.code == 2
    assert "such as 500M" in capsys.readouterr().err


# --- wait, and download -------------------------------------------------------------------------


def test_waits_save_their_videos_in_a_folder(service, capsys) -> None:
    Path("new").mkdir()
    code = main(["wait", "--download", "new", "film", "other"])

    out, err = capsys.readouterr()
    assert code == 0
    assert sorted(out.splitlines()) == [
        f"film\t{Path.cwd()}/new/film.mp4",
        f"other\t{Path.cwd()}/new/other.mp4",
    ]
    assert Path("new/film.mp4").stat().st_size == 100_000
    assert err.count("succeeded") == 2


@pytest.mark.parametrize(
    "argv",
    [
        ["wait", "film", "--download", "new"],
        ["download", "film", "--out", "new/"],
        ["download", "film", "--out", "new/film.mp4"],
    ],
)
def test_a_folder_that_is_not_there_is_not_made(argv, service, capsys) -> None:
    code = main(argv)

    assert code == 2
    assert "new: there is no such directory. Create it first: mkdir -p new" in (
        capsys.readouterr().err
    )
    assert not Path("new").exists() and service.requests == []


def test_a_wait_for_a_file_that_is_there_is_not_begun(service, capsys) -> None:
    Path("film.mp4").write_text("old")
    service.add(FOREVER, task_id="film", at_first_poll=True)

    code = main(["wait", "--download", ".", "film"])

    assert code == 1
    assert "--if-exists" in capsys.readouterr().err
    assert len(service.polls("film")) <= 1


def test_a_failed_download_leaves_the_other_files(service, capsys) -> None:
    service.script_file("other", http_error(410))
    service.script_file("other", http_error(410), at="content")

    code = main(["wait", "--json", "--download", ".", "film", "other"])

    results = {
        one["id"]: one for one in records(capsys.readouterr().out) if one["type"] == "result"
    }
    assert code == 1
    assert Path(results["film"]["path"]).name == "film.mp4"
    assert (results["other"]["outcome"], results["other"]["path"]) == ("error", None)
    assert results["other"]["error"]["type"] == "VideoGoneError"


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ("", "--download d --if-exists skip halved"),
        ("--timeout 30m --max-size none", "--download d --if-exists skip --max-size none halved"),
        (
            "--timeout 1h30m --until video --max-size 1.5g",
            "--timeout 1h30m --until video --download d --if-exists skip --max-size 1500000000 "
            "halved",
        ),
        ("--timeout none", "--timeout none --download d --if-exists skip halved"),
    ],
)
def test_ctrl_c_while_saving_shows_how_to_continue(given, again, service) -> None:
    Path("d").mkdir()
    words = ["wait", "--download", "d", "--if-exists", "skip", *given.split(), "halved", "film"]
    with contextlib.redirect_stderr(Screen(interrupt, at=" of 2.0 MB")) as err:
        code = main(words)

    assert code == 130
    assert f"  sora-async wait {again}" in err.getvalue().splitlines()[-1]


def test_a_broken_connection_is_shown_and_survived(service, capsys) -> None:
    service.script_file("other", video_file(reset_after=50_000), video_file())

    code = main(["wait", "--download", ".", "other"])

    assert code == 0
    assert "interrupted, retrying" in capsys.readouterr().err


# --- names --------------------------------------------------------------------------------------


def test_the_name_of_a_file_is_its_id_as_far_as_file_systems_take_it() -> None:
    assert name_file("video_1") == "video_1.mp4"
    assert name_file("sora-2:task_01k") == "sora-2_task_01k.mp4"
    assert name_file(".hidden") == "_.hidden.mp4"
    assert name_file("任务1=") == "任务1=.mp4"


def test_long_ids_have_names_that_differ() -> None:
    first, second = name_file("x" * 300 + "1"), name_file("x" * 300 + "2")

    assert first != second
    assert max(len(first), len(second)) < 150


def test_a_slash_at_its_end_makes_a_path_a_folder(tmp_path) -> None:
    assert find_path(f"{tmp_path}/new/", "a") == tmp_path / "new" / "a.mp4"
    assert find_path(str(tmp_path), "a") == tmp_path / "a.mp4"
    assert find_path(f"{tmp_path}/a.webm", "a") == tmp_path / "a.webm"
