"""Waits in SAQ's workers, beside a real Redis."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_asyncio
from aiohttp import test_utils, web
from support import count_creates
from support.programs import reached

from sora_async import (
    CreateOutcomeUnknownError,
    InvalidArgumentError,
    OutageError,
    OutputExistsError,
    ResponseError,
    Schedule,
    SoraClient,
    TaskFailedError,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from sora_async.dialects import DIALECTS, OPENAI
from sora_async.testing import (
    FakeSora,
    Scenario,
    accepted,
    completed,
    failed,
    http_error,
    reset,
    running,
    slow,
    stall,
)

saq = pytest.importorskip("saq", reason="needs the extra saq: nox -s integrations")

from redis import exceptions as redis_errors  # noqa: E402
from saq.job import Job, Status  # noqa: E402
from saq.queue import JobError  # noqa: E402

from sora_async.integrations.saq import (  # noqa: E402
    VideoQueue,
    create_job,
    read_outcome,
    wait_job,
    worker_settings,
)
from sora_async.integrations.saq.create_once import CreateRecord, create_once  # noqa: E402
from sora_async.integrations.saq.heartbeats import JobRun  # noqa: E402
from sora_async.integrations.saq.reconcile import OPEN_CREATES, TASK_OWNER, CreateReconciler  # noqa: E402

BOAT = {"prompt": "a boat", "seconds": "4"}
SHORT = Scenario(queued=0, running=1.0)
LONG_AGO = {"sora": {"began": 1.0}}
HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "docs" / "examples" / "integrations"
OFTEN = Schedule(intervals=[0.1])
NO_LIST = attrs.evolve(OPENAI, list_path=None)
QUICK = {"schedule": 1, "worker_info": 10, "sweep": 1, "abort": 0.1}


@pytest_asyncio.fixture
async def sora() -> AsyncIterator[FakeSora]:
    async with FakeSora() as server:
        yield server


@pytest_asyncio.fixture
async def openai() -> AsyncIterator[FakeSora]:
    """A service with a list of its tasks, in which there were two before."""
    async with FakeSora(shape="openai", default_scenario=SHORT) as server:
        server.add(task_id="long before", **BOAT)
        server.add(task_id="before", prompt="a ship", seconds="4")
        yield server


@pytest_asyncio.fixture
async def reconciler(queue, openai) -> AsyncIterator[CreateReconciler]:
    async with SoraClient(base_url=openai.url, max_retries=0) as client:
        yield CreateReconciler(queue, client)


@pytest_asyncio.fixture
async def queue(redis_server) -> AsyncIterator[VideoQueue]:
    """The queue, as those see it who enqueue."""
    async with contextlib.AsyncExitStack() as stack:
        yield connect(redis_server.url, stack)


def connect(url: str, stack: contextlib.AsyncExitStack) -> VideoQueue:
    queue = VideoQueue.from_url(url)
    stack.push_async_callback(queue.disconnect)
    return queue


@contextlib.asynccontextmanager
async def worker(
    url: str, sora: FakeSora, *, max_wait: float = 60.0, **options: Any
) -> AsyncIterator[Any]:
    """A worker of its own queue and client, in this process."""

    def make_client() -> SoraClient:
        terms = {"base_url": sora.url, "schedule": OFTEN, "max_retries": 0, **options}
        return SoraClient(**terms)

    async with contextlib.AsyncExitStack() as stack:
        own = connect(url, stack)
        settings = {**worker_settings(own, client=make_client, concurrency=20), "timers": QUICK}
        begin = settings["startup"]

        async def startup(context: Any) -> None:
            await begin(context)
            context["sora_reconciler"].max_wait = max_wait

        one = saq.Worker(**{**settings, "startup": startup})
        working = asyncio.ensure_future(one.start())
        try:
            yield one
        finally:
            one.event.set()
            await working


async def seen(queue: VideoQueue, job: Job, is_so: Callable[[Any], object]) -> Job:
    """Wait until a job in Redis is as expected, and return it."""
    async with asyncio.timeout(60):
        while not is_so(found := await queue.job(job.key)):
            await asyncio.sleep(0.02)
    return found


async def ended(queue: VideoQueue, job: Job) -> Job:
    """Return the job when it has ended."""
    return await seen(queue, job, lambda job: job.status in saq.job.TERMINAL_STATUSES)


async def test_a_job_returns_the_finished_task_as_plain_data(redis_server, queue, sora) -> None:
    sora.script("video", running(0.5), completed())
    async with worker(redis_server.url, sora):
        job = await ended(queue, await queue.enqueue(wait_job("video")))

    task = read_outcome(job)
    assert task.is_complete and task.video_url == job.result["video_url"]
    assert task.raw == job.result["raw"] and job.result["raw"]
    assert job.meta["sora"]["task_id"] == "video"


async def test_a_failure_is_raised_again_and_ends_the_job(redis_server, queue, sora) -> None:
    sora.script("video", failed("moderation_blocked", "No."))
    async with worker(redis_server.url, sora):
        job = await ended(queue, await queue.enqueue(wait_job("video")))

    with pytest.raises(TaskFailedError, match=r"moderation_blocked: No\.") as caught:
        read_outcome(job)
    assert caught.value.failure.code == "moderation_blocked"
    assert (job.status, job.attempts) == (Status.FAILED, 1)


async def test_the_timeout_is_that_of_the_whole_wait(redis_server, queue, sora) -> None:
    sora.script("video", running(0.5))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(wait_job("video", timeout=0.5, attempts=1, meta=LONG_AGO))
        await reached(lambda: sora.requests)
        await asyncio.sleep(0.3)
        late = await queue.job(job.key)
        other = await ended(queue, await queue.enqueue(wait_job("video", timeout=0.5)))

    assert late.status is Status.ACTIVE  # the wait gets at least some seconds in its next run
    with pytest.raises(WaitTimeoutError):
        read_outcome(other)


async def test_heartbeat_and_events_are_written_into_the_job(redis_server, queue, sora) -> None:
    sora.script("video", running(0.25))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(wait_job("video", heartbeat=3, meta={"customer": 17}))
        first = await seen(queue, job, lambda job: job.progress)
        later = await seen(queue, job, lambda job: job.touched != first.touched)
        await queue.abort(later, "enough")
        await ended(queue, job)

    assert later.progress == 0.25
    assert later.meta["customer"] == 17
    assert later.meta["sora"]["event"]["phase"] == "running"


async def test_an_aborted_job_polls_no_more(redis_server, queue, sora) -> None:
    sora.script("video", running(0.5))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(wait_job("video"))
        await reached(lambda: len(sora.requests) > 2)
        await queue.abort(job, "not wanted any more")
        job = await ended(queue, job)
        polls = len(sora.requests)
        await asyncio.sleep(0.3)

    assert len(sora.requests) == polls
    assert job.status is Status.ABORTED
    with pytest.raises(JobError, match="not wanted any more"):
        read_outcome(job)


async def test_a_worker_that_stops_hands_its_waits_over_at_once(redis_server, queue, sora) -> None:
    sora.script("video", running(0.5))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(wait_job("video"))
        await reached(lambda: sora.polls("video"))
    polls = sora.polls("video")
    stopped = asyncio.get_running_loop().time()
    async with worker(redis_server.url, sora):
        await reached(lambda: len(sora.polls("video")) > len(polls))
        sora.script("video", completed())
        job = await ended(queue, job)

    assert sora.polls("video")[len(polls)] - stopped < 10.0  # and not a heartbeat of 20
    assert read_outcome(job).is_complete
    assert job.attempts == 2


async def test_an_outage_pauses_the_job_and_does_not_end_it(redis_server, queue, sora) -> None:
    sora.script("video", running(0.5), http_error(503))
    async with worker(redis_server.url, sora, outage_timeout=0.3):
        job = await queue.enqueue(wait_job("video"))
        job = await seen(queue, job, lambda job: job.status is Status.QUEUED and job.error)

    assert job.retry_delay == 30
    assert job.meta["sora"]["error"]["error"] == OutageError.__name__
    assert await queue.count("queued") == 0  # not yet: it is scheduled


async def test_an_idle_worker_has_few_connections(redis_server, queue, sora) -> None:
    async with contextlib.AsyncExitStack() as stack:
        own = connect(redis_server.url, stack)
        one = saq.Worker(**worker_settings(own, client=lambda: SoraClient(base_url=sora.url)))
        working = asyncio.ensure_future(one.start())
        await asyncio.sleep(0.5)
        clients = await queue.redis.info("clients")
        one.event.set()
        await working

    assert one.concurrency == 1000
    assert clients["connected_clients"] < 20


@pytest.mark.parametrize("is_create", [False, True])
async def test_a_job_that_another_worker_has_is_left_to_it(
    redis_server, queue, sora, is_create: bool
) -> None:
    sora.script("video", running(0.5))
    async with worker(redis_server.url, sora):
        one = create_job(BOAT, heartbeat=3) if is_create else wait_job("video", heartbeat=3)
        job = await queue.enqueue(one)
        await reached(lambda: len(sora.requests) > 3)
        job = await queue.job(job.key)
        await queue.update(job, worker_id="another", attempts=2, meta={"theirs": True})
        polls = -1
        async with asyncio.timeout(60):
            while len(sora.requests) != polls:
                polls = len(sora.requests)
                await asyncio.sleep(1.0)
        job = await queue.job(job.key)

    assert (job.status, job.worker_id, job.meta) == (Status.ACTIVE, "another", {"theirs": True})


async def test_a_result_after_the_job_was_lost_is_not_written(redis_server, queue, sora) -> None:
    sora.script("video", running(0.5))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(wait_job("video", heartbeat=60))
        await reached(lambda: sora.polls("video"))
        await queue.update(await queue.job(job.key), worker_id="another", attempts=2)
        sora.script("video", completed())
        await asyncio.sleep(1.5)
        job = await queue.job(job.key)

    assert (job.status, job.result) == (Status.ACTIVE, None)


async def test_what_another_program_writes_into_the_job_is_kept(redis_server, queue, sora) -> None:
    sora.script("video", running(0.5))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(wait_job("video", heartbeat=3))
        await reached(lambda: sora.polls("video"))
        job = await queue.job(job.key)
        await queue.update(job, meta={**job.meta, "theirs": True})
        written = job.touched
        await seen(queue, job, lambda job: job.touched != written)
        sora.script("video", completed())
        job = await ended(queue, job)

    assert job.meta["theirs"] and job.meta["sora"]["task_id"] == "video"


async def test_a_redis_that_comes_back_empty_costs_no_result(
    redis_server, queue, sora, caplog
) -> None:
    sora.script("video", running(0.5))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(wait_job("video", heartbeat=3))
        await reached(lambda: sora.polls("video"))
        redis_server.stop()
        sora.script("video", completed())
        await asyncio.sleep(6.0)
        polls = len(sora.requests)
        await asyncio.sleep(0.5)
        assert len(sora.requests) == polls  # the video is there
        redis_server.start()
        job = await seen(queue, job, lambda job: job is not None)

    assert read_outcome(job).is_complete
    assert [line for line in caplog.messages if "no heartbeats" in line][1:] == []


async def test_kill_9_costs_the_heartbeat_and_no_result(redis_server, queue, sora) -> None:
    sora.script("video", running(0.5))
    async with contextlib.AsyncExitStack() as stack:
        first = await start_worker(redis_server.url, sora, stack)
        job = await queue.enqueue(wait_job("video", heartbeat=5))
        await reached(lambda: len(sora.requests) > 2)
        began = (await seen(queue, job, lambda job: job.progress)).meta["sora"]["began"]
        first.kill()
        await first.wait()
        await asyncio.sleep(0.2)  # what it had sent arrives
        killed, before = asyncio.get_running_loop().time(), len(sora.polls("video"))
        second = await start_worker(redis_server.url, sora, stack)
        await reached(lambda: len(sora.polls("video")) > before)
        sora.script("video", completed())
        job = await ended(queue, job)
        second.send_signal(signal.SIGTERM)
        assert await second.wait() == 0

    assert sora.polls("video")[before] - killed < 5 + 1 + 12  # heartbeat, sweep, a slow machine
    assert read_outcome(job).is_complete
    assert job.attempts == 2
    assert job.meta["sora"]["began"] == began
    polls = sora.polls("video")
    age = job.meta["sora"]["event"]["elapsed"]
    assert age == pytest.approx(polls[-1] - polls[0], abs=2.0)  # its true one


async def test_a_job_saves_its_video_and_says_where(
    redis_server, queue, sora, tmp_path: Path
) -> None:
    sora.script("video", completed())
    place = tmp_path / "video.mp4"
    async with worker(redis_server.url, sora):
        job = await ended(queue, await queue.enqueue(wait_job("video", save_as=str(place))))

    assert read_outcome(job).is_complete
    assert job.result["file"]["path"] == str(place)
    assert job.result["file"]["size"] == place.stat().st_size > 0


async def test_a_file_of_another_is_left_alone_and_one_of_ours_is_not_saved_twice(
    redis_server, queue, sora, tmp_path: Path
) -> None:
    sora.script("video", completed())
    place = tmp_path / "video.mp4"
    place.write_bytes(b"of another")
    begun = {"sora": {"saving": {}}}
    async with worker(redis_server.url, sora):
        other = await ended(queue, await queue.enqueue(wait_job("video", save_as=str(place))))
        again = wait_job("video", save_as=str(place), attempts=1, meta=begun)
        ours = await ended(queue, await queue.enqueue(again))

    with pytest.raises(OutputExistsError):
        read_outcome(other)
    assert read_outcome(ours).is_complete
    assert place.read_bytes() == b"of another"
    assert sora.cdn_requests == []


async def test_a_create_is_sent_once_and_waited_for(redis_server, queue, sora) -> None:
    sora.on_create(accepted(scenario=SHORT))
    async with worker(redis_server.url, sora):
        job = await ended(queue, await queue.enqueue(create_job(BOAT)))

    [made] = sora.tasks
    assert read_outcome(job).id == made.id == job.meta["sora"]["task_id"]
    assert (made.create.prompt, made.create.seconds) == ("a boat", "4")


async def test_a_worker_that_stops_during_a_create_hands_over_the_id(
    redis_server, queue, sora
) -> None:
    sora.on_create(slow(1.0, accepted(scenario=SHORT)))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(create_job(BOAT))
        await reached(lambda: count_creates(sora))
    async with worker(redis_server.url, sora):
        job = await ended(queue, job)

    assert read_outcome(job).is_complete
    assert (len(sora.tasks), job.attempts) == (1, 2)


async def test_the_outcome_of_a_cancelled_create_is_logged(
    redis_server, queue, sora, caplog
) -> None:
    sora.on_create(slow(1.0, http_error(400, b"no such size")))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(create_job(BOAT))
        await reached(lambda: count_creates(sora))

    [line] = [line for line in caplog.messages if "cancelled during" in line]
    assert "no such size" in line
    assert (await queue.job(job.key)).status is Status.QUEUED  # the next worker may try


async def test_a_worker_that_dies_during_a_wait_causes_no_second_create(
    redis_server, queue, sora
) -> None:
    sora.on_create(accepted(scenario=Scenario(queued=0, running=1e9)))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(create_job(BOAT))
        await reached(lambda: len(sora.requests) > 3)
    job = await queue.job(job.key)
    job.meta = {}  # as SAQ writes it, when it writes what it has read before
    await queue.redis.set(job.id, queue.serialize(job))
    sora.script(sora.tasks[0].id, completed())
    async with worker(redis_server.url, sora):
        job = await ended(queue, job)

    assert read_outcome(job).is_complete
    assert len(sora.tasks) == 1


async def kill_during_create(
    url: str, queue: VideoQueue, sora: FakeSora, stack: contextlib.AsyncExitStack
) -> Job:
    """Return the job of a worker that was killed before the service had answered, long ago."""
    first = await start_worker(url, sora, stack)
    job = await queue.enqueue(create_job(BOAT, heartbeat=2, until="completed"))
    await reached(lambda: count_creates(sora))
    first.kill()
    await first.wait()
    [key] = await queue.redis.keys("sora_async:create:*")
    mark = json.loads(await queue.redis.get(key))
    await queue.redis.set(key, json.dumps({**mark, "at": 1.0}))
    return job


async def test_a_create_whose_worker_died_is_not_sent_again(redis_server, queue, sora) -> None:
    sora.on_create(accepted(stall()))
    async with contextlib.AsyncExitStack() as stack:
        job = await kill_during_create(redis_server.url, queue, sora, stack)
    async with worker(redis_server.url, sora, dialect=NO_LIST):
        job = await ended(queue, job)

    with pytest.raises(
        CreateOutcomeUnknownError, match=r"a worker was lost .* 1970-01-01 00:00:01"
    ):
        read_outcome(job)
    assert (len(sora.tasks), job.attempts, job.status) == (1, 2, Status.FAILED)


async def test_the_task_of_a_create_whose_worker_died_is_found_in_the_list(
    redis_server, queue, openai, caplog
) -> None:
    openai.on_create(accepted(stall(), scenario=SHORT))
    async with contextlib.AsyncExitStack() as stack:
        job = await kill_during_create(redis_server.url, queue, openai, stack)
    async with worker(redis_server.url, openai):
        job = await ended(queue, job)

    made = openai.tasks[-1]
    assert (read_outcome(job).id, job.attempts) == (made.id, 2)
    assert count_creates(openai) == 1
    assert [line for line in caplog.messages if f"the service lists its task {made.id}" in line]
    assert await queue.redis.zcard(OPEN_CREATES) == 0


async def lose(queue: VideoQueue, arguments: dict[str, Any] = BOAT, **mark: Any) -> CreateRecord:
    """Return the record of a create that a worker has marked, long ago, before it died."""
    job = await queue.enqueue(create_job(arguments, until="completed"))
    record = record_of(queue, job)
    known = {"at": 1.0, "arguments": arguments, "newest": "before", "seen": time.time(), **mark}
    await queue.redis.set(record.key, json.dumps(known))
    await queue.redis.zadd(OPEN_CREATES, {record.key: time.time()})
    return record


def record_of(queue: VideoQueue, job: Job) -> CreateRecord:
    return CreateRecord(queue, JobRun(job, b"", {}), job.kwargs["idempotency_key"])


async def create(reconciler: CreateReconciler, job: Job) -> str:
    """Create as a job does that was taken off the queue."""
    arguments = dict(job.kwargs)
    names = ("idempotency_key", "redis_run_id")
    keys = {name: arguments[name] for name in names}
    return await create_once(reconciler, JobRun(job, b"", {}), arguments["arguments"], **keys)


async def find(reconciler: CreateReconciler, record: CreateRecord) -> str | None:
    matches = await reconciler.reconcile(record.key, await record.read())
    return matches.created.get(record.key)


async def test_equal_creates_that_are_lost_at_once_get_a_task_each(
    queue, reconciler, openai
) -> None:
    records = [await lose(queue) for _ in range(8)]
    made = [openai.add(**BOAT) for _ in records]
    found = await asyncio.gather(*(find(reconciler, record) for record in records))

    assert sorted(found) == sorted(made)


async def test_two_jobs_that_were_lost_at_once_get_a_video_each(
    redis_server, queue, openai
) -> None:
    records = [await lose(queue) for _ in range(2)]
    made = [openai.add(**BOAT) for _ in records]
    async with worker(redis_server.url, openai):
        jobs = [await ended(queue, record.run.job) for record in records]

    assert sorted(read_outcome(job).id for job in jobs) == sorted(made)
    assert count_creates(openai) == 0


async def test_a_list_without_such_a_task_is_named_in_the_error(
    redis_server, queue, openai
) -> None:
    record = await lose(queue)
    openai.add(prompt="a car", seconds="4")
    async with worker(redis_server.url, openai):
        job = await ended(queue, record.run.job)

    with pytest.raises(CreateOutcomeUnknownError, match=r"lost .* lists no task like it"):
        read_outcome(job)
    assert count_creates(openai) == 0


async def test_without_a_list_the_outcome_is_unknown(queue, sora) -> None:
    record = await lose(queue)
    async with SoraClient(base_url=sora.url, dialect=NO_LIST) as client:
        with pytest.raises(CreateOutcomeUnknownError) as caught:
            await create(CreateReconciler(queue, client), record.run.job)

    assert isinstance(caught.value.__cause__, UnsupportedOperationError)
    assert not caught.value.is_listed


async def test_a_task_of_a_create_in_flight_is_left_to_it(queue, reconciler, openai) -> None:
    record, other = await lose(queue), await lose(queue, at=time.time())
    first = openai.add(**BOAT)
    finding = asyncio.ensure_future(find(reconciler, record))
    await asyncio.sleep(1.5)
    assert not finding.done()

    await other.save_task_id(first)

    assert await finding is None


async def test_a_task_is_taken_once_all_other_creates_have_theirs(
    queue, reconciler, openai
) -> None:
    record, other = await lose(queue), await lose(queue, at=time.time())
    first, second = openai.add(**BOAT), openai.add(**BOAT)
    finding = asyncio.ensure_future(find(reconciler, record))
    await asyncio.sleep(0.5)

    await other.save_task_id(first)

    assert await finding == second


async def test_a_task_that_may_belong_to_another_image_is_not_taken(queue, openai) -> None:
    record = await lose(queue)
    image = await lose(queue, {**BOAT, "input_reference": "https://example.com/cat.png"})
    made = openai.add(**BOAT)
    async with SoraClient(base_url=openai.url, max_retries=0) as client:
        reconciler = CreateReconciler(queue, client, max_wait=0)

        assert await find(reconciler, image) is None
        assert await find(reconciler, record) is None
        await image.save_task_id("another")
        assert await find(reconciler, record) == made


async def test_a_task_of_another_length_than_the_other_create_is_taken_at_once(
    queue, reconciler, openai
) -> None:
    record = await lose(queue)
    await lose(queue, {**BOAT, "seconds": "8"}, at=time.time())
    made, _ = openai.add(**BOAT), openai.add(prompt=BOAT["prompt"], seconds="8")

    assert await find(reconciler, record) == made


async def test_a_task_taken_by_a_worker_that_died_then_belongs_to_the_create(
    queue, reconciler, openai
) -> None:
    record = await lose(queue)
    openai.add(**BOAT)
    claimed = openai.add(**BOAT)
    await queue.redis.set(TASK_OWNER + claimed, record.key)

    assert await find(reconciler, record) == claimed


async def test_in_an_empty_account_any_task_like_it_belongs_to_the_create(queue) -> None:
    async with (
        FakeSora(shape="openai") as server,
        SoraClient(base_url=server.url, max_retries=0) as client,
    ):
        reconciler = CreateReconciler(queue, client)
        record = await lose(queue, **await reconciler.newest_task())
        made = server.add(**BOAT)

        assert await find(reconciler, record) == made


async def test_creates_share_one_list_request(reconciler, openai) -> None:
    seen = await asyncio.gather(*(reconciler.newest_task() for _ in range(20)))

    assert [request.endpoint for _, request in openai.requests] == ["list"]
    assert {one["newest"] for one in seen} == {"before"}


async def test_a_failed_list_request_keeps_the_newest_task_of_before(reconciler, openai) -> None:
    before = await reconciler.newest_task()
    await openai.close()
    reconciler._newest_expires_at = 0.0  # as if it were a while ago

    assert await reconciler.newest_task() == before


async def test_a_create_waits_some_seconds_for_a_list_that_hangs(queue) -> None:
    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await is_over.wait()

    is_over = asyncio.Event()
    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with SoraClient(base_url=f"http://127.0.0.1:{port}") as client:
            async with asyncio.timeout(60):
                assert await CreateReconciler(queue, client).newest_task() == {}
        is_over.set()


@contextlib.asynccontextmanager
async def client_of_list(tasks: Sequence[dict[str, Any]]) -> AsyncIterator[SoraClient]:
    """A client of a service that has nothing but a list."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({"object": "list", "data": tasks})

    async with (
        test_utils.RawTestServer(answer) as server,
        SoraClient(base_url=str(server.make_url("/")), dialect=OPENAI) as client,
    ):
        yield client


