import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from sora_async import OutageError, SoraClient, SoraError, Watch

ADDRESS = os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233")
QUEUE = "videos"
HEARTBEAT = timedelta(seconds=30)


class Videos:
    def __init__(self, client: SoraClient) -> None:
        self._client = client

    @activity.defn
    async def wait_for_video(self, task_id: str) -> str | None:
        already_waited = (datetime.now(UTC) - activity.info().scheduled_time).total_seconds()
        watch = self._client.wait_until_complete(
            task_id, timeout=None, already_waited=max(0.0, already_waited)
        )
        heartbeats = asyncio.create_task(send_heartbeats(watch))
        try:
            return (await watch).video_url
        except OutageError:
            raise  # Temporal starts another attempt
        except SoraError as error:
            kind = type(error).__name__
            raise ApplicationError(str(error), type=kind, non_retryable=True) from error
        finally:
            heartbeats.cancel()
            await asyncio.wait([heartbeats])


async def send_heartbeats(watch: Watch) -> None:
    while True:  # also during a Retry-After, when the wait has no events
        activity.heartbeat(watch.latest and watch.latest.progress)
        await asyncio.sleep(HEARTBEAT.total_seconds() / 3)


@workflow.defn
class VideoWorkflow:
    @workflow.run
    async def run(self, task_id: str) -> str | None:
        return await workflow.execute_activity_method(
            Videos.wait_for_video,
            task_id,
            schedule_to_close_timeout=timedelta(hours=2),
            heartbeat_timeout=HEARTBEAT,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


async def work() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    temporal = await Client.connect(ADDRESS)
    async with SoraClient() as client:
        videos = Videos(client)
        worker = Worker(
            temporal,
            task_queue=QUEUE,
            workflows=[VideoWorkflow],
            activities=[videos.wait_for_video],
            max_concurrent_activities=1000,
            max_cached_workflows=0,  # workflows of one step: any worker can finish them
        )
        async with worker:
            await stop.wait()


async def start(task_id: str) -> None:
    temporal = await Client.connect(ADDRESS)
    run = VideoWorkflow.run
    print(await temporal.execute_workflow(run, task_id, id=f"video-{task_id}", task_queue=QUEUE))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["work"]:
            asyncio.run(work())
        case ["start", task_id]:
            asyncio.run(start(task_id))
