"""The page "Wait in arq's workers": its worker is killed, stopped and started again."""

import pytest
from support.programs import Program, hand_over, reached, run_good_and_bad, shorten_times

from sora_async.testing import completed, running

pytest.importorskip("arq", reason="needs arq: nox -s integrations")

WORKER = ("-m", "arq", "arq_worker.WorkerSettings")
SHORTENED = ("-m", "arq", "shortened.WorkerSettings")
ENQUEUE = "arq_worker.py"


async def test_a_job_returns_the_video_and_raises_the_error(sora, redis) -> None:
    end = await run_good_and_bad(sora, WORKER, ENQUEUE)

    assert end.startswith("sora_async.TaskFailedError: task video_")


async def test_a_wait_of_many_slices_ends_with_its_video(sora, redis, tmp_path) -> None:
    sora.script("video_1", running(0.1))
    quick = shorten_times(tmp_path, "arq_worker", "example.SLICE = 0.5")

    async with Program(*SHORTENED, **quick) as worker, Program(ENQUEUE, "video_1") as enqueued:
        await reached(lambda: worker.output.count("retrying job") > 2)
        sora.script("video_1", completed())
        await enqueued.end()

    assert enqueued.output.strip() == f"{sora.cdn_url}/videos/video_1.mp4"


async def test_a_stopped_worker_hands_over_at_once(sora, redis) -> None:
    await hand_over(sora, WORKER, ENQUEUE)


async def test_a_killed_workers_wait_goes_on_after_the_timeout_of_its_job(
    sora, redis, tmp_path
) -> None:
    sora.script("video_1", running(0.1))
    quick = shorten_times(
        tmp_path, "arq_worker", "WorkerSettings.job_timeout = 3", "example.SLICE = 0.5"
    )

    async with Program(*SHORTENED, **quick) as worker, Program(ENQUEUE, "video_1") as enqueued:
        await reached(lambda: sora.polls("video_1"))
        await worker.kill()
        asked = len(sora.polls("video_1"))
        async with Program(*SHORTENED, **quick):
            await reached(lambda: len(sora.polls("video_1")) > asked)
            sora.script("video_1", completed())
            await enqueued.end()

    assert enqueued.output.strip() == f"{sora.cdn_url}/videos/video_1.mp4"


async def test_an_aborted_job_ends_its_wait(sora, redis) -> None:
    sora.script("video_1", running(0.1))
    abort = """
import asyncio, arq, arq_worker
from arq.jobs import Job
async def main():
    async with await arq.create_pool(arq_worker.REDIS) as redis:
        print(await Job("video_1", redis).abort())
asyncio.run(main())
"""

    async with Program(*WORKER) as worker, Program(ENQUEUE, "video_1"):
        await reached(lambda: sora.polls("video_1"))
        async with Program("-c", abort) as aborting:
            await aborting.end()
        await worker.stop()

    assert aborting.output == "True\n"
    assert "video_1:wait_for_video aborted" in worker.output
