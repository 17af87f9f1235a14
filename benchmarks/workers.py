"""
Workers that are killed, a shared rate limit, and one worker with thousands of waits.

Each benchmark starts a Redis, a fake service and its workers, and prints its figures::

    python -m benchmarks.workers killed      # 300 creates, a worker killed every few seconds
    python -m benchmarks.workers shared      # three processes, 50 requests a second
    python -m benchmarks.workers shared --restart
    python -m benchmarks.workers shared --redis-delay 0.2
    python -m benchmarks.workers crowd       # 3,000 waits in one worker

Needs redis-server, and the extras redis and saq. Figures are in docs/explanation/workers.rst.
"""

import argparse
import asyncio
import contextlib
import functools
import os
import random
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import attrs
from saq.job import TERMINAL_STATUSES, Job, Status

from sora_async import RateLimit, Schedule, SoraClient
from sora_async.integrations.redis import SharedRateLimit
from sora_async.integrations.saq import (
    VideoQueue,
    create_job,
    read_outcome,
    wait_job,
    worker_settings,
)
from sora_async.testing import FakeSora, Scenario, accepted, slow

ROOT = Path(__file__).parent.parent
Process = asyncio.subprocess.Process


def settings() -> object:
    """Return the settings of a worker: ``saq benchmarks.workers.settings``."""
    url = os.environ["REDIS_URL"]
    rate = float(os.environ["RATE"])

    def make_client() -> SoraClient:
        return SoraClient(rate_limit=SharedRateLimit(url=url, rate=rate, burst=5))

    one = worker_settings(VideoQueue.from_url(url), client=make_client, concurrency=4000)
    one["timers"]["sweep"] = 1
    one["id"] = os.environ["WORKER_ID"]
    return one


