"""The commands about one task or about the settings, and the arguments of all of them."""

import io
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.command import AT_ONCE, MANUAL, named, promised, records, served

from sora_async import errors
from sora_async.cli.arguments import parse
from sora_async.cli.display.format import format_duration
from sora_async.cli.display.messages import use_command_terms
from sora_async.cli.main import _COMMANDS, main
from sora_async.dialects import DIALECTS
from sora_async.testing import FakeSora, completed, http_error


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSora]:
    """A service that the environment names, with a list, deletion and remixes."""
    with named(monkeypatch, shape="openai", default_scenario=AT_ONCE) as service:
        yield service


# --- arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0.5", 0.5),
        ("90s", 90),
        ("5m", 300),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("1h30", 3630),
        ("1D2H", 93_600),
        ("none", None),
    ],
)
def test_a_timeout_is_a_time(text, seconds) -> None:
    assert parse(["wait", "x", "--timeout", text]).timeout == seconds


@pytest.mark.parametrize("text", ["45s", "2.5s", "30m", "1h30m", "1d1s", "1h5s", "0.001s"])
def test_a_duration_is_printed_as_options_have_it(text) -> None:
    assert format_duration(parse(["wait", "x", "--timeout", text]).timeout) == text


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["wait"], "the following arguments are required: ID"),
        (["get"], "the following arguments are required: ID"),
        (["wait", "--timeout", "soon", "a"], "such as 90s, 5m or 1h30m, or none; got 'soon'"),
        (["wait", "--timeout=-1", "a"], "such as 90s, 5m or 1h30m, or none; got '-1'"),
        (["wait", "--timeout", "-1", "a"], "such as 90s, 5m or 1h30m, or none; got '-1'"),
        (["wait", "--timeout", "0", "a"], "got '0'"),
        (["wait", "--until", "tomorrow", "a"], "invalid choice: 'tomorrow'"),
        (["wait", "--time", "3", "a"], "'--time': did you mean '--timeout'?"),
        (["demo", "--speed", "0"], "expected a number above 0, got '0'"),
        (["demo", "--speed", "fast"], "expected a number above 0, got 'fast'"),
        (["demo", "--speed", "nan"], "expected a number above 0, got 'nan'"),
        (["wiat", "a"], "no command 'wiat': did you mean 'wait'?"),
        (["fly"], "no command 'fly': the commands are demo, create, wait,"),
        (["wait", "--downlaod", "d", "a"], "'--downlaod': did you mean '--download'?"),
        (["get", "--timeout=3", "a"], 'see "sora-async get --help"'),
        (["get", "a", "b"], "unknown argument 'b'"),
        (["wait", "--dialect", "klingon", "a"], "openrouter"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_in_the_words_of_the_command(argv, told, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)

    err = capsys.readouterr().err
    assert caught.value.code == 2
    assert "error: " in err
    assert told in err
    assert "_read_" not in err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["get", "--base-url", "ftp://x", "a"], "--base-url (SORA_BASE_URL): expected http"),
        (["get", "--base-url", "https://k@x", "a"], "set it in SORA_API_KEY"),
        (["get", "--base-url", "", "a"], "set the environment variable SORA_BASE_URL or"),
        (["get", "--api-key", "ké", "a"], "--api-key (SORA_API_KEY): has a character"),
        (
            ["get", "--base-url", "http://x.example", "--api-key", "k", "a"],
            "use --allow-plain-http",
        ),
        (["download", "a", "--out", "x\0"], "--out: "),
        (["create", "--prompt", "x", "--reference", "/no/such.png"], "--reference '/no/such.png'"),
        (["batch", "-", "--out", "/dev/null/x"], "--out: "),
    ],
)
def test_arguments_of_python_are_not_named(argv, told, service, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'"a boat"\n')))

    code = main(argv)

    err = capsys.readouterr().err
    assert code == 2
    assert told in err
    assert not re.search(r"\b(base_url|api_key|output_dir|input_reference|\w+=True)\b", err)


def test_a_message_of_the_library_names_options_and_variables() -> None:
    socks = (
        "the variable HTTPS_PROXY: a SOCKS proxy cannot be used; give an http:// proxy, or pass "
        "session= with a connector of aiohttp-socks"
    )

    assert use_command_terms("Check base_url (SORA_BASE_URL)") == "Check --base-url (SORA_BASE_URL)"
    assert use_command_terms("wait_until_complete('a') waits again") == (
        '"sora-async wait a" waits again'
    )
    assert use_command_terms(socks).endswith("cannot be used; use an http:// proxy")


# --- delete -------------------------------------------------------------------------------------


def test_deleted_tasks_are_gone(service, capsys) -> None:
    for task_id in ("one", "two", "three"):
        service.add(AT_ONCE, task_id=task_id, at_first_poll=True)

    code = main(["delete", "one", "two"])

    assert (code, capsys.readouterr().out) == (0, "deleted one\ndeleted two\n")
    assert main(["get", "one"]) == 1
    assert main(["get", "three"]) == 0


