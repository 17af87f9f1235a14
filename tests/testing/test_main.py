"""``python -m sora_async.testing``: what it prints, serves and returns."""

import ast
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from support import run_python

import sora_async.testing
from sora_async.testing.__main__ import main

FOLDER = Path(sora_async.testing.__file__).parent
CURL = r"^curl (\S+)$"


class Screen(io.StringIO):
    """A standard output that acts as soon as something is to be seen on it."""

    def __init__(self, act: Callable[[str], None]) -> None:
        super().__init__()
        self._act = act

    def flush(self) -> None:
        self._act(self.getvalue())


def run(act: Callable[[str], None], *argv: str) -> tuple[int, str]:
    """Run the command in this process, and *act* on its first words."""
    with contextlib.redirect_stdout(Screen(act)) as screen:
        code = main(["--port", "0", *argv])
    return code, screen.getvalue()


def use(service: Callable[[str], None], *, found_at: str) -> Callable[[str], None]:
    """Use the service from another thread, by the address that is printed, and end it."""

    def use_and_end(url: str) -> None:
        service(url)
        os.kill(os.getpid(), signal.SIGINT)

    def act(text: str) -> None:
        found = re.search(found_at, text, re.MULTILINE)
        assert found
        threading.Thread(target=use_and_end, args=found.groups()).start()

    return act


def fetch_status(request: str | urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def interrupt(number: int) -> Callable[[str], None]:
    return lambda _text: signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_start_page_and_ends_silently_on_a_signal(number) -> None:
    code, text = run(interrupt(number), "--shape", "relay")

    assert code == 0
    assert re.search(r"^export SORA_BASE_URL=http://127\.0\.0\.1:\d+$", text, re.MULTILINE)
    assert re.search(r"^export SORA_API_KEY=any$", text, re.MULTILINE)
    assert len(re.findall(r"^  video_00000000-\S+  \w", text, re.MULTILINE)) == 4
    assert re.search(r"^curl http://127\.0\.0\.1:\d+/v1/videos/video_0", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        ("unified", r"curl 'http://127\.0\.0\.1:\d+/v1/video/query\?id=sora-2:task_\w+'"),
        ("openrouter", r"curl http://127\.0\.0\.1:\d+/api/v1/videos/job-\d+"),
    ],
)
def test_it_shows_how_each_kind_of_server_is_asked(shape, line) -> None:
    code, text = run(interrupt(signal.SIGINT), "--shape", shape)

    assert code == 0
    assert re.search(f"^{line}$", text, re.MULTILINE)


def test_ctrl_c_is_fine_where_the_loop_knows_no_signals() -> None:
    def act(_text: str) -> None:
        raise KeyboardInterrupt

    code, _ = run(act)

    assert code == 0


def test_the_key_and_the_speed_are_printed() -> None:
    code, text = run(interrupt(signal.SIGINT), "--api-key", "secret", "--speed", "20")

    assert code == 0
    assert "20 times as fast" in text
    assert "export SORA_API_KEY=secret" in text
    assert "curl -H 'Authorization: Bearer secret' http" in text


def test_there_may_be_any_number_of_tasks() -> None:
    _, none = run(interrupt(signal.SIGINT), "--tasks", "0")
    _, five = run(interrupt(signal.SIGINT), "--tasks", "5")
    _, many = run(interrupt(signal.SIGINT), "--tasks", "200")

    assert "asks" not in none.partition("export")[0]
    lines = five.split("\n\n")[1].splitlines()[1:]
    assert len(lines) == 5
    assert lines[0].endswith("  done in half a minute")
    assert lines[4].endswith("  done in half a minute")
    (line,) = many.split("\n\n")[1].splitlines()
    assert line.startswith("200 tasks, each starting with its first poll: ")


def test_tasks_are_counted_or_in_the_file(tmp_path, capsys) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"tasks": []}')

    assert main(["--script", str(script), "--tasks", "3"]) == 2
    assert "script.json has the tasks" in capsys.readouterr().err


def test_a_script_says_what_is_served_and_options_go_before_it(tmp_path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(
        """
        shape: openai
        api_key: secret
        speed: 20
        random_faults: {rates: {429: 0.5}}
        tasks:
          - {id: boat, scenario: {queued: 1, running: 4}}
          - {id: moon, script: [queued, reset]}
          - {id: star, script: [queued]}
          - {id: tree, scenario: {queued: 0, running: 0.5, failure: [a, b]}}
          - id: sea
        """
    )

    code, text = run(interrupt(signal.SIGINT), "--script", str(script), "--speed", "10")

    assert code == 0
    assert text.split("\n\n")[1].splitlines() == [
        "Tasks, 10 times as fast:",
        "  boat  done after 5 seconds",
        "  moon  a script of 2 answers",
        "  star  a script of 1 answer",
        "  tree  fails after 0.5 seconds",
        "  sea  the default scenario",
    ]
    assert "export SORA_API_KEY=secret" in text
    assert "/v1/videos/boat\n" in text


def test_a_service_may_begin_without_tasks(tmp_path) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"tasks": []}')

    code, text = run(interrupt(signal.SIGINT), "--script", str(script), "--random-faults", "429=1")

    assert code == 0
    assert "Tasks" not in text
    assert "/v1/videos/ID\n" in text


