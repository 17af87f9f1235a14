"""
An event loop that is held up: by SIGSTOP, a blocking call, or a paused virtual machine.

The clock goes on meanwhile, so all timers are due at once afterwards, and what has arrived is
still unread. None of this may change how an operation ends.
"""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import KEY, client_of

from sora_async import OutageError, Schedule, SoraClient, TaskNotFoundError, WaitTimeoutError
from sora_async.testing import (
    FakeSora,
    Scenario,
    VirtualTimeLoop,
    accepted,
    completed,
    http_error,
    running,
    slow,
    stall,
    unknown_task,
    video_file,
)

LIFE = Scenario(queued=2, running=5)
EXACT = Schedule(intervals=[2.0], jitter=float, first_jitter=float)

Operation = Callable[[FakeSora, SoraClient, Path], Awaitable[bool]]


class HeldUpLoop(VirtualTimeLoop):
    """
    A loop that is held up at the moments given, and at those that a test chooses.

    Attributes:
        hold_ups: Seconds, by how often the clock was read before.
    """

    def __init__(self) -> None:
        self.hold_ups: Mapping[int, float] = {}
        self.held_up = 0.0
        self.reads = 0
        super().__init__()

    def time(self) -> float:
        self.reads += 1
        self.held_up += self.hold_ups.get(self.reads, 0.0)
        return super().time() + self.held_up


def run(operation: Operation, hold_ups: Mapping[int, float] | None = None) -> tuple[bool, int]:
    """Return whether an operation ended well, and how often it has read the clock."""

    async def main() -> tuple[bool, int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, HeldUpLoop)
        async with FakeSora(api_key=KEY, default_scenario=LIFE) as sora:
            options: Any = {"schedule": EXACT, "outage_timeout": 60.0}
            async with client_of(sora, **options) as client:
                loop.hold_ups, loop.reads = hold_ups or {}, 0
                is_good = await operation(sora, client, Path(folder))
                return is_good, loop.reads

    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=HeldUpLoop) as runner:
        return runner.run(main())


async def wait_with_a_timeout(sora: FakeSora, client: SoraClient, folder: Path) -> bool:
    task_id = sora.add(Scenario(queued=5, running=20))
    return (await client.wait_until_complete(task_id, timeout=60)).is_complete


async def wait_through_an_outage(sora: FakeSora, client: SoraClient, folder: Path) -> bool:
    sora.script("task_1", running(0.1), *[http_error(503)] * 5, completed())
    waiting = client.wait_until_complete("task_1", timeout=None)
    return (await waiting).is_complete


async def wait_for_a_task_that_appears_late(
    sora: FakeSora, client: SoraClient, folder: Path
) -> bool:
    sora.script("task_1", *[unknown_task()] * 5, running(0.1), completed())
    return (await client.wait_until_complete("task_1", timeout=None)).is_complete


async def wait_for_a_late_url(sora: FakeSora, client: SoraClient, folder: Path) -> bool:
    sora.script("task_1", running(0.1), *[completed(url=None)] * 6, completed())
    waiting = client.wait_until_complete("task_1", timeout=None, until="video_url")
    return (await waiting).is_complete


async def create_and_wait(sora: FakeSora, client: SoraClient, folder: Path) -> bool:
    task = await client.create_and_wait(prompt="a boat", timeout=None)
    return task.is_complete and len(sora.tasks) == 1


async def call(sora: FakeSora, client: SoraClient, folder: Path) -> bool:
    task_id = sora.add(Scenario(queued=5, running=5))
    listed = [task.id async for task in client.list_tasks()]
    return listed == [task_id] and (await client.get_task(task_id)).id == task_id


async def download(sora: FakeSora, client: SoraClient, folder: Path) -> bool:
    sora.script("task_1", completed())
    sora.script_file("task_1", video_file(700_000))
    file = await client.download("task_1", folder / "a.mp4")
    return file.size == 700_000


async def download_what_content_has_late(sora: FakeSora, client: SoraClient, folder: Path) -> bool:
    sora.script("task_1", completed(url=None))
    sora.script_file("task_1", *[http_error(404)] * 2, video_file(70_000), at="content")
    return (await client.download("task_1", folder / "a.mp4")).size == 70_000


async def make_a_batch(sora: FakeSora, client: SoraClient, folder: Path) -> bool:
    outcomes = [one async for one in client.batch(["a", "b"], output_dir=folder)]
    return all(one.error is None for one in outcomes) and len(sora.tasks) == 2


OPERATIONS = [
    wait_with_a_timeout,
    wait_through_an_outage,
    wait_for_a_task_that_appears_late,
    wait_for_a_late_url,
    create_and_wait,
    call,
    download,
    download_what_content_has_late,
    make_a_batch,
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.__name__)
@settings(max_examples=40)
@given(st.floats(0, 1), st.sampled_from([40.0, 90.0, 200.0, 86_400.0]) | st.floats(0, 1e6))
def test_it_changes_no_outcome(operation: Operation, part: float, seconds: float) -> None:
    _, reads = run(operation)

    is_good, _ = run(operation, {1 + int(part * (reads - 1)): seconds})

    assert is_good


def hold_up(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HeldUpLoop)
    loop.held_up += seconds


def run_test(test: Callable[[FakeSora, SoraClient], Awaitable[None]]) -> None:
    async def operation(sora: FakeSora, client: SoraClient, folder: Path) -> bool:
        await test(sora, client)
        return True

    run(operation)


