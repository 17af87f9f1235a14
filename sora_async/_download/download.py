"""One download: awaitable for the file, async-iterable for its events; owns its timeout."""

import asyncio
import copy
from collections.abc import Generator
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

import attrs

from .._polling.subscription import EventIterator
from .._polling.wakes import Waiters, add_waiter, remove_waiter, wake_all
from .._polling.watch import Watch
from .._wire.urls import check_task_id
from ..errors import DownloadInterruptedError, DownloadTimeoutError, SoraError
from ..models import VideoFile, VideoTask
from ..models.repr import brief
from .events import DownloadEvent
from .request import DownloadRequest, IfExists

if TYPE_CHECKING:
    # A program that only waits has no need of these: they come with its first download.
    from .manager import DownloadManager
    from .state import DownloadState
    from .transfer import Transfer


class ManagerProvider(Protocol):
    """What a download needs of its client."""

    async def get_task(self, task_id: str) -> VideoTask:
        """Ask for a task."""

    def _find_download_manager(self) -> "DownloadManager":
        """Return what the downloads of the running loop share."""


@attrs.frozen(kw_only=True)
class DownloadOptions:
    """How a file is downloaded; see :meth:`SoraClient.download`."""

    __repr__ = brief

    if_exists: IfExists
    allow_private: bool
    timeout: float | None


def find_id(source: object) -> str:
    """
    Return the id of what is to be downloaded; "" of a wait that does not know it yet.

    Raises:
        InvalidArgumentError: It is neither a task nor a wait, nor an id that there can be.
    """
    if isinstance(source, Watch):
        return source.task_id or ""
    return check_task_id(source.id if isinstance(source, VideoTask) else source)


