"""A batch that is killed again and again, at any point, in real time."""

import asyncio
import random
import signal
import sys
from pathlib import Path

import pytest
from support import KEY, count_creates

from sora_async.testing import FakeSora, Scenario, make_video, video_file

ITEMS = 50
SIZE = 300_000
KILLS = 20
SEED = 20260114

RUN = """
import asyncio, sys
import attrs
from sora_async import RateLimit, Schedule, SoraClient
from sora_async.dialects import OPENAI

async def main(url, key, out):
    items = [{"prompt": f"boat {number % 40}"} for number in range(int(sys.argv[4]))]
    print("ready", flush=True)
    dialect = attrs.evolve(OPENAI, deduplicates_creates=sys.argv[5] == "True")
    options = dict(schedule=Schedule(intervals=[0.1]), rate_limit=RateLimit(rate=None))
    async with SoraClient(base_url=url, api_key=key, dialect=dialect, **options) as client:
        limits = dict(max_waits=2, max_creates=2, reconcile_delay=2)
        async for one in client.batch(items, output_dir=out, **limits):
            print(one.error or one.task_id, flush=True)

asyncio.run(main(*sys.argv[1:4]))
"""


async def run_and_kill(
    sora: FakeSora, output_dir: Path, after: float | None, *, deduplicates: bool
) -> list[str]:
    """Run the batch until it ends, or until it is killed some seconds after it is ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN, sora.url, KEY, str(output_dir), str(ITEMS)),
        str(deduplicates),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    try:
        async with asyncio.timeout(after):
            output, _ = await process.communicate()
    except TimeoutError:
        process.send_signal(signal.SIGKILL)
        output, _ = await process.communicate()
    return output.decode().splitlines()


async def give_files(sora: FakeSora) -> None:
    """Give each task a film of its own, which breaks off the first time."""
    given = 0
    while True:
        for task in sora.tasks[given:]:
            given += 1
            broken = video_file(SIZE, version=given, reset_after=SIZE // 3)
            sora.script_file(task.id, broken, video_file(SIZE, version=given), at="content")
        await asyncio.sleep(0.05)


async def kill_and_kill_again(output_dir: Path, *, deduplicates: bool) -> FakeSora:
    chance = random.Random(SEED)
    killed = 0
    scenario = Scenario(queued=0.2, running=1.0)
    async with FakeSora(
        api_key=KEY,
        shape="openai",
        default_scenario=scenario,
        deduplicates=deduplicates,
        cut_creates_every=3 if deduplicates else None,
    ) as sora:
        giving = asyncio.create_task(give_files(sora))
        while killed < KILLS:
            after = chance.uniform(0.05, 2.5)
            await run_and_kill(sora, output_dir, after, deduplicates=deduplicates)
            killed += 1
            print(
                f"kill {killed}: {len(sora.tasks)} tasks,"
                f" {len(list(output_dir.glob('*.mp4')))} files"
            )
        lines = await run_and_kill(sora, output_dir, None, deduplicates=deduplicates)
        giving.cancel()
    assert len(lines) == ITEMS
    assert not [line for line in lines if " " in line]
    return sora


@pytest.mark.soak
@pytest.mark.parametrize("deduplicates", [False, True])
def test_a_batch_that_is_killed_twenty_times_creates_nothing_twice(
    deduplicates: bool, tmp_path: Path
) -> None:
    """Where the service deduplicates, every third create is cut off as well, and sent again."""
    sora = asyncio.run(kill_and_kill_again(tmp_path, deduplicates=deduplicates))

    files = sorted(tmp_path.glob("*.mp4"))
    creates = count_creates(sora)
    print(f"{creates} creates, {len(sora.tasks)} tasks, {len(files)} files")
    assert creates > ITEMS if deduplicates else creates == ITEMS
    assert len(sora.tasks) == ITEMS
    assert len(files) == ITEMS
    films = {make_video(SIZE, version=number) for number in range(1, ITEMS + 1)}
    assert {file.read_bytes() for file in files} == films
    assert [path for path in tmp_path.iterdir() if path.suffix not in {".mp4", ".jsonl"}] == []
