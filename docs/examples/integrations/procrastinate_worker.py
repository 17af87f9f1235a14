import asyncio
import os

from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy

from sora_async import OutageError, SoraClient, SoraError

STALLED = 30.0  # seconds without a heartbeat

app = App(
    connector=PsycopgConnector(conninfo=os.environ.get("DATABASE_URL", "postgresql:///videos")),
    worker_defaults={
        "concurrency": 1000,
        "update_heartbeat_interval": STALLED / 3,
        "stalled_worker_timeout": STALLED,
        "shutdown_graceful_timeout": 1,  # else a worker that stops waits for its jobs
    },
)
client = SoraClient()  # one for all waits of a worker; it opens when it is used

# Procrastinate keeps no results.
FINISH = """
    INSERT INTO videos (id, url, error) VALUES (%(id)s, %(url)s, %(error)s)
    ON CONFLICT (id) DO UPDATE SET url = excluded.url, error = excluded.error
"""


# After an outage, and when its worker has stopped, a wait goes on.
@app.task(
    retry=RetryStrategy(
        max_attempts=100,
        wait=1,
        retry_exceptions={OutageError, asyncio.CancelledError},
    )
)
async def wait_for_video(task_id: str) -> None:
    url = error = None
    try:
        url = (await client.wait_until_complete(task_id, timeout=7200)).video_url
    except OutageError:
        raise
    except SoraError as reason:
        error = str(reason)
    await app.connector.execute_query_async(FINISH, id=task_id, url=url, error=error)


@app.periodic(cron="* * * * * */10")  # the sixth field: every ten seconds
@app.task(queueing_lock="retry_lost_jobs", pass_context=True)
async def retry_lost_jobs(context: JobContext, timestamp: int) -> None:
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
        await app.job_manager.retry_job(job)