def test_many_tasks_are_one_line(tmp_path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"tasks": [{"id": f"video_{n}"} for n in range(200)]}))

    code, text = run(interrupt(signal.SIGINT), "--script", str(script))

    assert code == 0
    (line,) = [line for line in text.splitlines() if "video_199" in line]
    assert re.fullmatch(r"200 tasks: video_0 to video_199; see http://\S+/_fake/tasks", line)
    assert len(text.splitlines()) < 12


def test_a_script_may_set_all_that_the_fake_can_do(tmp_path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(
        """
        shape: litellm
        speed: 10
        outcomes: {storm: {answer: {http_error: 503}}, calm: {scenario: {running: 1}}}
        create_encoding: json
        deduplicates: true
        cut_creates_every: 5
        webhooks: {scheme: kie, copies: 2}
        characters: [{name: Mo, id: char_mo}]
        tasks: []
        """
    )
    seen = []

    def ask(url: str) -> None:
        for path, body in (
            ("videos", {"prompt": "a storm"}),
            ("videos", {"prompt": "calm"}),
            ("videos/characters/char_mo", None),
            ("videos/nobody", None),
        ):
            data = None if body is None else json.dumps(body).encode()
            headers = {"Content-Type": "application/json", "Idempotency-Key": path}
            seen.append(fetch_status(urllib.request.Request(f"{url}/v1/{path}", data, headers)))

    code, _ = run(use(ask, found_at=r"SORA_BASE_URL=(\S+)"), "--script", str(script))

    assert code == 0
    assert seen == [503, 200, 200, 500]


def test_random_faults_and_seed_decide_what_goes_wrong() -> None:
    seen = []

    def ask(url: str) -> None:
        seen.append([fetch_status(url) for _ in range(12)])

    for _ in range(2):
        run(use(ask, found_at=CURL), "--random-faults", "429=0.3,5xx=0.2", "--seed", "3")

    first, second = seen
    assert second == first
    assert {200, 429} < set(first)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        (
            "script.yaml",
            "task: 1",
            r"\S+/script\.yaml:1: task: there is no such field; .* 'tasks'\?",
        ),
        ("script.json", "{", r"\S+/script\.json:1: .*"),
        ("script.json", None, r"cannot read \S+/script\.json: No such file or directory"),
    ],
)
def test_a_script_that_cannot_be_used_is_one_line_and_code_2(
    name, text, complaint, tmp_path, capsys
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)

    code = main(["--script", str(tmp_path / name)])

    assert code == 2
    assert re.fullmatch(f"{complaint}\n", capsys.readouterr().err)


def test_a_seed_without_random_faults_is_an_error(capsys) -> None:
    assert main(["--seed", "3"]) == 2
    assert capsys.readouterr().err.startswith("a seed needs random faults: ")


def test_yaml_without_pyyaml_is_an_error(tmp_path) -> None:
    (tmp_path / "script.yaml").write_text("{}")
    program = (
        "import sys; sys.modules['yaml'] = None\n"
        "from sora_async.testing.__main__ import main\n"
        "sys.exit(main(['--script', 'script.yaml']))"
    )

    ended = run_python(program, cwd=tmp_path)

    assert ended.returncode == 2
    assert ended.stderr == (
        'a script in YAML needs PyYAML: run pip install ".[testing]" in a checkout of sora-async, '
        "or write JSON\n"
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [("--speed", value) for value in ("0", "-1", "inf", "nan", "fast")]
    + [("--port", value) for value in ("-1", "65536", "http")]
    + [("--shape", "azure")]
    + [("--tasks", value) for value in ("-1", "many")]
    + [("--random-faults", value) for value in ("429", "503=1", "429=2", "", "429=a")]
    + [("--seed", "one")],
)
def test_impossible_options_are_refused(option, value, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main([f"{option}={value}"])

    assert caught.value.code == 2
    assert f"error: argument {option}: " in capsys.readouterr().err


def test_a_busy_port_is_one_line_and_code_1(capsys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]

        code = main(["--port", str(port)])

    assert code == 1
    error = capsys.readouterr().err
    assert re.fullmatch(rf"cannot listen on 127\.0\.0\.1:{port}: .*address already in use\n", error)


def test_the_tasks_answer_from_their_first_poll_on() -> None:
    seen = {}

    def fetch(url: str) -> None:
        with urllib.request.urlopen(url, timeout=5) as reply:
            seen.update(json.load(reply))

    code, _ = run(use(fetch, found_at=CURL), "--shape", "openai")

    assert code == 0
    assert seen["status"] == "queued"


def test_the_real_command_serves_and_ends_cleanly() -> None:
    command = [sys.executable, "-W", "error", "-m", "sora_async.testing", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as fake:
        assert fake.stdout and fake.stderr
        first = fake.stdout.readline()
        fake.send_signal(signal.SIGINT)
        _, errors = fake.communicate(timeout=10)

    assert first.startswith("Fake video service at http://127.0.0.1:")
    assert (fake.returncode, errors) == (0, "")


def test_the_fake_does_not_know_the_sdk_that_it_tests() -> None:
    imports = [
        (node, len(path.relative_to(FOLDER).parts))
        for path in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom | ast.Import)
    ]

    assert imports
    assert not any(
        isinstance(node, ast.ImportFrom) and node.level > depth for node, depth in imports
    )
    assert not any("sora_async" in ast.unparse(node) for node, _ in imports)
