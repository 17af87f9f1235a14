"""The public surface as a type checker sees it; checked by ``nox -s types``, never run."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, assert_type

from sora_async import (
    ETA,
    BatchEvent,
    BatchOutcome,
    Character,
    Dialect,
    Download,
    DownloadEvent,
    DurationHistory,
    Failed,
    Outcome,
    Phase,
    ProgressEvent,
    RateLimit,
    Schedule,
    SoraClient,
    SoraError,
    Succeeded,
    TaskFailedError,
    TaskFailure,
    VideoFile,
    VideoTask,
    WaitTimeoutError,
    Watch,
)
from sora_async.models.detail import Detail, PendingInfo
from sora_async.progress import track


async def check_client(client: SoraClient) -> None:
    async with client as same:
        assert_type(same, SoraClient)
    assert_type(await client.get_task("x"), VideoTask)
    assert_type((await client.get_task("x")).to_dict(), dict[str, Any])
    assert_type(VideoTask.from_dict({}), VideoTask)
    watch = client.wait_until_complete(
        "x", timeout=None, schedule=Schedule(intervals=[1, 2.5]), until="completed"
    )
    assert_type(watch, Watch)
    client.wait_until_complete("x", poll_interval=5, appear_within=60.0, webhook=True)
    client.create_and_wait(prompt="x", callback_url="https://hooks.example/x")
    assert_type(client.notify("x"), bool)
    assert_type(await watch, VideoTask)
    assert_type(watch.latest, ProgressEvent | None)
    async for event in watch:
        assert_type(event, ProgressEvent)
        assert_type(event.progress, float | None)
        assert_type(event.phase, Phase | None)
        assert_type(event.eta, ETA | None)
    async with asyncio.TaskGroup() as group:
        assert_type(group.create_task(watch.result()), asyncio.Task[VideoTask])
    assert_type(await asyncio.gather(watch, watch), tuple[VideoTask, VideoTask])
    client.wait_until_complete("x", until="never")  # type: ignore[arg-type]
    client.get_task(7)  # type: ignore[arg-type, unused-coroutine]


async def check_creates(client: SoraClient) -> None:
    task = await client.create_task(prompt="x", seconds=10, watermark=False, images=["y"])
    assert_type(task, VideoTask)
    watch = client.create_and_wait(prompt="x", seconds="10", input_reference=b"", timeout=None)
    assert_type(watch, Watch)
    assert_type(watch.task_id, str | None)
    with open("x", "rb") as file:  # noqa: PTH123
        await client.create_task(prompt="x", input_reference=file, as_json=True)
    async for task in client.list_tasks(limit=5, order="asc"):
        assert_type(task, VideoTask)
    assert_type(await client.remix_task("x", prompt="y"), VideoTask)
    assert_type(await client.create_character(name="x", video=b""), Character)
    assert_type(await client.get_character("x"), Character)
    assert_type(client.dialect, Dialect)
    SoraClient(dialect="klingon")  # type: ignore[arg-type]
    client.create_task()  # type: ignore[call-arg, unused-coroutine]


async def check_many(ids: AsyncIterator[str]) -> None:
    client = SoraClient(rate_limit=RateLimit(rate=None, burst=5, max_concurrent=10))
    async for outcome in client.as_completed(["x", "y"], max_concurrent=5000):
        assert_type(outcome, Outcome)
        assert_type(outcome.task, VideoTask | None)
        if isinstance(outcome, Failed):
            assert_type(outcome.error, SoraError)
        else:
            assert_type(outcome.task, VideoTask)
        if outcome.error is None:
            assert_type(outcome, Succeeded)
        assert_type(outcome.error, SoraError | None)
        assert_type(outcome.result(), VideoTask)
    async for news in client.events(ids, timeout=None, until="video_url"):
        assert_type(news, ProgressEvent | Outcome)
    assert_type(RateLimit().rate, float | None)
    RateLimit(50)  # type: ignore[call-arg]
    SoraClient(rate_limit=5)  # type: ignore[arg-type]


def check_duration_history(path: Path) -> None:
    duration_history = DurationHistory.load(path)
    assert_type(duration_history, DurationHistory)
    duration_history.save(str(path))
    SoraClient(duration_history=duration_history)


async def check_downloads(client: SoraClient, task: VideoTask, watch: Watch) -> None:
    download = client.download("x", Path("x.mp4"), if_exists="skip", max_size=None, timeout=5)
    assert_type(download, Download)
    assert_type(await download, VideoFile)
    assert_type(await client.download(task, "x.mp4", allow_private=True), VideoFile)
    assert_type(await client.download(watch, "x.mp4", variant="thumbnail"), VideoFile)
    async for event in download:
        assert_type(event, DownloadEvent)
        assert_type(event.total, int | None)
    async with asyncio.TaskGroup() as group:
        assert_type(group.create_task(download.result()), asyncio.Task[VideoFile])
    client.download("x", "x.mp4", if_exists="append")  # type: ignore[arg-type]
    client.download(7, "x.mp4")  # type: ignore[arg-type]


async def check_batch(client: SoraClient) -> None:
    async for outcome in client.batch(["x"], output_dir="videos"):
        assert_type(outcome, BatchOutcome)
        if outcome.file is not None:
            assert_type(outcome.file, VideoFile)
        if outcome.error is not None:
            assert_type(outcome.error, SoraError)
        assert_type(outcome.result(), VideoFile)
    async for news in client.batch_events(["x"], output_dir=Path("videos")):
        assert_type(news, BatchEvent | BatchOutcome)


def check_values(task: VideoTask, error: TaskFailedError | WaitTimeoutError) -> None:
    assert_type(task.phase, Phase)
    assert_type(task.video_url, str | None)
    assert_type(task.raw, Mapping[str, Any])
    assert_type(task.detail, Detail)
    assert_type(task.detail.pending_info, PendingInfo | None)
    assert_type(task.failure, TaskFailure | None)
    if isinstance(error, WaitTimeoutError):
        assert_type(error.last, VideoTask | None)
    else:
        assert_type(error.task, VideoTask)


async def check_progress(client: SoraClient, orders: list[str]) -> None:
    async for event in track(client.wait_until_complete("x")):
        assert_type(event, ProgressEvent)
    async for news in track(client.events(orders), total=2):
        assert_type(news, ProgressEvent | Outcome)
    async for outcome in track(client.as_completed(orders)):
        assert_type(outcome, Outcome)
    async for piece in track(client.download("x", "y")):
        assert_type(piece, DownloadEvent)