async def test_a_list_in_ascending_order_tells_no_newest_task(queue) -> None:
    tasks = [{"id": f"v{at}", "object": "video", "created_at": at} for at in (1, 2)]

    async with client_of_list(tasks) as client:
        assert await CreateReconciler(queue, client).newest_task() == {}


async def test_a_late_refusal_keeps_the_task_that_was_found(queue) -> None:
    job = await queue.enqueue(create_job(BOAT))
    first, second = record_of(queue, job), record_of(queue, job)
    await first.mark(BOAT, {})
    await second.save_task_id("found")

    await first.discard()

    assert await second.read() == {"task_id": "found"}


async def test_a_worker_that_finds_a_young_mark_waits_for_the_id(redis_server, queue, sora) -> None:
    task_id = sora.add(SHORT)
    job = await queue.enqueue(create_job(BOAT))
    key = record_of(queue, job).key
    await queue.redis.set(key, json.dumps({"at": time.time(), "by": ["another", 1]}))
    async with worker(redis_server.url, sora):
        await asyncio.sleep(0.5)
        await queue.redis.set(key, json.dumps({"task_id": task_id}))
        job = await ended(queue, job)

    assert read_outcome(job).id == task_id
    assert len(sora.tasks) == 1


async def test_a_clock_that_is_set_back_prolongs_no_wait_for_the_id(
    redis_server, queue, sora
) -> None:
    job = await queue.enqueue(create_job(BOAT))
    key = record_of(queue, job).key
    tomorrow = time.time() + 86_400
    await queue.redis.set(key, json.dumps({"at": tomorrow, "by": ["another", 1]}))
    async with worker(redis_server.url, sora, dialect=NO_LIST, max_wait=0.5):
        job = await ended(queue, job)

    with pytest.raises(CreateOutcomeUnknownError):
        read_outcome(job)