class Download:
    """
    A download of one video: await it for the file, iterate it for its events.

    Nothing is sent before the first of the two. Any number of consumers may
    await and iterate one download, one after the other or at once. When the
    last of them leaves, by ``break``, an exception or cancellation, it stops
    and keeps what has come in a part file; a consumer that comes later, or
    another download of the task to the same path, goes on from there.

    A consumer that is slower than the bytes gets the newest event and never a
    queue of old ones; the last event, with all bytes, is never left out.

    Made by :meth:`SoraClient.download <sora_async.SoraClient.download>`.
    """

    def __init__(
        self,
        door: ManagerProvider,
        source: str | VideoTask | Watch,
        request: DownloadRequest,
        options: DownloadOptions,
    ) -> None:
        # Here, and not on the way: it would be no download's error that they cannot be imported.
        from .state import DownloadState
        from .transfer import Transfer

        self._make_fetcher = Transfer
        self._door = door
        self._source = source
        self._download_request = request
        self._terms = options
        self._loop: asyncio.AbstractEventLoop | None = None
        self._holders = 0
        self._task: asyncio.Task[None] | None = None
        self._started = 0.0
        self._ends_at: float | None = None
        self._end: VideoFile | BaseException | None = None
        self._frames: TracebackType | None = None
        self._state = DownloadState(request=request)
        self._latest: DownloadEvent | None = None
        self._version = 0
        self._news: Waiters = None
        self._ends: Waiters = None

    @property
    def task_id(self) -> str | None:
        """Whose video it is; None as long as the create it waits for has not been answered."""
        source = self._source
        return source.task_id if isinstance(source, Watch) else self._download_request.task_id

    @property
    def path(self) -> str:
        """Where it goes."""
        return self._download_request.path

    @property
    def latest(self) -> DownloadEvent | None:
        """The newest event, None before the first; reading it sends nothing."""
        return self._latest

    def __repr__(self) -> str:
        """Return the id and what is known of it."""
        return f"<Download {self.task_id!r}: {self._latest or 'not begun'}>"

    def __await__(self) -> Generator[object, None, VideoFile]:
        """Wait for the file; see :meth:`result`."""
        return self.result().__await__()

    async def result(self) -> VideoFile:
        """
        Return the file, as ``await download`` does.

        This is a coroutine function, as :meth:`asyncio.TaskGroup.create_task` wants it. If it is
        cancelled, and nobody else waits, it returns when the part file is closed.

        Raises:
            DownloadError: The video is not on the disk; the class says why, and what to do.
            TaskFailedError: The task failed: there is no video.
            SoraError: What the service said when it was asked for the task, or what ended the wait.
        """
        self._add_consumer()
        try:
            while self._end is None:
                self._ends = add_waiter(self._ends)
                future = self._ends[-1]
                try:
                    await future
                finally:
                    remove_waiter(self._ends, future)
        finally:
            self._remove_consumer()
            if self._end is None and self._holders == 0 and self._task is not None:
                await asyncio.wait([self._task])
        return self._result_or_raise()

    def __aiter__(self) -> EventIterator[DownloadEvent]:
        """Iterate over the events of the download, the last one with all bytes."""
        return EventIterator(self)

    async def _next(self, version: int) -> int:
        """Return the version of an event newer than a given one; 0 when there will be none."""
        while self._end is None and self._version <= version:
            self._news = add_waiter(self._news)
            future = self._news[-1]
            try:
                await future
            finally:
                remove_waiter(self._news, future)
        if self._version > version and not isinstance(self._end, BaseException):
            return self._version
        self._result_or_raise()
        return 0

    def _add_consumer(self) -> None:
        """Count one more consumer; the first one starts the download, or goes on with it."""
        loop = asyncio.get_running_loop()
        if self._end is not None:
            return
        if self._loop is None:
            self._loop, self._started = loop, loop.time()
        elif self._loop is not loop:
            raise RuntimeError(
                "this Download belongs to another event loop: call download() again in this one"
            )
        if self._holders == 0:
            downloads = self._door._find_download_manager()
            self._task = loop.create_task(
                self._run(downloads, self._task), name=f"download {self.task_id}"
            )
            downloads.hold(self._task, self._close)
            self._task.add_done_callback(self._on_poll_done)
        self._holders += 1

    def _remove_consumer(self) -> None:
        """Count one consumer less; the last one stops the download."""
        if self._end is None:
            self._holders -= 1
            if self._holders == 0 and self._task is not None:
                self._task.cancel()

    def _on_poll_done(self, task: asyncio.Task[None]) -> None:
        if task is self._task and self._holders and self._end is None:
            # By a stranger, before its first step: nobody else would tell those who wait.
            self._finish(self._interrupted("the download was cancelled"))

    def _close(self) -> None:
        if self._holders:
            self._finish(self._interrupted("the client was closed"))

    def _interrupted(
        self, reason: str, kind: type[DownloadInterruptedError] = DownloadInterruptedError
    ) -> DownloadInterruptedError:
        received = 0 if self._latest is None else self._latest.received
        return attrs.evolve(self._state, size=received).interrupted(reason, kind)

    async def _run(self, downloads: "DownloadManager", previous: asyncio.Task[None] | None) -> None:
        """Bring the file; whatever goes wrong in here reaches those who wait."""
        if previous is not None:
            await asyncio.wait([previous])
        fetcher = self._make_fetcher(
            downloads,
            self._download_request,
            if_exists=self._terms.if_exists,
            allow_private=self._terms.allow_private,
            ask=self._door.get_task,
            tell=self._publish,
        )
        try:
            if self._end is None:
                self._finish(await self._fetch(downloads, fetcher))
        except asyncio.CancelledError:
            if fetcher.file is not None:
                self._finish(fetcher.file)  # it was too late to stop
            raise
        except SoraError as error:
            # Without its frames, which hold what is not written.
            self._finish(fetcher.file or error.with_traceback(None))
        except Exception as bug:
            self._finish(bug)

    async def _fetch(self, downloads: "DownloadManager", fetcher: "Transfer") -> VideoFile:
        source, found = self._source, await fetcher.find()
        if found is None and isinstance(source, Watch):
            source = await source
            found = await fetcher.find()  # a wait is long, and a file may have come
        if found is not None:
            return found
        loop, timeout = asyncio.get_running_loop(), self._terms.timeout
        if timeout is not None and self._ends_at is None:
            self._ends_at = loop.time() + timeout
        try:
            async with asyncio.timeout_at(self._ends_at) as limit, downloads.places:
                return await fetcher.fetch(source if isinstance(source, VideoTask) else None)
        except TimeoutError:
            if not limit.expired():
                raise
        raise self._interrupted(f"not whole after {timeout:g} s", DownloadTimeoutError)

    def _publish(self, state: "DownloadState", received: int) -> None:
        """Take note of news, and wake those who iterate."""
        self._state = state
        self._tell(received, state.total, state.fault)

    def _tell(self, received: int, total: int | None, fault: SoraError | None) -> None:
        assert self._loop is not None
        self._latest = DownloadEvent(
            task_id=self._state.request.task_id,
            received=received,
            total=total,
            elapsed=self._loop.time() - self._started,
            fault=fault,
        )
        self._version += 1
        wake_all(self._news)

    def _finish(self, end: VideoFile | BaseException) -> None:
        """Take the end of the download and wake everybody."""
        if self._end is not None:  # pragma: no cover - two ends within one turn of the loop
            return
        self._end = end
        if isinstance(end, VideoFile):
            self._tell(end.size, end.size, None)
        else:
            self._frames = end.__traceback__
        wake_all(self._ends)
        wake_all(self._news)

    def _result_or_raise(self) -> VideoFile:
        """Return the file or raise the error: a copy, for one raised often gathers tracebacks."""
        end = self._end
        if isinstance(end, VideoFile):
            return end
        assert end is not None
        if not isinstance(end, SoraError):
            raise end.with_traceback(self._frames)
        error = copy.copy(end)
        error.__cause__ = end.__cause__
        raise error
