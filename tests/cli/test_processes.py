"""The command as a process of its own: terminals, signals, pipes and missing packages."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from support import run_python

COMMAND = [sys.executable, "-W", "error", "-m", "sora_async"]


def test_the_module_is_the_command() -> None:
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, timeout=30)

    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"sora-async \d+\.\d+\S*\n", done.stdout)


def test_the_demo_in_json_says_the_same_to_a_program() -> None:
    command = [*COMMAND, "demo", "--json", "--speed", "50"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)

    records = [json.loads(line) for line in done.stdout.splitlines()]
    results = {one["id"]: one["outcome"] for one in records if one["type"] == "result"}
    assert (done.returncode, done.stderr) == (0, "")
    assert len(results) == 6
    assert {name for name, word in results.items() if word != "succeeded"} == {"video_blocked"}


def test_ctrl_c_on_a_real_terminal_ends_cleanly() -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    settings = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen([*COMMAND, "demo"], stdout=theirs, stderr=theirs, env=settings)
    os.close(theirs)
    screen = b""
    while b"0 of 6 done" not in screen:
        screen += os.read(ours, 4096)

    process.send_signal(signal.SIGINT)
    # A terminal without anyone on the other side is an OSError on Linux and no bytes elsewhere.
    try:
        while part := os.read(ours, 4096):
            screen += part
    except OSError:
        pass

    os.close(ours)
    assert process.wait(timeout=10) == 130
    assert b"Traceback" not in screen
    assert screen.count(b"\x1b[?25l") == screen.count(b"\x1b[?25h") == 1
    assert screen.endswith(b"Interrupted: the fake service and its tasks are gone.\r\n")


def test_a_reader_that_has_enough_hears_no_traceback() -> None:
    command = [*COMMAND, "demo", "--json", "--speed", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()

    assert (process.returncode, errors) == (141, b"")


WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from sora_async.__main__ import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("package", "command"), [("rich", ["demo"]), ("shtab", ["completion", "bash"])]
)
def test_without_a_package_of_the_extra_the_command_says_what_to_install(package, command) -> None:
    done = run_python(WITHOUT, package, *command, timeout=30)

    assert (done.returncode, done.stdout) == (2, "")
    hint = 'run pip install ".[cli]" in a checkout of sora-async'
    assert done.stderr == f"sora-async: {package} is not installed: {hint}\n"


def test_any_other_missing_module_is_a_bug_and_shown_as_one() -> None:
    done = run_python(WITHOUT, "sora_async.testing", "demo", timeout=30)

    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr


def test_help_and_json_load_neither_rich_nor_the_fake_service() -> None:
    done = run_python(
        "import sys\n"
        "from sora_async.__main__ import main\n"
        "try: main(['wait', '--help'])\n"
        "except SystemExit: pass\n"
        "main(['get', '--json', '..'])\n"
        "main(['create', '--json', '--prompt', ''])\n"
        "main(['download', '--json', '..'])\n"
        "main(['batch', '--json', '--out', 'x', 'no/such/file'])\n"
        "sys.exit(str({'rich', 'aiohttp.web', 'sora_async.testing'} & set(sys.modules)))",
        timeout=30,
    )

    assert done.stderr == "set()\n"
