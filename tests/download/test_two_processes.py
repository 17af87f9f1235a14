"""A download whose process is killed: the next one goes on, and no half file has the name."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from support import KEY, client_of

from sora_async.testing import FakeSora, completed, make_video, video_file

SIZE = 3_000_000
CUT = 2_500_000

PROGRAM = """
import asyncio, sys
from sora_async import SoraClient

async def main(url, key, path):
    async with SoraClient(base_url=url, api_key=key) as client:
        async for event in client.download("task_1", path):
            print(event.received, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def test_a_killed_download_is_gone_on_with_by_another_process(tmp_path: Path) -> None:
    """In real time: a process of its own does not know our clock."""
    target = tmp_path / "a.mp4"

    async def main() -> list[str | None]:
        async with FakeSora(api_key=KEY) as sora:
            sora.script("task_1", completed())
            sora.script_file("task_1", video_file(SIZE, stall_after=CUT), video_file(SIZE))
            await run_and_kill(sora.url, target)
            assert {path.name for path in tmp_path.iterdir()} == {"a.mp4.part", "a.mp4.part.note"}
            async with client_of(sora) as client:
                await client.download("task_1", target)
            return [request.headers.get("Range") for _, request in sora.cdn_requests]

    first, second = asyncio.run(main())

    assert first is None and second is not None
    kept = int(second.removeprefix("bytes=").rstrip("-"))
    assert 1_000_000 <= kept <= CUT
    assert target.read_bytes() == make_video(SIZE)
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4"}


async def run_and_kill(url: str, target: Path) -> None:
    """Run a download in a process of its own, and kill it where the server has stopped sending."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, url, KEY, str(target)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while int(await process.stdout.readline()) < CUT:
            pass
    process.send_signal(signal.SIGKILL)
    await process.communicate()
