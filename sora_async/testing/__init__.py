"""
A fake video service and a clock that jumps, for tests of code that waits for videos.

:class:`FakeSora` is a real server on loopback, so whatever speaks HTTP can be tested with it; each
of its tasks has a :class:`Life` by the clock, or a script of answers, one for each poll. On
:class:`VirtualTimeLoop` an hour of waiting costs milliseconds::

    async def test_a_hiccup_is_survived():
        async with FakeSora() as sora:
            sora.script("task_1", running(0.1), http_error(503), reset(), completed())

            await wait_for_video(sora.url, "task_1")

            assert len(sora.polls("task_1")) == 4

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(test_a_hiccup_is_survived())

``python -m sora_async.testing`` runs the fake on a port, for programs in any language.
"""

from ._answers import Answer, completed, failed, queued, running
from ._chaos import Chaos
from ._clock import VirtualClock, VirtualTimeLoop
from ._creates import accepted
from ._faults import (
    close_after,
    drip,
    garbage_status_line,
    reset,
    reset_midway,
    stall,
    stall_body,
    truncated,
)
from ._files import make_video, video_file
from ._lives import Life
from ._replies import gzip_bomb, gzipped, html, http_error, raw, redirect, slow, unknown_task
from ._requests import Request
from ._server import FakeSora
from ._snapshots import ABSENT, Order, Shape, Upload
from ._tasks import Task

__all__ = [
    "ABSENT",
    "Answer",
    "Chaos",
    "FakeSora",
    "Life",
    "Order",
    "Request",
    "Shape",
    "Task",
    "Upload",
    "VirtualClock",
    "VirtualTimeLoop",
    "accepted",
    "close_after",
    "completed",
    "drip",
    "failed",
    "garbage_status_line",
    "gzip_bomb",
    "gzipped",
    "html",
    "http_error",
    "make_video",
    "queued",
    "raw",
    "redirect",
    "reset",
    "reset_midway",
    "running",
    "slow",
    "stall",
    "stall_body",
    "truncated",
    "unknown_task",
    "video_file",
]
