"""One download: awaitable for the file, async-iterable for its events; owns its timeout."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING

import attrs

from .._http.late_timeout import LateTimeout
from .._polling.shared_operation import NOT_BEGUN, SharedOperation
from .._polling.watch import Watch
from .._wire.urls import check_task_id
from ..errors import DownloadInterruptedError, DownloadTimeoutError, SoraError
from ..models import VideoFile, VideoTask
from ..models.repr import brief
from .events import DownloadEvent
from .request import DownloadRequest, IfExists

if TYPE_CHECKING:
    # A program that only waits never imports these: they come with its first download.
    from .manager import DownloadManager
    from .state import DownloadState
    from .transfer import Transfer


@attrs.frozen(kw_only=True)
class DownloadOptions:
    """How a file is downloaded; see :meth:`SoraClient.download`."""

    __repr__ = brief

    if_exists: IfExists
    allow_private: bool
    timeout: float | None


def find_id(source: object) -> str:
    """
    Return the id of the task to download; "" for a wait whose create has not been answered.

    Raises:
        InvalidArgumentError: It is neither a task, nor a wait, nor a possible id.
    """
    if isinstance(source, Watch):
        return source.task_id or ""
    return check_task_id(source.id if isinstance(source, VideoTask) else source)


class Download(SharedOperation[VideoFile, DownloadEvent]):
    """
    A download of one video: await it for the file, iterate it for its events.

    Nothing is sent before the first of the two. Any number of consumers may
    await and iterate one download, one after the other or at once. When the
    last of them leaves, by ``break``, an exception or cancellation, it stops
    and keeps the bytes received so far in a part file; a later consumer, or
    another download of the task to the same path, resumes it.

    A slow consumer gets the newest event, and no queue of old ones; the last
    event, with all bytes, is never left out.

    Made by :meth:`SoraClient.download <sora_async.SoraClient.download>`.
    """

    def __init__(
        self,
        get_task: Callable[[str], Awaitable[VideoTask]],
        find_manager: "Callable[[], DownloadManager]",
        source: str | VideoTask | Watch,
        request: DownloadRequest,
        options: DownloadOptions,
    ) -> None:
        super().__init__()
        # Here, and not while it runs: an ImportError is no error of a download.
        from .state import DownloadState
        from .transfer import Transfer

        self._make_transfer = Transfer
        self._get_task = get_task
        self._find_manager = find_manager
        self._source = source
        self._download_request = request
        self._options = options
        self._task: asyncio.Task[None] | None = None
        self._ends_at: float | None = None
        self._state = DownloadState(request=request)
        self._latest: DownloadEvent | None = None

    @property
    def task_id(self) -> str | None:
        """The task whose video it is; None while the create that it waits for is not answered."""
        source = self._source
        return source.task_id if isinstance(source, Watch) else self._download_request.task_id

    @property
    def path(self) -> str:
        """The file to write."""
        return self._download_request.path

    @property
    def latest(self) -> DownloadEvent | None:
        """The newest event, None before the first; reading it sends nothing."""
        return self._latest

    def __repr__(self) -> str:
        return f"<Download {self.task_id!r}: {self._latest or NOT_BEGUN}>"

    def __await__(self) -> Generator[object, None, VideoFile]:
        """Wait for the file; see :meth:`result`."""
        return self.result().__await__()

    async def result(self) -> VideoFile:
        """
        Return the file, as ``await download`` does.

        This is a coroutine function, as :meth:`asyncio.TaskGroup.create_task` wants it. If it is
        cancelled, and nobody else waits, it returns when the part file is closed.

        Raises:
            DownloadError: The video is not on the disk; its class says why, and what to do.
            TaskFailedError: The task failed: there is no video.
            SoraError: The service did not return the task, or the wait for it has failed.
        """
        try:
            return await self._wait_for_end()
        except asyncio.CancelledError:
            await self._wait_until_stopped()
            raise

    async def _wait_until_stopped(self) -> None:
        if not self._has_ended and self._consumers == 0 and self._task is not None:
            await asyncio.wait([self._task])

    def _advice_for_other_loop(self) -> str:
        return "call download() again in this one"

    def _start(self) -> None:
        assert self._loop is not None
        manager = self._find_manager()
        self._task = self._loop.create_task(self._run(manager), name=f"download {self.task_id}")
        manager.hold(self._task, self.path, self._close)
        self._task.add_done_callback(self._on_task_done)

    def _stop(self) -> None:
        assert self._task is not None
        self._task.cancel()

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if task is self._task and self._consumers and self._end is None:
            # By foreign code, before its first step: nothing else would end the consumers' waits.
            self._finish(self._interrupted("the download was cancelled"))

    def _close(self) -> None:
        if self._consumers:
            self._finish(self._interrupted("the client was closed"))

    def _interrupted(
        self, reason: str, kind: type[DownloadInterruptedError] = DownloadInterruptedError
    ) -> DownloadInterruptedError:
        received = 0 if self._latest is None else self._latest.received
        return attrs.evolve(self._state, size=received).make_interrupted(reason, kind)

    async def _run(self, manager: "DownloadManager") -> None:
        """Bring the file to the disk; every error reaches the consumers."""
        await manager.wait_until_released(self.path)
        transfer = self._make_transfer(
            manager,
            self._download_request,
            if_exists=self._options.if_exists,
            allow_private=self._options.allow_private,
            get_task=self._get_task,
            report=self._on_progress,
        )
        try:
            self._finish(await self._transfer(manager, transfer))
        except asyncio.CancelledError:
            if transfer.file is not None:
                self._finish(transfer.file)  # it had ended already
            raise
        except SoraError as error:
            # Without its frames, which hold bytes that are not written yet.
            self._finish(transfer.file or error.with_traceback(None))
        except Exception as bug:
            self._finish(bug)

    async def _transfer(self, manager: "DownloadManager", transfer: "Transfer") -> VideoFile:
        source, found = self._source, await transfer.find_existing()
        if found is None and isinstance(source, Watch):
            source = await source
            found = await transfer.find_existing()  # a file may have appeared during the wait
        if found is not None:
            return found
        loop, timeout = asyncio.get_running_loop(), self._options.timeout
        if timeout is not None and self._ends_at is None:
            self._ends_at = loop.time() + timeout
        try:
            async with LateTimeout(self._ends_at) as limit, manager.slots:
                return await transfer.run(source if isinstance(source, VideoTask) else None)
        except TimeoutError:
            if not limit.expired():
                raise
        raise self._interrupted(f"not whole after {timeout:g} s", DownloadTimeoutError)

    def _on_progress(self, state: "DownloadState", received: int) -> None:
        self._state = state
        self._publish_event(received, state.total, state.last_error)

    def _publish_event(self, received: int, total: int | None, error: SoraError | None) -> None:
        assert self._loop is not None
        self._latest = DownloadEvent(
            task_id=self._state.request.task_id,
            received=received,
            total=total,
            elapsed=self._loop.time() - self._started,
            last_error=error,
        )
        self._publish()

    def _finish(self, end: VideoFile | BaseException) -> None:
        """Keep the end of the download, and wake all consumers."""
        if self._has_ended:  # pragma: no cover - two ends within one turn of the loop
            return
        self._set_end(end)
        if isinstance(end, VideoFile):
            self._publish_event(end.size, end.size, None)
        else:
            self._publish()
