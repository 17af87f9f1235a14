"""The page "Wait in Celery's workers": its worker is killed, stopped and started again."""

import asyncio

import pytest
from support.programs import Program, hand_over, reached, run_good_and_bad, shorten_times

from sora_async.testing import completed, running

pytest.importorskip("celery", reason="needs Celery: nox -s integrations")

OPTIONS = ("worker", "--concurrency", "2", "--loglevel", "INFO", "--without-mingle")
WORKER = ("-m", "celery", "-A", "celery_worker", *OPTIONS)
SHORTENED = ("-m", "celery", "-A", "shortened", *OPTIONS)
ENQUEUE = "celery_worker.py"


async def test_a_job_returns_the_video_and_raises_the_error(sora, redis) -> None:
    end = await run_good_and_bad(sora, WORKER, ENQUEUE)

    assert end.startswith("RuntimeError: task video_bad failed")


async def test_a_wait_goes_on_in_slices_and_after_a_kill(sora, redis, tmp_path) -> None:
    sora.script("video_1", running(0.1))
    hidden = "app.conf.broker_transport_options = {'visibility_timeout': 2}"
    quick = shorten_times(tmp_path, "celery_worker", "example.SLICE = 1", hidden)

    async with Program(*SHORTENED, **quick) as worker, Program(ENQUEUE, "video_1") as enqueued:
        await reached(lambda: worker.output.count("] retry: ") > 1)
        await worker.kill()
        asked = len(sora.polls("video_1"))
        # A worker looks for lost jobs when it starts, and then once in a hundred seconds.
        await asyncio.sleep(3)
        async with Program(*SHORTENED, **quick):
            await reached(lambda: len(sora.polls("video_1")) > asked)
            sora.script("video_1", completed())
            await enqueued.end()

    assert enqueued.output.strip() == f"{sora.cdn_url}/videos/video_1.mp4"


async def test_a_stopped_worker_ends_its_slice_and_hands_over(sora, redis, tmp_path) -> None:
    quick = shorten_times(tmp_path, "celery_worker", "example.SLICE = 2")

    await hand_over(sora, SHORTENED, ENQUEUE, **quick)
