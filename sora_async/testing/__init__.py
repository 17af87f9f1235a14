"""
A fake video service and a clock that jumps, for tests of code that waits for videos.

:class:`FakeSora` is a real server on loopback, so any HTTP client can be tested with it. Each of
its tasks has a :class:`Scenario` by the clock, or a script with one answer for each poll. On
:class:`VirtualTimeLoop` an hour of waiting costs milliseconds::

    async def test_a_503_is_retried():
        async with FakeSora() as sora:
            sora.script("task_1", running(0.1), http_error(503), reset(), completed())

            await wait_for_video(sora.url, "task_1")

            assert len(sora.polls("task_1")) == 4

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(test_a_503_is_retried())

``python -m sora_async.testing`` runs the fake on a port, for programs in any language.
"""

from types import FunctionType as _FunctionType

from .answers.answer import (
    Answer,
    completed,
    encoded,
    failed,
    gzip_bomb,
    gzipped,
    html,
    http_error,
    not_modified,
    queued,
    raw,
    redirect,
    running,
    slow,
    unknown_task,
    with_headers,
)
from .answers.network_faults import (
    close_after,
    drip,
    garbage_status_line,
    reset,
    reset_midway,
    stall,
    stall_body,
    truncated,
)
from .answers.video_files import make_video, video_file
from .profiles.task_state import ABSENT, CreateCall, Shape, UploadedFile
from .scenario import Scenario, accepted
from .server.fake_sora import FakeSora
from .server.random_faults import RandomFaults
from .server.recorded_request import RecordedRequest
from .server.task_store import FakeTask
from .virtual_clock import VirtualClock, VirtualTimeLoop
from .webhooks import SentWebhook, Webhooks, WebhookScheme, sign_webhook

__all__ = [
    "ABSENT",
    "Answer",
    "CreateCall",
    "FakeSora",
    "FakeTask",
    "RandomFaults",
    "RecordedRequest",
    "Scenario",
    "SentWebhook",
    "Shape",
    "UploadedFile",
    "VirtualClock",
    "VirtualTimeLoop",
    "WebhookScheme",
    "Webhooks",
    "accepted",
    "close_after",
    "completed",
    "drip",
    "encoded",
    "failed",
    "garbage_status_line",
    "gzip_bomb",
    "gzipped",
    "html",
    "http_error",
    "make_video",
    "not_modified",
    "queued",
    "raw",
    "redirect",
    "reset",
    "reset_midway",
    "running",
    "sign_webhook",
    "slow",
    "stall",
    "stall_body",
    "truncated",
    "unknown_task",
    "video_file",
    "with_headers",
]

for _name in __all__:
    # A traceback, a pickle and the reference name the module that people import from.
    if isinstance(_value := globals()[_name], type | _FunctionType):
        _value.__module__ = __name__
del _name, _value
