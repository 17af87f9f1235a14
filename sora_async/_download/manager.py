"""What the downloads of one client share on one event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from .._http.cancellation import finish_when_cancelled
from .._http.request_queue import RequestQueue
from .._http.running_clock import RunningClock
from ..errors import SoraError
from .http_stream import FileHttpClient

MAX_THREADS = 8
"""More threads would not make a disk faster."""

T = TypeVar("T")


class HeldTask(NamedTuple):
    """The path of a download, and what tells it that the client is being closed."""

    path: Path
    on_close: Callable[[], None]


class DownloadManager:
    """
    What the downloads of one client share on one event loop.

    Attributes:
        http: Sends the requests for files.
        queue: The rate limit of requests to the service.
        clock: By which grace periods count.
        record_error: Is told of each error of the service, which may slow the whole client down.
        secrets: What no error may show.
        slots: Limits how many downloads run at once.
    """

    def __init__(
        self,
        http: FileHttpClient,
        queue: RequestQueue[Any],
        clock: RunningClock,
        *,
        record_error: Callable[[str, SoraError], None],
        secrets: tuple[str, ...],
        max_concurrent: int,
    ) -> None:
        self.http = http
        self.queue = queue
        self.clock = clock
        self.record_error = record_error
        self.secrets = secrets
        self.slots = asyncio.Semaphore(max_concurrent)
        self._threads = ThreadPoolExecutor(
            min(max_concurrent, MAX_THREADS), thread_name_prefix="sora_async download"
        )
        self._tasks: dict[asyncio.Task[None], HeldTask] = {}

    @property
    def download_count(self) -> int:
        """How many downloads have started and not ended."""
        return len(self._tasks)

    async def run_in_thread(
        self, call: Callable[..., T], *args: Any, on_cancel: Callable[[], None]
    ) -> T:
        """
        Return what a blocking call returns.

        When the caller is cancelled, *on_cancel* is called, to make the call end soon.

        Raises:
            asyncio.CancelledError: After the call has ended: it is never left running.
        """
        future = asyncio.get_running_loop().run_in_executor(self._threads, call, *args)
        return await finish_when_cancelled(future, on_cancel)

    def hold(self, task: asyncio.Task[None], path: str, on_close: Callable[[], None]) -> None:
        """Keep a download's task until it ends; *on_close* is called when the client closes."""
        self._tasks[task] = HeldTask(Path(path).absolute(), on_close)
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def wait_until_released(self, path: str) -> None:
        """Wait for other downloads to *path* that were stopped: they still close its part file."""
        stopping = self._find_stopping(path)
        if stopping:
            await asyncio.wait(stopping)

    def _find_stopping(self, path: str) -> list[asyncio.Task[None]]:
        absolute, current = Path(path).absolute(), asyncio.current_task()
        return [
            task
            for task, held in self._tasks.items()
            if held.path == absolute and task is not current and task.cancelling()
        ]

    async def close(self) -> None:
        """End all downloads, and wait until their files are closed."""
        tasks = dict(self._tasks)
        for task, held in tasks.items():
            held.on_close()
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.http.close()
        self._threads.shutdown(wait=False)