@pytest.mark.parametrize("day", [86_400.0, -86_400.0])
async def test_a_clock_that_is_set_during_a_run_makes_no_job_older(queue, day: float) -> None:
    """The clock is set where the state of the job is: it holds the moment of the first run."""
    job = await queue.enqueue(wait_job("video"))
    run = JobRun(job, b"", {})
    began = run.state["began"]
    run.follow_clock()
    unchanged = run.state["began"]
    run.state["began"] = began - day

    age = run.age
    run.follow_clock()
    later = JobRun(job, b"", {})

    assert unchanged == began
    assert age == pytest.approx(0.0, abs=60)
    assert run.state["began"] == pytest.approx(began, abs=60)
    assert later.age == pytest.approx(0.0, abs=60)


async def test_a_refusal_ends_the_job_and_a_429_does_not(redis_server, queue, sora) -> None:
    sora.on_create(http_error(400), http_error(429, headers={"Retry-After": "60"}))
    async with worker(redis_server.url, sora):
        refused = await ended(queue, await queue.enqueue(create_job(BOAT)))
        later = await queue.enqueue(create_job(BOAT))
        later = await seen(queue, later, lambda job: job.error)

    with pytest.raises(ResponseError):
        read_outcome(refused)
    assert (later.status, later.retry_delay) == (Status.QUEUED, 60)
    assert await queue.redis.keys("sora_async:create:*") == []  # nothing was made