def test_a_service_that_is_away_afterwards_too_is_an_outage_of_its_usual_length() -> None:
    async def test(sora: FakeSora, client: SoraClient) -> None:
        loop = asyncio.get_running_loop()
        sora.script("task_1", running(0.1), http_error(503))
        loop.call_later(20.0, hold_up, 1000.0)

        with pytest.raises(OutageError) as caught:
            await client.wait_until_complete("task_1", timeout=None)

        assert 1055 < loop.time() < 1075
        assert caught.value.outage == pytest.approx(60, abs=2)

    run_test(test)


def test_a_task_that_is_unknown_afterwards_too_is_unknown() -> None:
    async def test(sora: FakeSora, client: SoraClient) -> None:
        sora.script("task_1", unknown_task())
        asyncio.get_running_loop().call_later(5.0, hold_up, 1000.0)

        with pytest.raises(TaskNotFoundError):
            await client.wait_until_complete("task_1", timeout=None)

        assert 1028 < asyncio.get_running_loop().time() < 1035

    run_test(test)


@pytest.mark.parametrize("before", [0.2, 1.5, 10.0])
def test_a_timeout_that_was_over_meanwhile_ends_a_wait_after_one_more_poll(before: float) -> None:
    async def test(sora: FakeSora, client: SoraClient) -> None:
        loop = asyncio.get_running_loop()
        done = sora.add(Scenario(queued=5, running=500))
        going_on = sora.add(Scenario(queued=5, running=5000))
        stalled = sora.script("task_1", running(0.1), stall())
        loop.call_later(60.0 - before, hold_up, 1000.0)
        waits = [client.wait_until_complete(one, timeout=60) for one in (done, going_on, stalled)]

        video, *others = await asyncio.gather(*waits, return_exceptions=True)

        assert getattr(video, "is_complete", False)
        assert [type(one) for one in others] == [WaitTimeoutError, WaitTimeoutError]
        assert len(sora.polls(going_on)) > 20
        assert loop.time() == pytest.approx(1060.0 - before + 5.0, abs=0.5)

    run_test(test)


def test_a_hold_up_shortly_before_the_timeout_is_followed_by_one_more_poll() -> None:
    async def test(sora: FakeSora, client: SoraClient) -> None:
        loop = asyncio.get_running_loop()
        task_id = sora.add(Scenario(queued=5, running=50))
        slow_polls = Schedule(intervals=[100.0], jitter=float, first_jitter=float)
        loop.call_later(30.0, hold_up, 29.5)

        task = await client.wait_until_complete(task_id, timeout=60, schedule=slow_polls)

        assert task.is_complete
        assert loop.time() == pytest.approx(60, abs=0.5)

    run_test(test)


def test_a_wait_whose_create_was_under_way_knows_its_task() -> None:
    async def test(sora: FakeSora, client: SoraClient) -> None:
        watch = client.create_and_wait(prompt="a boat", timeout=60)
        waiting = asyncio.ensure_future(watch.result())
        while not sora.tasks:
            await asyncio.sleep(0)
        hold_up(1000.0)

        assert (await waiting).is_complete
        assert watch.task_id == sora.tasks[0].id

    run_test(test)


def test_a_download_reads_on_although_its_timeout_is_over() -> None:
    async def test(sora: FakeSora, client: SoraClient) -> None:
        sora.script("task_1", completed())
        sora.script_file("task_1", video_file(700_000))
        with tempfile.TemporaryDirectory() as folder:
            download = client.download("task_1", Path(folder, "a.mp4"), timeout=60)
            async for event in download:
                if event.received and asyncio.get_running_loop().time() < 1000:
                    hold_up(1000.0)

            assert (await download).size == 700_000
        assert len(sora.cdn_requests) == 1

    run_test(test)


def test_a_client_that_is_closed_reads_the_response_to_a_create() -> None:
    async def test(sora: FakeSora, client: SoraClient) -> None:
        sora.on_create(slow(1.0, accepted()))
        creating = asyncio.ensure_future(client.create_task(prompt="a boat"))
        while not sora.requests:
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.9, hold_up, 1000.0)

        await client.close()

        assert (await creating).id == sora.tasks[0].id

    run_test(test)


STOPPED = """
import asyncio, sys
from sora_async import Schedule, SoraClient

async def main(url, key, path):
    options = dict(schedule=Schedule(intervals=[0.2]), outage_timeout=1.5, request_timeout=1.0)
    async with SoraClient(base_url=url, api_key=key, **options) as client:
        print("ready", flush=True)
        watch = client.create_and_wait(prompt="a boat", timeout=4.0)
        print((await client.download(watch, path)).size, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("after", [0.1, 0.5])
def test_a_process_that_is_stopped_goes_on(after: float, tmp_path: Path) -> None:
    """In real time, with a service in another process, which goes on meanwhile."""

    async def main() -> bytes:
        async with FakeSora(api_key=KEY, default_scenario=Scenario(queued=0.5, running=2)) as sora:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", STOPPED, sora.url, KEY, str(tmp_path / "a.mp4")),
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            await process.stdout.readline()
            await asyncio.sleep(after)
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(4)
            process.send_signal(signal.SIGCONT)
            output, _ = await process.communicate()
            assert len(sora.tasks) == 1
            return output

    assert int(asyncio.run(main())) == (tmp_path / "a.mp4").stat().st_size > 0
