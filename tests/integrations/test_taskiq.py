"""The page "Wait in taskiq's workers": its worker is killed, stopped and started again."""

import pytest
from support.programs import Program, hand_over, reached, run_good_and_bad, shorten_times

from sora_async.testing import completed, running

pytest.importorskip("taskiq_redis", reason="needs taskiq-redis: nox -s integrations")

OPTIONS = ("--workers", "1", "--max-async-tasks", "1000")
WORKER = ("-m", "taskiq", "worker", "taskiq_worker:broker", *OPTIONS)
SHORTENED = ("-m", "taskiq", "worker", "shortened:broker", *OPTIONS)
SCHEDULER = ("-m", "taskiq", "scheduler", "taskiq_worker:scheduler")
ENQUEUE = "taskiq_worker.py"


async def test_a_job_returns_the_video_and_raises_the_error(sora, redis) -> None:
    end = await run_good_and_bad(sora, WORKER, ENQUEUE)

    assert end.startswith("RuntimeError: task video_bad failed")


async def test_a_wait_goes_on_in_slices_and_after_a_kill(sora, redis, tmp_path) -> None:
    """A message makes workers look for what others have left; here the scheduler sends it."""
    sora.script("video_1", running(0.1))
    quick = shorten_times(
        tmp_path, "taskiq_worker", "example.SLICE = 1", "broker.idle_timeout = 2000"
    )

    async with Program(*SHORTENED, **quick) as worker, Program(ENQUEUE, "video_1") as enqueued:
        await reached(lambda: worker.output.count("Executing task taskiq_worker:wait") > 2)
        await worker.kill()
        asked = len(sora.polls("video_1"))
        async with Program(*SHORTENED, **quick), Program(*SCHEDULER):
            await reached(lambda: len(sora.polls("video_1")) > asked)
            sora.script("video_1", completed())
            await enqueued.end()

    assert enqueued.output.strip() == f"{sora.cdn_url}/videos/video_1.mp4"


async def test_a_stopped_worker_ends_its_slice_and_hands_over(sora, redis, tmp_path) -> None:
    quick = shorten_times(tmp_path, "taskiq_worker", "example.SLICE = 2")

    await hand_over(sora, SHORTENED, ENQUEUE, **quick)
