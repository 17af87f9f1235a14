"""A large file over a bad line: whole, and in little memory."""

import os
from pathlib import Path

import pytest

from sora_async import SoraClient
from sora_async.testing import FakeSora, completed, video_file
from sora_async.testing.answers.video_files import ServedVideo

SIZE = 200 * 1024 * 1024
RESETS = 10
MIB = 1024 * 1024


def memory() -> int:
    """Return the bytes of memory that this process has at the moment."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("only Linux tells how much memory a process has at the moment")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_200_mb_with_ten_resets_arrive_whole_in_little_memory(
    sora: FakeSora, client: SoraClient, tmp_path: Path
) -> None:
    sora.script("task_1", completed())
    breaks = [video_file(SIZE, reset_after=SIZE // (RESETS + 1)) for _ in range(RESETS)]
    sora.script_file("task_1", *breaks, video_file(SIZE))
    target, before, most = tmp_path / "a.mp4", memory(), 0

    download = client.download("task_1", target)
    async for _ in download:
        most = max(most, memory())

    try:
        assert download.latest is not None
        assert download.latest.received == download.latest.total == target.stat().st_size == SIZE
        film = ServedVideo(size=SIZE)
        with target.open("rb") as file:
            for start in range(0, SIZE, MIB):
                assert file.read(MIB) == film.read(start, start + MIB)
    finally:
        target.unlink()
    assert len(sora.cdn_requests) == RESETS + 1
    sent = [request.headers["Range"] for _, request in sora.cdn_requests[1:]]
    assert all(int(text.removeprefix("bytes=").rstrip("-")) % MIB for text in sent)
    assert most - before < 32 * MIB
    print(f"\n{(most - before) / MIB:.1f} MiB more memory, the fake's included")