async def test_an_unknown_outcome_ends_the_job_and_keeps_the_mark(
    redis_server, queue, sora
) -> None:
    sora.on_create(accepted(reset()))
    async with worker(redis_server.url, sora):
        job = await ended(queue, await queue.enqueue(create_job(BOAT)))

    with pytest.raises(CreateOutcomeUnknownError):
        read_outcome(job)
    assert len(await queue.redis.keys("sora_async:create:*")) == 1


async def test_an_id_that_redis_cannot_save_is_saved_when_it_is_back(
    redis_server, queue, sora, caplog
) -> None:
    sora.on_create(slow(1.0, accepted(scenario=SHORT)))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(create_job(BOAT))
        await reached(lambda: count_creates(sora))
        redis_server.stop()
        await reached(lambda: [line for line in caplog.messages if "cannot save" in line])
        redis_server.start()
        job = await seen(queue, job, lambda job: job is not None)

    assert read_outcome(job).id == sora.tasks[0].id


async def test_a_refusal_that_redis_cannot_record_is_recorded_when_it_is_back(
    redis_server, queue, sora
) -> None:
    sora.on_create(slow(1.0, http_error(400)))
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(create_job(BOAT))
        await reached(lambda: count_creates(sora))
        redis_server.stop()
        await asyncio.sleep(2.0)
        redis_server.start()
        job = await seen(queue, job, lambda job: job is not None)

    with pytest.raises(ResponseError):
        read_outcome(job)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [({}, "prompt"), ({"prompt": "x", "input_reference": b"x"}, "JSON"), ({"prompt": 1}, "prompt")],
)
def test_arguments_that_json_cannot_carry_are_refused(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidArgumentError, match=why):
        create_job(arguments)


