"""
The examples of the docs and of the README, run as a user runs them.

They all run at the same time, each in its own process, in real time, against a fake service. The
output that a page shows is a recording beside the example: a run must print lines of the same form.
"""

import asyncio
import contextlib
import os
import re
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import attrs
import pytest
from support import KEY, ROOT, TLS

from sora_async.testing import (
    Answer,
    FakeSora,
    Scenario,
    Shape,
    completed,
    failed,
    http_error,
    queued,
    running,
)

DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"

TIMEOUT = 170
"""Seconds for all of them together, on a busy machine."""

FAKE = "sora-2:task_01fake0000000000000000000"
"""How the ids of ``python -m sora_async.testing`` begin."""

FAR = {"SORA_BASE_URL": "http://videos.example", "HTTP_PROXY": "{url}", "RELAY_PROXY": "{url}"}
"""A service that only a proxy can reach: the fake, which accepts requests to a proxy."""

IN_FOLDER = {"VIDEOS": "{folder}"}
"""An empty folder for the files that an example makes."""

SECURE = {"SORA_BASE_URL": "{tls_url}"}

CHANGING = (
    *("SORA_", "SSL_CERT_", "NETRC", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONWARNINGS"),
    *("PYTEST_", "PY_COLORS", "FORCE_COLOR", "CLICOLOR", "COLUMNS"),
    # To count their lines takes as long as they do, and covers none that no other test does.
    "COVERAGE_",
)
"""Prefixes of variables that change what an example does or prints, or how long it takes."""

QUICK = Scenario(queued=0, running=2)
"""What a created task goes through at a fake that is not scripted."""

IN_LINE = Scenario(queued=600)
"""The same where a page shows queued tasks, however busy the machine is."""

BLOCKED = failed("moderation_blocked", "The prompt was refused.")
UNPAID = http_error(403, {"error": {"code": "insufficient_user_quota", "message": "no credit"}})
DONE = {"video_done": (completed(),)}
MANY = {
    "video_boat": (completed(),),
    "video_moon": (BLOCKED,),
    "video_tree": (running(0.4), completed()),
}
TWO = {"video_boat": (completed(),), "video_tree": (running(0.4), completed())}
ALL_ENDS = {
    **DONE,
    "video_blocked": (BLOCKED,),
    "video_later": (http_error(429, headers={"Retry-After": "3600"}),),
    "video_unpaid": (UNPAID,),
    "video_odd": (http_error(400),),
}
ADDRESS = "http://127.0.0.1:1/videos/video_done.mp4"


@attrs.frozen
class Example:
    """
    How an example is run.

    Attributes:
        command: What Python is called with, in the folder of the examples; ``{folder}`` is
            filled in.
        tasks: The tasks of the fake and their answers, one for each poll; the command gets
            their ids. Without tasks and shape, the fake is ``python -m sora_async.testing``.
        shape: The kind of server that the fake is; None for a relay.
        scenario: What tasks go through that it creates at a fake of its own.
        environment: Variables beside address and key; ``{url}`` and others are filled in.
        prints: Its output, where there is no recording.
        writes_to_stderr: Whether its output goes there.
        in_any_order: Whether its lines may come in any order, as tasks end.
    """

    command: str
    tasks: Mapping[str, tuple[Answer, ...]] = attrs.field(factory=dict)
    shape: Shape | None = attrs.field(default=None, kw_only=True)
    scenario: Scenario = attrs.field(default=QUICK, kw_only=True)
    environment: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    prints: str | None = attrs.field(default=None, kw_only=True)
    writes_to_stderr: bool = attrs.field(default=False, kw_only=True)
    in_any_order: bool = attrs.field(default=False, kw_only=True)

    @property
    def file(self) -> str:
        """The file or folder that is the example."""
        words = self.command.split()
        return words[-1] if words[0].startswith("-") else words[0]


RUNS = {
    "readme": Example(f"readme.py {FAKE}1"),
    "first_video": Example("first_video.py {folder}/boat.mp4"),
    "first_progress": Example("first_progress.py {folder}/boat.mp4"),
    "first_wait": Example(f"first_wait.py {FAKE}1"),
    "first_events": Example(f"first_events.py {FAKE}4"),
    "first_failure": Example(f"first_failure.py {FAKE}3"),
    "loop_before": Example("loop_before.py", DONE, prints=ADDRESS),
    "loop_after": Example("loop_after.py", DONE, prints=ADDRESS),
    "openai_before": Example(
        "openai_before.py {folder}/boat.mp4",
        shape="openai",
        environment={"PYTHONWARNINGS": "ignore::DeprecationWarning"},
        prints="completed 1308",
    ),
    "openai_after": Example(
        "openai_after.py {folder}/boat.mp4", shape="openai", prints="completed 1308"
    ),
    "create": Example("create.py"),
    "create_with_image": Example("create_with_image.py ../_static/demo.svg"),
    "list_tasks": Example("list_tasks.py", shape="openai", scenario=IN_LINE),
    "deduplicate": Example("deduplicate.py", shape="openai", prints="queued"),
    "dialect": Example("dialect.py", shape="unified", environment={"STUDIO_URL": "{url}"}),
    "wait_for_many": Example("wait_for_many.py", MANY, in_any_order=True),
    "as_completed": Example("as_completed.py", MANY, in_any_order=True),
    "events": Example("events.py", MANY, in_any_order=True),
    "rate_limit": Example("rate_limit.py", MANY, in_any_order=True),
    "on_uvloop": Example("on_uvloop.py", DONE, prints=ADDRESS),
    "many_processes": Example("many_processes.py", TWO, in_any_order=True),
    "many_threads": Example("many_threads.py", TWO),
    "wait_for_all": Example("wait_for_all.py", MANY),
    "timeouts": Example("timeouts.py", {"video_late": (*[running(0.4)] * 5, completed())}),
    "handle_errors": Example("handle_errors.py", ALL_ENDS),
    "progress": Example("progress.py", {"video_boat": (running(0.42), completed())}),
    "download": Example(
        "download.py", {"video_boat": (running(0.4), completed())}, environment=IN_FOLDER
    ),
    "download_many": Example("download_many.py", MANY, environment=IN_FOLDER),
    "download_again": Example("download_again.py", DONE, environment=IN_FOLDER),
    "batch": Example("batch.py", environment={"VIDEOS": "{folder}/boats"}, in_any_order=True),
    "progress_rich": Example("progress_rich.py", MANY),
    "track": Example("track.py", MANY, environment=IN_FOLDER, writes_to_stderr=True),
    "keep_tasks": Example(
        "keep_tasks.py", DONE, environment=IN_FOLDER, prints=f"True succeeded {ADDRESS}"
    ),
    "another_server": Example(
        "another_server.py",
        DONE,
        environment={"RELAY_URL": "{url}", "RELAY_KEY": KEY},
        prints=f"sora-2 {ADDRESS}",
    ),
    "behind_a_proxy": Example("behind_a_proxy.py", DONE, environment=FAR, prints=ADDRESS),
    "keep_duration_history": Example(
        "keep_duration_history.py",
        DONE,
        environment={"DURATION_HISTORY": "{folder}/durations.json"},
        prints=ADDRESS,
    ),
    "custom_schedule": Example(
        "custom_schedule.py", {"video_done": (running(0.9), completed())}, prints=ADDRESS
    ),
    "own_session": Example("own_session.py", DONE, environment=FAR, prints=ADDRESS),
    "private_ca": Example(
        "private_ca.py", DONE, environment={**SECURE, "RELAY_CA": "{ca}"}, prints=ADDRESS
    ),
    "system_ca": Example(
        "first_wait.py", DONE, environment={**SECURE, "SSL_CERT_FILE": "{ca}"}, prints=ADDRESS
    ),
    "log_polls": Example(
        "log_polls.py",
        {"video_boat": (queued(), http_error(503), completed())},
        writes_to_stderr=True,
    ),
    "trace_requests": Example("trace_requests.py", {"video_boat": (queued(), completed())}),
    "trace_opentelemetry": Example(
        "trace_opentelemetry.py", {"video_boat": (queued(), completed())}
    ),
    "metrics_opentelemetry": Example(
        "metrics_opentelemetry.py", {"video_boat": (queued(), http_error(429), completed())}
    ),
    "testing": Example("-m pytest -q -p no:cacheprovider testing"),
}
"""By the names of their recordings, ``docs/examples/<name>.txt``."""


@attrs.frozen
class Run:
    """The result of an example: its exit code, its output, and the other stream."""

    code: int | None
    output: str
    rest: str


async def run(example: Example, places: Mapping[str, str]) -> Run:
    """Run an example in a folder of its own, beside a fake of its own or the one of *places*."""
    with tempfile.TemporaryDirectory() as folder:
        return await run_in(folder, example, places)


async def run_in(folder: str, example: Example, places: Mapping[str, str]) -> Run:
    async with (
        FakeSora(
            api_key=KEY, shape=example.shape or "relay", default_scenario=example.scenario
        ) as sora,
        secure(sora) as tls_url,
    ):
        for task_id, answers in example.tasks.items():
            sora.script(task_id, *answers)
        if example.tasks or example.shape:
            places = {"url": sora.url, "tls_url": tls_url, "ca": str(TLS / "ca.pem")}
        places = {**places, "folder": folder}
        environment = {
            **{name: text for name, text in os.environ.items() if not changes_examples(name)},
            # What an example leaves open shows on stderr.
            "PYTHONWARNINGS": "always::ResourceWarning",
            "SORA_BASE_URL": places["url"],
            "SORA_API_KEY": KEY,
            **{name: text.format_map(places) for name, text in example.environment.items()},
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *example.command.format_map(places).split(), *example.tasks),
            cwd=EXAMPLES,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(TIMEOUT):
                stdout, stderr = await process.communicate()
        except TimeoutError:
            process.kill()
            stdout, stderr = await process.communicate()
            stderr += f"killed after {TIMEOUT} s".encode()
    output, rest = (stderr, stdout) if example.writes_to_stderr else (stdout, stderr)
    return Run(process.returncode, output.decode(), rest.decode())


def changes_examples(name: str) -> bool:
    """Return whether an environment variable would change what an example does or prints."""
    return name.lower().endswith("_proxy") or name.startswith(CHANGING)


@contextlib.asynccontextmanager
async def secure(sora: FakeSora) -> AsyncIterator[str]:
    """Speak TLS before a fake, with the certificate of a private CA."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = sora.url.removeprefix("http://").split(":")
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "server.pem")
    server = await asyncio.start_server(accept, "127.0.0.1", ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


@contextlib.asynccontextmanager
async def serve() -> AsyncIterator[str]:
    """Run ``python -m sora_async.testing`` at 60 times its speed, and yield what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sora_async.testing", "--port", "0", "--speed", "60"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(TIMEOUT):
            text = await process.stdout.readuntil(b"Ctrl-C ends it.\n")
        yield text.decode()
    finally:
        process.terminate()
        await process.communicate()


async def run_all() -> dict[str, Run]:
    async with serve() as text:
        found = re.search(r"SORA_BASE_URL=(\S+)", text)
        assert found
        places = {"url": found[1]}
        ends = await asyncio.gather(*(run(example, places) for example in RUNS.values()))
    service = Run(0, text.replace(", 60 times as fast", ""), "")
    return {**dict(zip(RUNS, ends, strict=True)), "service": service}


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """All runs, by the names of their recordings."""
    return asyncio.run(run_all())


def shapes(text: str) -> list[str]:
    """Return the lines of an output without what differs from run to run."""
    lines = [re.sub(r"\d+(\.\d+)?", "#", line) for line in text.splitlines()]
    lines = [re.sub(r"([#━])\1+", r"\1", re.sub(r"\s+", " ", line)).strip() for line in lines]
    return [line for line in lines if line]


def files() -> list[Path]:
    """Return the files of the examples, without what tools leave beside them."""
    paths = [path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*") if path.is_file()]
    return [path for path in paths if not any(part[0] in "._" for part in path.parts)]


def recording(name: str) -> str:
    example = RUNS.get(name)
    if example is not None and example.prints is not None:
        return example.prints
    return (EXAMPLES / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("name", [*RUNS, "service"])
def test_an_example_prints_what_its_page_shows(name: str, runs: dict[str, Run]) -> None:
    ended = runs[name]

    shown, printed = shapes(recording(name)), shapes(ended.output)

    assert (ended.code, ended.rest) == (0, "")
    if name in RUNS and RUNS[name].in_any_order:
        assert sorted(printed) == sorted(shown)
    else:
        assert printed[-1] == shown[-1]
        assert [line for line in printed if line not in shown] == []


def test_every_example_is_run_and_every_recording_is_of_a_run() -> None:
    tops = {path.parts[0] for path in files()} - {"integrations"}

    recordings = {name for name in tops if name.endswith(".txt")}

    assert tops - recordings == {example.file for example in RUNS.values()}
    shown = {name for name, example in RUNS.items() if example.prints is None}
    assert recordings == {f"{name}.txt" for name in [*shown, "service"]}


def test_every_example_beside_others_is_run_where_they_are() -> None:
    """Each needs packages of its own: ``nox -s integrations`` has them."""
    tests = "".join(
        path.read_text("utf-8") for path in (ROOT / "tests" / "integrations").glob("test_*.py")
    )

    # A worker is named as a module: "video_worker.settings".
    names = {path.name.removesuffix(".py") for path in files() if path.parts[0] == "integrations"}

    assert {name for name in names if name not in tests} == set()


def test_every_example_and_recording_is_on_a_page() -> None:
    pages = [path.read_text("utf-8") for path in DOCS.rglob("*.rst")]

    include = re.compile(r"^ *\.\. literalinclude:: .*examples/(\S+)", re.MULTILINE)
    included = {name for page in pages for name in include.findall(page)}

    # README shows the first in its own text.
    assert {path.as_posix() for path in files()} == included | {"readme.py"}


@pytest.mark.parametrize("name", ["README.rst", "README.zh-CN.rst"])
def test_a_readme_shows_its_examples_and_what_they_print(name: str) -> None:
    """Package indexes know no ``literalinclude``: the text itself stands there."""
    blocks = code_blocks(ROOT / name)

    shown = ["readme.py", "readme.txt", "first_video.py"]

    assert [file for file in shown if (EXAMPLES / file).read_text("utf-8") not in blocks] == []


def test_the_readmes_have_the_same_code() -> None:
    english, chinese = (code_blocks(ROOT / name) for name in ("README.rst", "README.zh-CN.rst"))

    assert chinese == english


@pytest.mark.parametrize("name", ["README.rst", "README.zh-CN.rst"])
def test_a_link_of_a_readme_leads_to_a_file(name: str) -> None:
    links = re.findall(r"<([^>:]+)>`_", (ROOT / name).read_text("utf-8"))

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_page_names_the_same_test_command() -> None:
    readme = "".join(code_blocks(ROOT / "README.rst"))

    [command] = [line for line in readme.splitlines() if line.endswith("nox -s tests")]

    assert command in (ROOT / "CONTRIBUTING.rst").read_text("utf-8")
    assert command in (ROOT / ".ci" / "run").read_text("utf-8")


def code_blocks(path: Path) -> list[str]:
    """Return the code blocks of a page, as they are without their indentation."""
    found = re.findall(
        r"^\.\. code-block:: .*\n\n((?:(?: {4}.*)?\n)+)", path.read_text("utf-8"), re.MULTILINE
    )
    return [
        "\n".join(line[4:] for line in block.strip("\n").splitlines()) + "\n" for block in found
    ]