def test_one_task_that_cannot_be_deleted_ends_no_other(service, capsys) -> None:
    service.add(AT_ONCE, task_id="two", at_first_poll=True)

    code = main(["delete", "one", "two"])

    out, err = capsys.readouterr()
    assert (code, out) == (1, "deleted two\n")
    assert err.startswith("sora-async: one: ")


def test_deleted_tasks_are_objects_in_json(service, capsys) -> None:
    service.add(AT_ONCE, task_id="two", at_first_poll=True)

    code = main(["delete", "--json", "one", "two"])

    one, two = records(capsys.readouterr().out)
    assert code == 1
    assert list(one) == ["type", *promised("deleted")]
    assert (one["id"], one["error"]["type"]) == ("one", "TaskNotFoundError")
    assert (two["id"], two["error"]) == ("two", None)


def test_no_task_is_deleted_when_an_id_cannot_be(service) -> None:
    assert main(["delete", "one", "a/b"]) == 2

    assert service.requests == []


# --- cancel -------------------------------------------------------------------------------------


class Cancelling(BaseHTTPRequestHandler):
    """A service that cancels every task, except the one that has ended."""

    def do_POST(self) -> None:
        self.send_response(409 if "ended" in self.path else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Write nothing to stderr."""


@pytest.fixture
def cancelling() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Cancelling) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_tasks_are_cancelled_where_the_service_can(words, cancelling, capsys) -> None:
    dialect = next(one.name for one in DIALECTS.values() if one.cancel_path)

    code = main(["cancel", *words, "--base-url", cancelling, "--dialect", dialect, "ended", "two"])

    out, err = capsys.readouterr()
    assert code == 1
    if words:
        ended, two = records(out)
        assert list(ended) == ["type", *promised("cancelled")]
        assert (ended["error"]["status"], two["error"]) == (409, None)
    else:
        assert out == "cancelled two\n"
        assert err.startswith("sora-async: ended: ")


def test_a_service_that_cannot_cancel_says_so(service, capsys) -> None:
    assert main(["cancel", "one"]) == 1

    assert "cancel" in capsys.readouterr().err


# --- remix --------------------------------------------------------------------------------------


def test_a_remix_is_a_task_of_its_own(service, capsys, tmp_path) -> None:
    main(["create", "--prompt", "a boat"])
    task_id = capsys.readouterr().out.strip()

    words = ["--prompt", "at night", "--field", "model=sora-2-pro", "--download", str(tmp_path)]
    code = main(["remix", task_id, *words])

    new_id, path = capsys.readouterr().out.splitlines()
    assert code == 0
    assert new_id == service.tasks[-1].id != task_id
    assert path == f"{tmp_path}/{new_id}.mp4"
    assert service.tasks[-1].create.prompt == "at night"
    sent = next(one for _, one in service.requests if one.endpoint == "remix")
    assert dict(sent.fields)["model"] == "sora-2-pro"


def test_a_field_of_a_remix_is_not_the_task_it_starts_from(service, capsys) -> None:
    code = main(["remix", "video_1", "--prompt", "at night", "--field", "task_id=video_2"])

    assert code == 2
    assert "--field task_id: the command has no such field" in capsys.readouterr().err
    assert main(["remix", " ", "--prompt", "at night"]) == 2
    assert "sora-async: ID" in capsys.readouterr().err
    assert service.requests == []


# --- addresses that need the key ----------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "sk-1"])
def test_an_address_that_needs_the_key_comes_with_the_command_that_has_it(key, capsys) -> None:
    with served(api_key=key) as fake:
        fake.script("near", completed(f"{fake.url}/v1/videos/near/content"))
        fake.script("far", completed("https://cdn.example/far.mp4"))
        words = ["wait", "--base-url", fake.url, *(["--api-key", key] if key else [])]

        codes = [main([*words, "near"]), main([*words, "far"])]

    out, err = capsys.readouterr()
    assert codes == [0, 0]
    assert out.splitlines() == [f"{fake.url}/v1/videos/near/content", "https://cdn.example/far.mp4"]
    hint = (
        "This address may need the API key. Download the video with:\n"
        f"  sora-async download --base-url {fake.url} near\n"
    )
    assert (hint in err) == (key is not None)
    assert err.count("API key") == (1 if key else 0)


def test_several_addresses_that_need_the_key_have_one_command(service, capsys, monkeypatch) -> None:
    monkeypatch.setenv("SORA_API_KEY", "sk-1")
    for task_id in ("one", "two"):
        service.script(task_id, completed(f"{service.url}/v1/videos/{task_id}/content"))

    assert main(["wait", "one", "two"]) == 0

    assert capsys.readouterr().err.endswith(
        "2 of these addresses may need the API key. Download the videos with:\n"
        "  sora-async wait --download . one two\n"
    )


# --- proxies ------------------------------------------------------------------------------------


def test_a_proxy_of_the_environment_is_used_as_curl_uses_it(service, monkeypatch) -> None:
    service.script("done", completed())
    monkeypatch.setenv("http_proxy", service.url)
    monkeypatch.setenv("SORA_BASE_URL", "http://videos.example")

    assert main(["get", "done"]) == 0

    assert service.requests[0][1].headers["Host"] == "videos.example"


# --- doctor -------------------------------------------------------------------------------------


def test_the_doctor_prints_what_is_in_force_and_asks_once(capsys, monkeypatch) -> None:
    monkeypatch.setenv("SORA_API_KEY", "sk-secret")
    with served(api_key="sk-secret") as fake:
        code = main(["doctor", "--base-url", fake.url])

    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert code == 0
    assert lines["base"] == f"URL    {fake.url} (--base-url)"
    assert lines["API"] == "key     set (SORA_API_KEY)"
    assert lines["dialect"] == "openai (default)"
    assert lines["response"].startswith("ok: HTTP 404, the service does not know the test task")
    assert "sk-secret" not in str(lines)
    assert len(fake.requests) == 1


def test_the_doctor_says_what_is_wrong(service, capsys, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", service.url.replace("//", "//user:word@"))
    service.script("sora-async-doctor", http_error(401, {"error": {"message": "bad key"}}))

    words = ["--base-url", "http://videos.example", "--api-key", "sk-1", "--allow-plain-http"]
    code = main(["doctor", *words, "--dialect", "openai"])

    out = capsys.readouterr().out
    assert code == 1
    assert "API key     set (--api-key)\n" in out
    assert "dialect     openai (--dialect)\n" in out
    assert f"proxy       {service.url}\n" in out
    assert re.search(r"^aiohttp     3\.", out, re.MULTILINE)
    assert "response    not ok: " in out and "bad key" in out
    assert "word" not in out and "sk-1" not in out


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_the_doctor_prints_all_it_knows_of_a_proxy_that_cannot_be_used(
    words, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("https_proxy", "socks5://user:word@127.0.0.1:1")

    address = ["--base-url", "https://openrouter.ai", "--api-key", "sk-1"]
    code = main(["doctor", *address, *words])

    out, err = capsys.readouterr()
    assert (code, err) == (2, "")
    assert "https://openrouter.ai (--base-url)" in out
    assert "set (--api-key)" in out
    assert "openrouter (the address)" in out
    assert "cannot be used: see the response" in out
    assert "a SOCKS proxy cannot be used" in out
    assert "word" not in out and "sk-1" not in out


def test_the_doctor_prints_versions_even_without_an_address(capsys, monkeypatch) -> None:
    monkeypatch.delenv("SORA_BASE_URL", raising=False)

    assert main(["doctor"]) == 2

    out, err = capsys.readouterr()
    assert "aiohttp     3." in out
    assert "SORA_BASE_URL" in err


def test_the_doctor_says_which_package_is_not_installed(service, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sora_async.cli.commands.doctor.PACKAGES", ("aiohttp", "no-such-one"))

    assert main(["doctor"]) == 0

    assert "no-such-one not installed\n" in capsys.readouterr().out


def test_the_doctor_takes_any_task_for_an_answer(service, capsys) -> None:
    service.script("sora-async-doctor", completed())

    assert main(["doctor"]) == 0

    assert "response    ok: the service answers" in capsys.readouterr().out


def test_the_doctor_in_json_has_all_the_keys_of_the_manual(service, capsys) -> None:
    service.script("sora-async-doctor", completed())

    code = main(["doctor", "--json"])

    (record,) = records(capsys.readouterr().out)
    assert code == 0
    assert list(record) == ["type", *promised("doctor")]
    assert record["settings"]["base URL"] == f"{service.url} (SORA_BASE_URL)"
    assert record["settings"]["API key"] == "not set (SORA_API_KEY)"
    assert (record["is_ok"], record["error"]) == (True, None)


# --- dialects -----------------------------------------------------------------------------------


def test_every_dialect_is_listed_with_its_calls(capsys) -> None:
    assert main(["dialects"]) == 0

    out = capsys.readouterr().out
    assert re.findall(r"^[a-z]+", out, re.MULTILINE) == list(DIALECTS)
    assert re.search(r"^unified +json +/v1/video/create +-$", out, re.MULTILINE)
    assert re.search(r"^openai .* list delete .*remix$", out, re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 80


def test_dialects_in_json_have_all_the_keys_of_the_manual(capsys) -> None:
    assert main(["dialects", "--json"]) == 0

    told = records(capsys.readouterr().out)
    assert [one["name"] for one in told] == list(DIALECTS)
    assert all(list(one) == ["type", *promised("dialect")] for one in told)


def test_the_manual_names_every_command() -> None:
    assert [name for name in _COMMANDS if f"sora-async {name}" not in MANUAL] == []


def test_no_advice_names_an_argument_of_python() -> None:
    advice = [
        one.advice for one in vars(errors).values() if isinstance(getattr(one, "advice", None), str)
    ]

    terms = [use_command_terms(text) for text in advice]

    assert len(advice) > 10
    assert not [text for text in terms if re.search(r"\w=|\w\(\)|[a-z]_[a-z]", text)]