def test_a_webhook_that_is_no_bool_is_refused() -> None:
    refused: Any = "no"

    with pytest.raises(InvalidArgumentError, match="webhook: expected True or False, got 'no'"):
        wait_job("task_1", webhook=refused)
    with pytest.raises(InvalidArgumentError, match="webhook: expected True or False, got 'no'"):
        create_job(BOAT, webhook=refused)


async def test_a_killed_worker_among_others_costs_no_video_and_no_second_create(
    redis_server, queue, sora
) -> None:
    sora.on_create(*(accepted(scenario=Scenario(queued=0, running=5.0)) for _ in range(12)))
    async with contextlib.AsyncExitStack() as stack:
        workers = [await start_worker(redis_server.url, sora, stack) for _ in range(2)]
        for number in range(12):
            await queue.enqueue(create_job({"prompt": f"k{number}"}, key=f"k{number}", heartbeat=5))
        await reached(lambda: sum(task.polls > 0 for task in sora.tasks) == 12)
        await asyncio.sleep(1.0)
        workers[0].kill()
        jobs = [await ended(queue, await queue.job(f"k{number}")) for number in range(12)]

    prompts = {task.id: task.create.prompt for task in sora.tasks}
    assert [prompts[read_outcome(job).id] for job in jobs] == [job.key for job in jobs]
    assert len(prompts) == 12
    assert {job.attempts for job in jobs} <= {1, 2}


