"""The files of one download: each call in a thread, each error of the system as one of ours."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ..errors import DiskFullError, DownloadError, FileWriteError, OutputExistsError
from ..models import VideoFile, VideoTask
from .manager import DownloadManager
from .part_file import PartFile, ResumeInfo, check_target
from .request import DownloadRequest, IfExists
from .state import DownloadState

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

T = TypeVar("T")


class DownloadFileIO:
    """
    The part file and the output file of one transfer.

    Attributes:
        request: What to download, with the task's id once it is known.
        display_url: The address it comes from, for errors; None before any request.
        file: The file under its path; None until it is there.
    """

    def __init__(
        self, manager: DownloadManager, request: DownloadRequest, *, if_exists: IfExists
    ) -> None:
        self.request = request
        self.display_url: str | None = None
        self.file: VideoFile | None = None
        self._manager = manager
        self._target = Path(request.path)
        self._if_exists = if_exists
        self._parts: list[PartFile] = []
        self._cancelled = threading.Event()

    async def find_existing(self) -> VideoFile | None:
        """Return a file that is there and stays; raise what prevents a new one."""
        found = await self.run(check_target, self._target, self._if_exists)
        if found is None:
            return None
        size, content_type = found
        return VideoFile(path=self._target, size=size, content_type=content_type)

    async def open(self) -> PartFile:
        """Open the part file; however this ends, :meth:`close` closes it."""
        await self.run(self._open)
        return self._parts[0]

    def _open(self) -> None:
        self._parts.append(PartFile(self._target, self.request.source, self._cancelled))

    async def begin(self, part: PartFile, state: DownloadState) -> None:
        """Empty the part file, and write down where its bytes will come from."""
        resume_info = ResumeInfo(
            source=self.request.source,
            url_digest=state.url_digest,
            validator=state.validator,
            total=state.total,
        )
        await self.run(part.begin, resume_info)

    async def publish(self, part: PartFile) -> None:
        """Move the part file to its path, unless another file has appeared there and stays."""
        try:
            await self.run(part.publish, self._if_exists)
        except OutputExistsError:
            if self._if_exists != "skip":
                raise
            part.discard_on_close()

    async def close(self, task: VideoTask | None) -> None:
        """Close the part file; *file* is set if it has become the file of *task*."""
        for part in self._parts:
            if part.published:
                self.file = VideoFile(
                    path=self._target, size=part.size, content_type=part.content_type, task=task
                )
            await self.run(part.close)

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """Return what a blocking call returns; raise an error of the system as one of ours."""
        try:
            return await self._manager.run_in_thread(call, *args, on_cancel=self._cancelled.set)
        except OSError as error:
            failure = self._translate(error)
            raise failure from error

    def _translate(self, error: OSError) -> DownloadError:
        task_id, path = self.request.task_id, self.request.path
        reason, code = error.strerror or str(error), error.errno
        if isinstance(error, FileExistsError):
            return OutputExistsError(task_id, path, reason)
        if code in _DISK_FULL:
            reason = f"no space for the file: {reason}"
            return DiskFullError(task_id, path, reason, self.display_url, code)
        reason = f"the file cannot be written: {reason}"
        return FileWriteError(task_id, path, reason, self.display_url, code)
