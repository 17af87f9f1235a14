"""
Use what one extra brings, where the wheel is installed with it and nothing else is.

``nox -s extras`` runs it: ``use_extra.py cli``; with "" it uses what needs no extra.
"""

import asyncio
import importlib.util
import logging
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path

import sora_async
from sora_async import RateLimit, SoraClient, VideoTask
from sora_async.testing import FakeSora, VirtualTimeLoop, completed, running

BRINGS = {
    "": set(),
    "cli": {"rich"},
    "redis": {"redis"},
    "saq": {"redis", "saq"},
    "speed": {"orjson", "uvloop"},
    "testing": {"pytest", "pytest_asyncio", "yaml"},
}
"""The modules that come with each extra: those of the others must not be there."""


async def wait(rate_limit: RateLimit | None = None) -> VideoTask:
    """Wait for a video of a fake service."""
    async with FakeSora() as sora, SoraClient(base_url=sora.url, rate_limit=rate_limit) as client:
        sora.script("video_123", running(0.5), completed())
        return await client.wait_until_complete("video_123")


def wait_on(
    loop: Callable[[], asyncio.AbstractEventLoop], rate_limit: RateLimit | None = None
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(wait(rate_limit)).is_complete


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sysconfig.get_path("scripts"), "sora-async")
    return subprocess.run([command, *arguments], capture_output=True, text=True, timeout=60)


def use_none() -> None:
    wait_on(VirtualTimeLoop)

    lacking = run_command("demo")

    assert lacking.returncode == 2
    assert lacking.stderr.startswith("sora-async: ") and "rich" in lacking.stderr, lacking


def use_cli() -> None:
    demo = run_command("demo", "--speed", "4")

    assert demo.returncode == 0, demo
    assert "Traceback" not in demo.stderr, demo
    for word in ("video_late.mp4", "moderation_blocked", "async with SoraClient()"):
        assert word in demo.stdout, demo


def use_redis() -> None:
    """Share a budget, though nobody listens at port 1: each goes on alone."""
    from sora_async.integrations.redis import SharedRateLimit

    logging.getLogger("sora_async").setLevel(logging.ERROR)
    wait_on(asyncio.new_event_loop, SharedRateLimit(url="redis://127.0.0.1:1"))


def use_saq() -> None:
    """Make a job and a worker; what they do with a Redis is what ``nox -s integrations`` tests."""
    from saq import Worker

    from sora_async.integrations.saq import VideoQueue, wait_job, worker_settings

    os.environ["SORA_BASE_URL"] = "http://127.0.0.1:1"

    async def make() -> None:
        queue = VideoQueue.from_url("redis://127.0.0.1:1")
        assert "video_123" in queue.serialize(wait_job("video_123"))
        assert Worker(**worker_settings(queue)).queue is queue

    asyncio.run(make())


def use_speed() -> None:
    import uvloop

    from sora_async._wire import json

    assert json._parse_fast.__module__ == "orjson"
    wait_on(uvloop.new_event_loop)


FIXTURES = """
import asyncio

import pytest
from sora_async.testing import completed, running

@pytest.mark.asyncio
async def test_virtual(sora_service, sora_client, sora_virtual_time):
    sora_service.script("video_123", running(0.5), completed())
    assert (await sora_client.wait_until_complete("video_123")).is_complete
    await asyncio.sleep(86400)
    assert sora_virtual_time.now > 86400
"""


def use_testing() -> None:
    """Run a test with the fixtures, and read a script in YAML."""
    from sora_async.testing.script_file import load_script

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_fixtures.py").write_text(FIXTURES, "utf-8")
        Path(folder, "script.yaml").write_text("tasks: [{script: [completed]}]", "utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-W", "error"]
        options = ["-o", "asyncio_default_fixture_loop_scope=function"]
        ended = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True)
        [task] = load_script(Path(folder, "script.yaml")).tasks or []

    assert "1 passed" in ended.stdout, ended
    assert [repr(answer) for answer in task.script or []] == ["completed()"]


USES = {
    "": use_none,
    "cli": use_cli,
    "redis": use_redis,
    "saq": use_saq,
    "speed": use_speed,
    "testing": use_testing,
}


def main(extra: str) -> None:
    assert "site-packages" in sora_async.__file__, sora_async.__file__
    there = {name for name in set().union(*BRINGS.values()) if importlib.util.find_spec(name)}
    assert there == BRINGS[extra], there
    USES[extra]()
    print(f"{extra or 'no extra'}: all is well")


if __name__ == "__main__":
    main(*sys.argv[1:])