async def test_the_examples_create_a_video_and_wait_for_it_in_a_worker(redis_server, sora) -> None:
    sora.on_create(accepted(scenario=SHORT))
    async with contextlib.AsyncExitStack() as stack:
        await start_worker(
            redis_server.url, sora, stack, cwd=EXAMPLES, settings="video_worker.settings"
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "enqueue_video.py"),
            cwd=EXAMPLES,
            env=environment(redis_server.url, sora),
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            output, _ = await process.communicate()

    [made] = sora.tasks
    shown = (EXAMPLES / "enqueue_video.txt").read_text("utf-8").split()
    printed = output.decode().split()
    assert printed[:3] == [made.id, *shown[1:3]]
    assert printed[3].startswith(f"{sora.cdn_url}/")


def environment(url: str, sora: FakeSora) -> dict[str, str]:
    mine = {name: text for name, text in os.environ.items() if name != "PYTHONSAFEPATH"}
    return {**mine, "REDIS_URL": url, "SORA_BASE_URL": sora.url}


async def start_worker(
    url: str,
    sora: FakeSora,
    stack: contextlib.AsyncExitStack,
    *,
    cwd: Path = HERE,
    settings: str = "saq_worker.settings",
) -> asyncio.subprocess.Process:
    """Start ``saq saq_worker.settings``, as a user does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "saq", settings), cwd=cwd, env=environment(url, sora)
    )

    async def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    stack.push_async_callback(end)
    return process


async def test_jobs_of_a_dead_worker_go_back_all_at_once_and_first(queue) -> None:
    jobs = [await queue.enqueue(wait_job(f"video_{number}")) for number in range(3)]
    for _ in jobs:
        taken = await queue.dequeue()
        await queue.update(taken, status=Status.ACTIVE, started=1, attempts=1)
        await queue.redis.set(taken.id, queue.serialize(aged(taken)))
    await queue.enqueue(wait_job("new"))

    began = time.monotonic()
    swept = await queue.sweep(lock=1)
    again = await queue.sweep(lock=1)

    assert sorted(swept) == sorted(job.id for job in jobs)
    assert again == []  # another worker does it at the moment
    assert time.monotonic() - began < 5.0  # SAQ itself would take as long for each
    first = await queue.dequeue()
    assert first.kwargs["task_id"] != "new"
    assert (first.status, first.started, first.error) == (Status.QUEUED, 0, "swept")


def aged(job: Job) -> Job:
    job.touched = 1
    return job


async def test_a_job_of_a_worker_that_lives_is_not_touched(queue) -> None:
    job = await queue.enqueue(wait_job("video"))
    taken = await queue.dequeue()
    await queue.update(taken, status=Status.ACTIVE, started=1, attempts=1)

    assert await queue.sweep(lock=1) == []
    assert (await queue.job(job.key)).status is Status.ACTIVE


async def test_a_heartbeat_that_comes_just_in_time_keeps_the_job(queue) -> None:
    await queue.enqueue(wait_job("video"))
    taken = await queue.dequeue()
    await queue.update(taken, status=Status.ACTIVE, started=1)
    stale = queue.serialize(aged(taken)).encode()

    assert not await queue._redeliver(queue.deserialize(stale), stale)
    assert await queue.count("queued") == 0


async def test_a_job_taken_by_a_worker_that_died_before_it_began_goes_back(queue) -> None:
    job = await queue.enqueue(wait_job("video"))
    await queue.dequeue()

    at_first = await queue.sweep(lock=1)
    await queue.redis.delete(queue.namespace("sweep"))
    then = await queue.sweep(lock=1)

    assert (at_first, then) == ([], [job.id])
    assert await queue.count("queued") == 1


async def test_jobs_of_other_functions_are_swept_as_saq_does_it(queue) -> None:
    for retries in (1, 2):
        await queue.enqueue(Job(function="other", key=f"k{retries}", retries=retries, heartbeat=1))
        taken = await queue.dequeue()
        await queue.update(taken, status=Status.ACTIVE, started=1, attempts=1)
        await queue.redis.set(taken.id, queue.serialize(aged(taken)))
    await queue.enqueue(wait_job("gone"))
    gone = await queue.dequeue()
    await queue.redis.delete(gone.id)

    swept = await queue.sweep(lock=1, abort=0.1)

    assert len(swept) == 3
    assert (await queue.job("k1")).status is Status.ABORTED
    assert (await queue.job("k2")).status is Status.QUEUED
    assert await queue.count("active") == 0


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"timeout": 0}, "timeout"), ({"until": "never"}, "until"), ({"save_as": 1}, "path")],
)
def test_wrong_arguments_are_refused_before_the_job_is_enqueued(
    wrong: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=why):
        wait_job("video", **wrong)


async def test_a_job_that_goes_on_has_no_outcome(queue) -> None:
    job = await queue.enqueue(wait_job("video"))

    with pytest.raises(InvalidArgumentError, match="queued"):
        read_outcome(job)


def test_a_job_whose_result_is_damaged_says_so() -> None:
    job = Job(function="sora_wait", status=Status.COMPLETE, result={"id": "x"})

    with pytest.raises(InvalidArgumentError, match=r"job: data: .* phase missing"):
        read_outcome(job)


# --- A Redis that comes back with an old snapshot ---------------------------------------------


async def test_a_redis_that_comes_back_with_a_snapshot_causes_no_second_create(
    redis_server, queue, openai
) -> None:
    openai.on_create(*(accepted(scenario=Scenario(queued=0, running=8.0)) for _ in range(3)))
    prompts = [f"prompt {number}" for number in range(3)]
    for prompt in prompts:
        await queue.enqueue(create_job({"prompt": prompt}, key=prompt, heartbeat=2))
    await queue.redis.save()
    async with worker(redis_server.url, openai, max_wait=3.0):
        await reached(lambda: len(openai.tasks) == 2 + 3)
        redis_server.stop()
        redis_server.start()
        await reached_again(queue)
        jobs = [await ended(queue, await queue.job(prompt)) for prompt in prompts]

    assert [read_outcome(job).prompt for job in jobs] == prompts
    assert count_creates(openai) == 3


async def reached_again(queue: VideoQueue) -> None:
    """Wait until a restarted Redis responds on a new connection."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(redis_errors.ConnectionError):
                await queue.redis.ping()
                return
            await asyncio.sleep(0.05)


