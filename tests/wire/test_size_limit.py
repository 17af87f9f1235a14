"""A wait keeps little of a response, however large it is."""

import asyncio
import json
import tracemalloc

from sora_async import RateLimit, Schedule, SoraClient, VideoTask
from sora_async._wire.size_limit import MAX_KEPT_BODY, MAX_KEPT_TEXT, limit_size
from sora_async.testing import FakeSora, completed, raw

WAITS = 50
PADDING = 1_000_000


def padded(**fields: object) -> bytes:
    return json.dumps({"id": "t", "status": "running", "padding": "x" * PADDING, **fields}).encode()


def test_a_small_snapshot_stays_whole() -> None:
    task = VideoTask(id="t", raw=b'{"id": "t"}')

    assert limit_size(task) is task
    assert limit_size(VideoTask(id="t")).raw == {}


def test_a_large_one_keeps_its_fields_and_says_what_it_dropped() -> None:
    body = b"x" * (MAX_KEPT_BODY + 1)
    task = VideoTask(id="t", status="s" * 99_999, prompt="a boat", progress=0.5, raw=body)

    kept = limit_size(task)

    assert (kept.id, kept.prompt, kept.progress) == ("t", "a boat", 0.5)
    assert len(kept.status) == MAX_KEPT_TEXT
    assert kept.raw == {
        "dropped": "a body of 65537 bytes, of which a wait keeps none; get_task() returns it"
    }


async def test_waits_on_a_server_that_pads_keep_little(sora: FakeSora) -> None:
    for number in range(WAITS):
        sora.script(f"t{number}", raw(padded(prompt="p" * PADDING)), completed())
    async with SoraClient(
        base_url=sora.url,
        api_key="sk-0123456789abcdef",
        schedule=Schedule(intervals=[600]),
        rate_limit=RateLimit(rate=None, max_concurrent=2),
    ) as client:
        waits = [client.wait_until_complete(f"t{number}") for number in range(WAITS)]
        tracemalloc.start()
        results = [asyncio.ensure_future(wait.result()) for wait in waits]
        await asyncio.sleep(30)
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        whole = [wait.latest for wait in waits]
        await asyncio.gather(*results)

    assert all(event is not None and event.task.phase == "running" for event in whole)
    assert grown < WAITS * PADDING / 4