@attrs.define
class Environment:
    """
    A Redis, a fake service, and the processes that use them.

    Attributes:
        sora: The service; it records requests.
        url: The URL of the Redis.
    """

    sora: FakeSora
    url: str
    _stack: contextlib.AsyncExitStack
    _port: int
    _folder: str
    _redis: Process | None = None

    async def start_redis(self) -> None:
        """Start the Redis, or restart it empty."""
        self._redis = await asyncio.create_subprocess_exec(
            *("redis-server", "--port", str(self._port), "--bind", "127.0.0.1"),
            *("--dir", self._folder, "--save", "", "--loglevel", "warning"),
            stdout=asyncio.subprocess.DEVNULL,
        )
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.close()
                return
            await asyncio.sleep(0.05)

    async def stop_redis(self) -> None:
        """Kill the Redis."""
        await end(self._redis)

    async def start(self, *command: str, **variables: str) -> Process:
        """Start a Python process; it is killed at the end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *command),
            cwd=ROOT,
            env={**os.environ, **variables, "REDIS_URL": self.url, "SORA_BASE_URL": self.sora.url},
            stderr=asyncio.subprocess.DEVNULL,  # where SAQ logs each error again
        )
        self._stack.push_async_callback(end, process)
        return process


async def end(process: Process | None) -> None:
    """Kill a process, if it runs."""
    if process is not None and process.returncode is None:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def environment() -> AsyncIterator[Environment]:
    """Start a Redis and a fake service, and stop them at the end."""
    if shutil.which("redis-server") is None:
        sys.exit("needs redis-server (Debian: apt-get install redis-server)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        sora = await stack.enter_async_context(FakeSora())
        one = Environment(sora, f"redis://127.0.0.1:{port}/0", stack, port, folder)
        await one.start_redis()
        stack.push_async_callback(one.stop_redis)
        yield one


# --- Workers that are killed ------------------------------------------------------------------


async def run_killed_twice(options: argparse.Namespace) -> None:
    """Run the same waits twice: undisturbed, and with a worker killed every few seconds."""
    for is_undisturbed in (True, False):
        async with environment() as one:
            print(
                "undisturbed:" if is_undisturbed else f"a worker killed every {options.every:g} s:"
            )
            await run_killed(one, options, is_undisturbed=is_undisturbed)


async def run_killed(
    one: Environment, options: argparse.Namespace, *, is_undisturbed: bool
) -> None:
    queue = VideoQueue.from_url(one.url)
    workers = [await start_worker(one, f"{number}.0") for number in range(3)]
    await asyncio.sleep(3.0)
    random.seed(7)
    for _ in range(options.waits):
        scenario = Scenario(queued=5, running=random.uniform(0.5, 1.5) * options.seconds)
        one.sora.on_create(slow(0.3, accepted(scenario=scenario)))
    began = time.monotonic()
    keys = [f"job_{number}" for number in range(options.waits)]
    arrivals = asyncio.ensure_future(count_arrivals(queue, keys))
    enqueuing = asyncio.ensure_future(enqueue(queue, keys, options))
    kills: list[tuple[float, list[Job]]] = []
    while not arrivals.done():
        await asyncio.wait([arrivals], timeout=options.every)
        if not is_undisturbed and not arrivals.done():
            kills.append(await kill(one, queue, keys, workers, len(kills)))
    await enqueuing
    print(f"  {options.waits} jobs after {time.monotonic() - began:.0f} s, {len(kills)} kills")
    report(one, await jobs_of(queue, keys), await arrivals, kills)
    await queue.disconnect()


async def enqueue(queue: VideoQueue, keys: Sequence[str], options: argparse.Namespace) -> None:
    """Enqueue jobs one after the other, so that kills hit creates in flight."""
    for key in keys:
        await queue.enqueue(create_job({"prompt": key}, key=key, heartbeat=options.heartbeat))
        await asyncio.sleep(0.1)


async def kill(
    one: Environment, queue: VideoQueue, keys: Sequence[str], workers: list[Process], kills: int
) -> tuple[float, list[Job]]:
    """Kill a worker and start another; return the moment, and the jobs that it held."""
    victim, generation = kills % 3, kills // 3
    name = f"{victim}.{generation}"
    jobs = [job for job in await jobs_of(queue, keys) if job.status is Status.ACTIVE]
    held = [job for job in jobs if job.worker_id == name]
    await end(workers[victim])
    moment = asyncio.get_running_loop().time()
    workers[victim] = await start_worker(one, f"{victim}.{generation + 1}")
    return moment, held


def report(
    one: Environment,
    jobs: Sequence[Job],
    told: dict[str, int],
    kills: Sequence[tuple[float, list[Job]]],
) -> None:
    """Print how all jobs ended."""
    ended_well = [job for job in jobs if job.status is Status.COMPLETE]
    prompts = Counter(task.create.prompt for task in one.sora.tasks)
    prompts_by_id = {task.id: task.create.prompt for task in one.sora.tasks}
    right = sum(prompts_by_id[read_outcome(job).id] == job.key for job in ended_well)
    print(f"  ended: {dict(Counter(how_it_ended(job) for job in jobs))}")
    print(f"  with the right video: {right}")
    print(f"  ends reported for each: {dict(Counter(told.values()))}")
    twice = sum(times > 1 for times in prompts.values())
    print(f"  tasks made: {len(one.sora.tasks)}, creates sent twice: {twice}")
    print(f"  runs of a job: {dict(sorted(Counter(job.attempts for job in jobs).items()))}")
    polls = Counter(r.task_id for _, r in one.sora.requests if r.endpoint == "poll")
    print(f"  polls for each task: {sum(polls.values()) / len(polls):.1f}")
    gaps = sorted(
        moments[0] - moment
        for moment, held in kills
        for job in held
        if (task_id := job.meta.get("sora", {}).get("task_id"))
        if (moments := [at for at in one.sora.polls(task_id) if at > moment])
    )
    if gaps:
        print(f"  from kill to the next poll: {len(gaps)} waits,", end=" ")
        print(f"median {statistics.median(gaps):.1f} s,", end=" ")
        print(f"95 % {gaps[int(0.95 * len(gaps))]:.1f} s, longest {gaps[-1]:.1f} s")


def how_it_ended(job: Job) -> str:
    error = job.meta.get("sora", {}).get("error")
    return error["error"] if error else job.status.value


async def start_worker(one: Environment, worker_id: str, rate: float = 100.0) -> Process:
    command = ("-m", "saq", "--quiet", "benchmarks.workers.settings")
    return await one.start(*command, WORKER_ID=worker_id, RATE=str(rate))


async def jobs_of(queue: VideoQueue, keys: Sequence[str]) -> list[Job]:
    return [job for job in await queue.jobs(keys) if job is not None]


async def count_arrivals(queue: VideoQueue, keys: Sequence[str]) -> dict[str, int]:
    """Count how often the end of each job is reported, until all have ended."""
    told: dict[str, int] = Counter()
    listener = queue.redis.pubsub()
    prefix = queue.job_id("")
    await listener.psubscribe(f"{prefix}*")
    ended = {status.value for status in TERMINAL_STATUSES}
    while len(told) < len(keys):
        message = await listener.get_message(ignore_subscribe_messages=True, timeout=1.0)
        if message and message["data"].decode().rpartition(".")[2].lower() in ended:
            told[message["channel"].decode().removeprefix(prefix)] += 1
    await asyncio.sleep(2.0)
    await listener.aclose()
    return told


# --- A shared rate limit ----------------------------------------------------------------------


async def wait_for_ever(number: int) -> None:
    """Wait for more than the rate limit allows: one of the three processes."""
    rate_limit = SharedRateLimit(url=os.environ["REDIS_URL"], rate=50, burst=5)
    async with SoraClient(rate_limit=rate_limit, schedule=Schedule(intervals=[1.0])) as client:
        async for _ in client.as_completed([f"{number}_{wait}" for wait in range(100)]):
            pass


@contextlib.asynccontextmanager
async def delayed(one: Environment, delay: float) -> AsyncIterator[None]:
    """Have all processes reach the Redis by a port whose responses are late by *delay* seconds."""
    if not delay:
        yield
        return
    loop = asyncio.get_running_loop()
    port = int(one.url.rpartition(":")[2].partition("/")[0])

    async def forward(reader: asyncio.StreamReader, send: Callable[[bytes], object]) -> None:
        while data := await reader.read(65536):
            send(data)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        responses, requests = await asyncio.open_connection("127.0.0.1", port)
        later = functools.partial(loop.call_later, delay, writer.write)
        with contextlib.closing(requests), contextlib.suppress(ConnectionError):
            await asyncio.gather(forward(reader, requests.write), forward(responses, later))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    one.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    try:
        yield
    finally:
        server.close()


async def run_shared(options: argparse.Namespace) -> None:
    """Let three processes share 50 requests a second, and count what arrives."""
    loop = asyncio.get_running_loop()
    async with environment() as one, delayed(one, options.redis_delay):
        for number in range(3):
            for wait in range(100):
                one.sora.add(Scenario(running=1e6), task_id=f"{number}_{wait}")
            await one.start("-m", "benchmarks.workers", "wait", "--number", str(number))
        while len({process_of(request.task_id) for _, request in one.sora.requests}) < 3:
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0 + 20 * options.redis_delay)
        begin = loop.time()
        await asyncio.sleep(options.seconds / 2)
        if options.restart:
            await one.stop_redis()
            await asyncio.sleep(2.0)
            await one.start_redis()
        await asyncio.sleep(options.seconds / 2)
        over = loop.time()
        asked = [(at, process_of(r.task_id)) for at, r in one.sora.requests if begin <= at < over]
    starts = [at for at, _ in asked]
    shares = Counter(process for _, process in asked)
    print(f"requests a second: {len(asked) / (over - begin):.2f} over {over - begin:.0f} s")
    print(f"shares: {', '.join(f'{shares[one] / len(asked):.1%}' for one in sorted(shares))}")
    most = max(sum(1 for one in starts if at <= one < at + 0.1) for at in starts)
    print(f"most in 100 ms: {most}")
    seconds = Counter(int(at - begin) for at in starts)
    print(f"by second: {[seconds[second] for second in range(int(over - begin))]}")


def process_of(task_id: str | None) -> str:
    return (task_id or "").partition("_")[0]


# --- Thousands of waits in one worker ---------------------------------------------------------


async def run_crowd(options: argparse.Namespace) -> None:
    """Measure one worker with thousands of waits: memory and CPU."""
    async with environment() as one:
        queue = VideoQueue.from_url(one.url)
        worker = await start_worker(one, "0.0", rate=RateLimit().rate or 50.0)
        await asyncio.sleep(4.0)
        empty = read_process(worker.pid)
        print(f"idle, concurrency 4,000: {empty[0]:.0f} MB")
        for number in range(options.waits):
            task_id = one.sora.add(Scenario(running=1e6), task_id=f"video_{number}")
            await queue.enqueue(wait_job(task_id))
        while await queue.count("active") < options.waits:
            await asyncio.sleep(0.5)
        await asyncio.sleep(options.waits / 50 + 10)  # each has been polled
        before, polls, began = read_process(worker.pid), len(one.sora.requests), time.monotonic()
        stats = await queue.redis.info("commandstats")
        await asyncio.sleep(options.seconds)
        after, span = read_process(worker.pid), time.monotonic() - began
        commands = calls(await queue.redis.info("commandstats")) - calls(stats)
        redis_clients = (await queue.redis.info("clients"))["connected_clients"]
        print(f"{options.waits} waits: {after[0]:.0f} MB,", end=" ")
        print(f"{(after[0] - empty[0]) * 1e3 / options.waits:.1f} kB for each")
        print(f"CPU: {(after[1] - before[1]) / span:.1%} of a core, over {span:.0f} s")
        print(f"polls: {(len(one.sora.requests) - polls) / span:.1f} a second;", end=" ")
        print(f"Redis: {commands / span:.0f} commands a second, {redis_clients} connections")
        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        await worker.wait()
        queued = await queue.count("queued")
        print(f"SIGTERM: ended after {time.monotonic() - began:.1f} s, {queued} jobs redelivered")
        await queue.disconnect()


def calls(stats: dict[str, dict[str, float]]) -> float:
    """Return how many commands clients have sent, without those that scripts call."""
    inner = {"cmdstat_info", "cmdstat_time", "cmdstat_hmget", "cmdstat_hset", "cmdstat_zadd"}
    inner |= {"cmdstat_zremrangebyscore", "cmdstat_zcard", "cmdstat_expire"}
    inner |= {"cmdstat_get", "cmdstat_set"}
    return sum(one["calls"] for name, one in stats.items() if name not in inner)


def read_process(pid: int) -> tuple[float, float]:
    """Return the memory of a process in megabytes, and its CPU in seconds so far."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    kilobytes = int(status.partition("VmRSS:")[2].split()[0])
    times = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return kilobytes / 1e3, (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    commands = parser.add_subparsers(dest="benchmark", required=True)
    killed = commands.add_parser("killed")
    killed.add_argument("--waits", type=int, default=300)
    killed.add_argument("--seconds", type=float, default=60.0, help="a task's length on average")
    killed.add_argument("--every", type=float, default=6.0, help="seconds between two kills")
    killed.add_argument("--heartbeat", type=int, default=4)
    shared = commands.add_parser("shared")
    shared.add_argument("--seconds", type=float, default=20.0)
    shared.add_argument("--redis-delay", type=float, default=0.0, help="seconds of each response")
    shared.add_argument("--restart", action="store_true", help="restart Redis in the middle")
    crowd = commands.add_parser("crowd")
    crowd.add_argument("--waits", type=int, default=3000)
    crowd.add_argument("--seconds", type=float, default=30.0)
    wait = commands.add_parser("wait", help="one of the processes of the benchmark shared")
    wait.add_argument("--number", type=int)
    options = parser.parse_args()
    if options.benchmark == "wait":
        asyncio.run(wait_for_ever(options.number))
        return
    run = {"killed": run_killed_twice, "shared": run_shared, "crowd": run_crowd}[options.benchmark]
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