async def restarted(redis_server: Any, queue: VideoQueue, job: Job) -> Job:
    """Return the job as it is after a restart of Redis that has lost all marks."""
    await queue.redis.save()
    redis_server.stop()
    redis_server.start()
    await reached_again(queue)
    return await queue.job(job.key)


@pytest_asyncio.fixture
async def quick(queue, openai) -> AsyncIterator[CreateReconciler]:
    """A reconciler that does not wait for creates in flight."""
    async with SoraClient(base_url=openai.url, max_retries=0) as client:
        yield CreateReconciler(queue, client, max_wait=0)


async def test_after_a_restart_the_task_of_a_create_is_found_in_the_list(
    redis_server, queue, quick, openai, caplog
) -> None:
    job = await queue.enqueue(create_job(BOAT))
    made = openai.add(**BOAT)
    job = await restarted(redis_server, queue, job)

    assert await create(quick, job) == made
    assert count_creates(openai) == 0
    assert [line for line in caplog.messages if "Redis was restarted" in line and made in line]


async def test_after_a_restart_a_job_that_was_never_begun_is_created(
    redis_server, queue, quick, openai
) -> None:
    job = await queue.enqueue(create_job(BOAT))
    job = await restarted(redis_server, queue, job)

    task_id = await create(quick, job)

    assert [task.id for task in openai.tasks][2:] == [task_id]


async def test_a_job_that_was_enqueued_after_a_restart_is_created_at_once(
    redis_server, queue, sora
) -> None:
    await restarted(redis_server, queue, await queue.enqueue(wait_job("video")))
    job = await queue.enqueue(create_job(BOAT))

    async with SoraClient(base_url=sora.url, max_retries=0) as client:
        assert await create(CreateReconciler(queue, client), job) == sora.tasks[0].id


async def test_after_a_restart_without_a_list_the_outcome_is_unknown(
    redis_server, queue, sora
) -> None:
    job = await queue.enqueue(create_job(BOAT))
    job = await restarted(redis_server, queue, job)

    async with SoraClient(base_url=sora.url, dialect=NO_LIST) as client:
        with pytest.raises(CreateOutcomeUnknownError, match="Redis was restarted") as caught:
            await create(CreateReconciler(queue, client, max_wait=0), job)

    assert not caught.value.is_listed
    assert caught.value.idempotency_key == job.kwargs["idempotency_key"]
    assert sora.tasks == []


async def test_after_a_restart_the_response_to_a_create_in_flight_is_waited_for(
    redis_server, queue, reconciler
) -> None:
    job = await queue.enqueue(create_job(BOAT))
    job = await restarted(redis_server, queue, job)
    creating = asyncio.ensure_future(create(reconciler, job))
    await asyncio.sleep(1.5)
    assert not creating.done()

    await record_of(queue, job).save_task_id("of the other worker")

    assert await creating == "of the other worker"


async def test_after_a_restart_a_create_with_an_image_is_not_guessed(
    redis_server, queue, quick, openai
) -> None:
    image = {**BOAT, "input_reference": "https://example.com/cat.png"}
    job = await queue.enqueue(create_job(image))
    openai.add(**BOAT)
    job = await restarted(redis_server, queue, job)

    with pytest.raises(CreateOutcomeUnknownError):
        await create(quick, job)


