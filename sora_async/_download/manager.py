"""What the downloads of one client share on one loop: places, threads, and their end."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .._http.cancellation import finish_when_cancelled
from .._http.request_queue import RequestQueue
from ..errors import SoraError
from .http_stream import FileHttpClient

MOST_THREADS = 8
"""More would not make a disk faster."""

T = TypeVar("T")


class DownloadManager:
    """
    What the downloads of one client share on one loop.

    Attributes:
        stream: Sends their requests.
        queue: Whose turn it is to ask the service.
        note: Is told of what the service answers, which may slow down all of the client.
        secrets: What no error may show.
        places: How many there may be at once.
    """

    def __init__(
        self,
        stream: FileHttpClient,
        queue: RequestQueue[Any],
        *,
        note: Callable[[str, SoraError], None],
        secrets: tuple[str, ...],
        max_concurrent: int,
    ) -> None:
        self.stream = stream
        self.queue = queue
        self.note = note
        self.secrets = secrets
        self.places = asyncio.Semaphore(max_concurrent)
        self._threads = ThreadPoolExecutor(
            min(max_concurrent, MOST_THREADS), thread_name_prefix="sora_async download"
        )
        self._tasks: dict[asyncio.Task[None], Callable[[], None]] = {}

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """
        Return what a blocking call returns; it is never left alone half done.

        Raises:
            asyncio.CancelledError: After the call has ended.
        """
        loop = asyncio.get_running_loop()
        return await finish_when_cancelled(loop.run_in_executor(self._threads, call, *args))

    def hold(self, task: asyncio.Task[None], close: Callable[[], None]) -> None:
        """Keep a task of a download until it ends; *close* tells the download that we close."""
        self._tasks[task] = close
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def close(self) -> None:
        """End all downloads, and wait until their files are closed."""
        tasks = dict(self._tasks)
        for task, close in tasks.items():
            close()
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.stream.close()
        self._threads.shutdown(wait=False)
