"""A file that is sent along with an order: from a path, from memory, or an open one."""

import asyncio
import contextlib
import inspect
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import attrs

from .._wire.media_types import HEAD, find_media_type, make_name
from .._wire.request_encoder import UploadPart
from ..errors import InvalidArgumentError
from ..models.repr import brief

FileInput = str | os.PathLike[str] | bytes | bytearray | BinaryIO

CHUNK = 256 * 1024
"""Bytes of a file that are in memory at once."""


def is_address(source: object) -> bool:
    """Return whether a reference is an address, which goes to the server as it is."""
    return isinstance(source, str) and source.lower().startswith(("http://", "https://", "data:"))


def check_source(name: str, source: object) -> None:
    """Refuse what is no file, path or bytes."""
    if isinstance(source, str | bytes | bytearray | os.PathLike):
        return
    if isinstance(source, type) or not callable(getattr(source, "read", None)):
        raise InvalidArgumentError(
            f"{name}: expected a path, bytes, a file opened in binary or an address, "
            f"got {type(source).__name__}"
        )


@attrs.frozen(kw_only=True)
class _SharedFile:
    """
    A file that can be read.

    Attributes:
        file: The file, or the bytes.
        head: How it begins.
        start: Where that is; None when it cannot go back there.
        size: Its bytes from there on; None when it cannot tell.
        name: What it is called; None when it has no name.
    """

    __repr__ = brief

    file: Any
    head: bytes
    start: int | None = 0
    size: int | None = None
    name: str | None = None


class FileSource:
    """
    One file to send.

    It is opened before anything is sent, to see that it is there and what it
    is, and read as the connection takes it. All reading is done in threads.

    Args:
        field: What it is to the user, for errors.
        source: A path, bytes, or a file opened in binary. A file is read from
            where it stands, and is not closed.
    """

    def __init__(self, field: str, source: Any) -> None:
        self._field = field
        self._source = source
        self._is_ours = isinstance(source, str | os.PathLike)
        self._opening: asyncio.Future[_SharedFile] | None = None

    async def open(self) -> "OpenFile":
        """
        Return it opened; a path anew each time, and what was given once.

        Raises:
            InvalidArgumentError: It is not there, cannot be read, or is no image and no video.
        """
        opening = self._opening
        if opening is None:
            opening = asyncio.get_running_loop().run_in_executor(None, self._open)
            if not self._is_ours:
                self._opening = opening
        try:
            opened = await asyncio.shield(opening)
        except InvalidArgumentError:
            raise
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise self._flaw(f"cannot be read: {reason}") from error
        except asyncio.CancelledError:
            if self._is_ours:
                opening.add_done_callback(_close_late)
            raise
        try:
            return OpenFile(opened, self._field, self._describe(opened), is_ours=self._is_ours)
        except InvalidArgumentError:
            if self._is_ours:
                opened.file.close()
            raise

    def _describe(self, opened: _SharedFile) -> UploadPart:
        if not opened.head:
            raise self._flaw("is empty, or has been read to its end")
        kind = find_media_type(opened.head, opened.name)
        if kind is None:
            raise self._flaw("is no image or video of a kind that we know, by how it begins")
        return UploadPart(name=opened.name or make_name(kind, self._field), kind=kind)

    def _open(self) -> _SharedFile:
        if isinstance(self._source, bytes | bytearray):
            data = bytes(self._source)
            return _SharedFile(file=data, head=data[:HEAD], size=len(data))
        return self._open_path() if self._is_ours else self._open_file()

    def _open_path(self) -> _SharedFile:
        path = Path(os.fsdecode(self._source))
        if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe may take for ever
            what = "directory" if path.is_dir() else "device or pipe"
            raise self._flaw(f"is a {what} and no file")
        file = path.open("rb")
        try:
            size = os.fstat(file.fileno()).st_size
            return _SharedFile(file=file, head=file.read(HEAD), size=size, name=path.name)
        except BaseException:
            file.close()
            raise

    def _open_file(self) -> _SharedFile:
        file = self._source
        start = size = None
        with contextlib.suppress(AttributeError, OSError, TypeError):
            before = file.tell()
            size = file.seek(0, os.SEEK_END) - before
            file.seek(before)
            start = before
        head = file.read(HEAD)
        if not isinstance(head, bytes):
            if inspect.iscoroutine(head):
                head.close()
            raise self._flaw("gives no bytes: is it a file opened in binary?")
        name = getattr(file, "name", None)
        name = PurePath(name).name if isinstance(name, str) else ""
        return _SharedFile(file=file, head=head, start=start, size=size, name=name or None)

    def _flaw(self, flaw: str) -> InvalidArgumentError:
        shown = f" {os.fspath(self._source)!r}" if self._is_ours else ""
        return InvalidArgumentError(f"{self._field}{shown}: {flaw}")


def _close_late(opening: "asyncio.Future[_SharedFile]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().file.close()


class OpenFile:
    """
    A file that is about to be sent.

    Attributes:
        file: What the server is told of it.
        size: Its bytes; None when it cannot tell.
        can_repeat: Whether it can be read a second time.
    """

    def __init__(self, opened: _SharedFile, field: str, file: UploadPart, *, is_ours: bool) -> None:
        self._opened = opened
        self._is_ours = is_ours
        self._field = field
        self.file = file
        self.size = opened.size
        self.can_repeat = opened.start is not None

    async def chunks(self) -> AsyncIterator[bytes]:
        """
        Yield its bytes, from the first one on.

        Raises:
            OSError: It cannot be read, or has become shorter meanwhile.
        """
        opened = self._opened
        if isinstance(opened.file, bytes):
            for place in range(0, len(opened.file), CHUNK):
                yield opened.file[place : place + CHUNK]
            return
        if opened.start is not None:
            await asyncio.to_thread(opened.file.seek, opened.start + len(opened.head))
        chunk, sent = opened.head, 0
        while chunk:
            yield chunk
            sent += len(chunk)
            left = CHUNK if self.size is None else min(CHUNK, self.size - sent)
            chunk = await asyncio.to_thread(opened.file.read, left) if left > 0 else b""
        if self.size is not None and sent < self.size:
            raise OSError(f"{self._field}: ended after {sent} of {self.size} bytes")

    async def close(self) -> None:
        """Close the file, unless it was given."""
        if self._is_ours:
            await asyncio.to_thread(self._opened.file.close)