async def test_after_a_restart_a_task_that_a_queued_job_may_have_made_is_not_taken(
    redis_server, queue, quick, openai
) -> None:
    image = {**BOAT, "input_reference": "https://example.com/cat.png"}
    other = await queue.enqueue(create_job(image))
    await queue.enqueue(create_job(BOAT))
    await queue.enqueue(create_job({"prompt": "a car"}))
    await queue.enqueue(wait_job("video"))
    job = await queue.enqueue(create_job(BOAT))
    made = openai.add(**BOAT)
    job = await restarted(redis_server, queue, job)

    with pytest.raises(CreateOutcomeUnknownError):
        await create(quick, job)
    await record_of(queue, other).save_task_id("another")
    await queue.redis.delete(record_of(queue, job).key)

    assert await create(quick, job) == made


async def test_after_a_restart_a_list_without_times_proves_nothing(redis_server, queue) -> None:
    job = await queue.enqueue(create_job(BOAT))
    job = await restarted(redis_server, queue, job)
    async with client_of_list([{"id": "v1", "object": "video"}]) as client:
        with pytest.raises(CreateOutcomeUnknownError):
            await create(CreateReconciler(queue, client, max_wait=0), job)


async def test_a_redis_that_syncs_every_write_loses_no_mark(queue) -> None:
    await queue.redis.config_set("appendonly", "yes")
    everysec = await queue.find_restart("of another run")
    await queue.redis.config_set("appendfsync", "always")
    always = await queue.find_restart("of another run")
    await queue.redis.execute_command("ACL", "SETUSER", "default", "-config")
    forbidden = await queue.find_restart("of another run")

    assert always is None
    assert everysec == pytest.approx(time.time(), abs=60)
    assert forbidden == pytest.approx(time.time(), abs=60)


async def test_a_worker_warns_once_of_a_redis_without_a_log(
    redis_server, queue, sora, caplog
) -> None:
    async with worker(redis_server.url, sora):
        job = await queue.enqueue(wait_job(sora.add(SHORT)))
        await ended(queue, job)
    await queue.redis.config_set("appendonly", "yes")
    await queue.warn_of_persistence()
    told = [line for line in caplog.messages if "appendonly no" in line]
    redis_server.stop()
    await queue.warn_of_persistence()
    redis_server.start()

    assert len(told) == 1
    assert "cannot read the persistence" in caplog.messages[-1]


async def test_a_service_that_deduplicates_gets_the_same_create_again(queue) -> None:
    async with (
        FakeSora(shape="inworld") as server,
        SoraClient(base_url=server.url, dialect=DIALECTS["inworld"]) as client,
    ):
        record = await lose(queue)  # by a worker that died after the service had the create
        made = await client.create_task(**BOAT, idempotency_key=record.idempotency_key)

        assert await create(CreateReconciler(queue, client), record.run.job) == made.id
        assert len(server.tasks) == 1
        assert await record.read() == {"task_id": made.id}


async def test_a_refused_repetition_removes_the_mark(queue) -> None:
    async with FakeSora(shape="inworld") as server:
        server.on_create(http_error(400))
        record = await lose(queue)
        dialect = DIALECTS["inworld"]
        async with SoraClient(base_url=server.url, max_retries=0, dialect=dialect) as client:
            with pytest.raises(ResponseError):
                await create(CreateReconciler(queue, client), record.run.job)

    assert await record.read() == {}


def test_an_idempotency_key_may_be_given() -> None:
    mine = create_job({**BOAT, "idempotency_key": "my key"})
    one, other = create_job(BOAT), create_job(BOAT)

    assert mine.kwargs["idempotency_key"] == "my key"
    assert mine.kwargs["arguments"] == BOAT
    assert one.kwargs["idempotency_key"] != other.kwargs["idempotency_key"]
    assert len(one.kwargs["idempotency_key"]) == 32


# --- Webhooks ---------------------------------------------------------------------------------

NEVER = Schedule(intervals=[3600.0])


async def test_a_notification_makes_the_worker_poll_now(redis_server, queue, sora) -> None:
    sora.script("video", running(0.5), completed())
    async with (
        worker(redis_server.url, sora, schedule=NEVER),
        worker(redis_server.url, sora, schedule=NEVER),
    ):
        job = await queue.enqueue(wait_job("video"))
        await reached(lambda: sora.polls("video"))

        await queue.notify_task("unknown")
        await queue.notify_task("video")
        job = await ended(queue, job)

    assert read_outcome(job).is_complete
    assert len(sora.requests) == 2


async def test_notifications_arrive_after_a_restart_of_redis(redis_server, queue, sora) -> None:
    sora.script("video", running(0.5), completed())
    async with worker(redis_server.url, sora, schedule=NEVER):
        await queue.enqueue(wait_job("video"))
        await reached(lambda: sora.polls("video"))
        redis_server.stop()
        redis_server.start()
        await reached_again(queue)

        async with asyncio.timeout(60):
            while len(sora.polls("video")) < 2:
                await queue.notify_task("video")
                await asyncio.sleep(0.1)


async def test_a_wait_with_webhooks_is_one_that_notifications_end(
    redis_server, queue, sora
) -> None:
    sora.on_create(accepted(scenario=SHORT))
    async with worker(redis_server.url, sora, schedule=NEVER):
        job = await queue.enqueue(create_job(BOAT, webhook=True))
        await reached(lambda: sora.tasks and sora.polls(sora.tasks[0].id))
        await asyncio.sleep(1.5)
        await queue.notify_task(sora.tasks[0].id)
        job = await ended(queue, job)

    assert read_outcome(job).is_complete
    assert job.kwargs["webhook"]
    with_url = create_job({**BOAT, "callback_url": "https://my.example/hook"})
    assert with_url.kwargs is not None and with_url.kwargs["webhook"]
