"""The disk as one download uses it: each call in a thread, each error of the system one of ours."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ..errors import DiskFullError, DownloadError, FileWriteError, OutputExistsError
from ..models import VideoFile, VideoTask
from .manager import DownloadManager
from .part_file import PartFile, check_target
from .request import DownloadRequest, IfExists
from .resume_info import ResumeInfo
from .state import DownloadState

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

T = TypeVar("T")


class DownloadFileIO:
    """
    Where one attempt puts what comes.

    Args:
        downloads: Whose threads do the work.
        request: What is fetched.
        if_exists: What to do about a file that is there.

    Attributes:
        request: What is fetched, as far as it is known.
        shown: Where it is fetched from, for errors; None before any request.
        file: The file under its path; None until it is there.
    """

    def __init__(
        self, downloads: DownloadManager, request: DownloadRequest, *, if_exists: IfExists
    ) -> None:
        self.request = request
        self.shown: str | None = None
        self.file: VideoFile | None = None
        self._downloads = downloads
        self._target = Path(request.path)
        self._if_exists = if_exists
        self._parts: list[PartFile] = []

    async def find(self) -> VideoFile | None:
        """Return a file that is there and is to stay; raise what is in the way of a new one."""
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
        self._parts.append(PartFile(self._target, self.request.source))

    async def begin(self, part: PartFile, state: DownloadState) -> None:
        """Empty the part file, and note where what follows is from."""
        origin = ResumeInfo(
            source=self.request.source,
            place=state.place,
            validator=state.validator,
            total=state.total,
        )
        await self.run(part.begin, origin)

    async def publish(self, part: PartFile) -> None:
        """Make the part file the file, unless another one has come and is to stay."""
        try:
            await self.run(part.publish, self._if_exists)
        except OutputExistsError:
            if self._if_exists != "skip":
                raise
            part.drop()

    async def close(self, task: VideoTask | None) -> None:
        """Close the part file, and tell in *file* whether it has become that of *task*."""
        for part in self._parts:
            if part.published:
                self.file = VideoFile(
                    path=self._target, size=part.size, content_type=part.content_type, task=task
                )
            await self.run(part.close)

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """Return what a blocking call returns; an error of the system is one of ours."""
        try:
            return await self._downloads.run(call, *args)
        except OSError as error:
            failure = self._translate(error)
            raise failure from error

    def _translate(self, error: OSError) -> DownloadError:
        task_id, path = self.request.task_id, self.request.path
        reason, code = error.strerror or str(error), error.errno
        if isinstance(error, FileExistsError):
            return OutputExistsError(task_id, path, reason)
        if code in _FULL:
            reason = f"no room on the disk: {reason}"
            return DiskFullError(task_id, path, reason, self.shown, code)
        reason = f"the file cannot be written: {reason}"
        return FileWriteError(task_id, path, reason, self.shown, code)
