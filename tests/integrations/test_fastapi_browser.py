"""The page "Show progress in a browser", in a browser: real processes, in real time."""

import os
import shutil
from pathlib import Path

import pytest
from support.chromium import Chromium
from support.programs import Program, find_free_port, reached

from sora_async.testing import completed, running

pytest.importorskip("fastapi", reason="needs FastAPI: nox -s integrations")
pytest.importorskip("uvicorn", reason="needs uvicorn: nox -s integrations")

CHROMIUM = shutil.which("chromium") or ""

AT_ONCE = ("--timeout-graceful-shutdown", "1")

PICTURES = os.environ.get("PICTURES")
"""A folder that gets the picture of the docs, ``PICTURES=docs/_static``; None: none is taken."""


@pytest.mark.skipif(not CHROMIUM, reason="needs chromium (Debian: apt-get install chromium)")
async def test_a_page_goes_on_after_a_restart_a_reload_and_in_two_tabs(
    sora, settings, tmp_path: Path
) -> None:
    task_id = "sora-2:task_01browser"
    sora.script(task_id, running(0.2))
    port = find_free_port()
    server = ("-m", "uvicorn", "fastapi_progress:app", "--port", str(port))
    url = f"http://127.0.0.1:{port}/videos/{task_id}"

    async with Chromium(CHROMIUM, tmp_path) as browser, Program(*server, *AT_ONCE) as program:
        await reached(lambda: "Uvicorn running" in program.output)
        async with browser.open(url) as tab:
            await tab.shows("state", "running, 20 %")
            await program.stop()
            await tab.shows("state", "connection lost")
            sora.script(task_id, running(0.6))
            async with Program(*server):
                await tab.shows("state", "running, 60 %")
                if PICTURES:
                    await tab.picture(Path(PICTURES, "progress-page.png"))
                await tab.call("Page.reload")
                async with browser.open(url) as other:
                    await other.shows("state", "running, 60 %")
                    sora.script(task_id, completed())
                    await other.shows("state", "done")
                    await tab.shows("state", "done")
                source = await tab.run("document.getElementById('video').src")

    assert source.startswith(f"{sora.cdn_url}/videos/")
