"""
The part file of a download: the bytes received so far, and how they become the file.

A note beside it says where the bytes come from, and gets a line for each write: how many bytes
there are then, and the checksum of all of them. So damage by a crash, a full disk or another
program is found when the file is opened again, in the note as well as in the file, and the bytes
before the damage are still used.

Everything here blocks, and is called from threads.
"""

import contextlib
import errno
import hashlib
import json
import os
import stat
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs.validators import instance_of, optional

from .._wire.media_types import ENOUGH, find_video_type
from .file_lock import lock_file
from .request import IfExists

PART, NOTE = ".part", ".part.note"
"""How the names of a part file and of its note end."""

MAX_NAME = 240
"""Bytes of a name to which those ends can be added; a longer one is replaced by its checksum."""

_BLOCK = 1 << 20
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""Errors of a file system without hard links."""


def _check_header(_: object, __: object, text: Any) -> None:
    """Let nothing from a damaged note into a request."""
    if not isinstance(text, str) or not (text.isascii() and text.isprintable()):
        raise ValueError("not a validator")


@attrs.frozen(kw_only=True)
class ResumeInfo:
    """
    Where the bytes of a part file come from.

    Attributes are those of :class:`~sora_async._download.state.DownloadState`; *source* is that of
    :class:`~sora_async._download.request.DownloadRequest`.
    """

    source: str = attrs.field(validator=instance_of(str))
    url_digest: str = attrs.field(default="", validator=instance_of(str))
    validator: str | None = attrs.field(default=None, validator=optional(_check_header))
    total: int | None = attrs.field(default=None, validator=optional(instance_of(int)))


@attrs.frozen
class Checkpoint:
    """How many bytes there were, and their checksum; its line in the note ends at *end*."""

    size: int = attrs.field(validator=instance_of(int))
    checksum: int = attrs.field(validator=instance_of(int))
    end: int


def encode_resume_info(info: ResumeInfo) -> bytes:
    """Return the first line of a note."""
    return _encode_line({"version": 1, **attrs.asdict(info)})


def encode_checkpoint(size: int, checksum: int) -> bytes:
    """Return the line which says that *size* bytes with this checksum are in the part file."""
    return _encode_line([size, checksum])


def _encode_line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def decode_note(text: bytes) -> tuple[ResumeInfo, list[Checkpoint]]:
    """
    Return the content of a note, up to the first line that is damaged: a crash may cut it off.

    Raises:
        ValueError: Nothing can be read; TypeError, KeyError and RecursionError mean the same.
    """
    first, *lines = text.split(b"\n")
    fields = json.loads(first)
    if fields.pop("version") != 1:
        raise ValueError("a note of another version")
    info, checkpoints, end = ResumeInfo(**fields), list[Checkpoint](), len(first) + 1
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        for line in lines[:-1]:
            end += len(line) + 1
            size, checksum = json.loads(line)
            checkpoints.append(Checkpoint(size, checksum, end))
    return info, checkpoints


class PartFile:
    """
    An open part file, with its note beside it.

    It is locked while it is open: two downloads to one path would write into each other's file.

    Args:
        target: The file that it becomes.
        source: What its bytes must be of, to be kept.

    Attributes:
        resume_info: Where its bytes come from.
        size: How many bytes it has.
        published: Whether it has become the file; *content_type* is then its media type.
    """

    def __init__(self, target: Path, source: str) -> None:
        name = target.name
        if len(os.fsencode(name)) > MAX_NAME:
            name = hashlib.sha256(os.fsencode(name)).hexdigest()
        self.target = target
        self.path = target.with_name(name + PART)
        self._note_path = target.with_name(name + NOTE)
        self._lock = threading.Lock()
        self._checksum = 0
        self.size = 0
        self.published = False
        self.content_type: str | None = None
        self.resume_info = ResumeInfo(source=source)
        self._file = _open_locked(self.path)
        self._note = -1
        try:
            self._note = _open_regular(self._note_path, os.O_APPEND)
            self._restore()
        except BaseException:
            self.close()
            raise

    def begin(self, resume_info: ResumeInfo) -> None:
        """Drop all bytes: the file comes from its beginning, as *resume_info* says."""
        with self._lock:
            self.size = self._checksum = 0
            self.resume_info = resume_info
            os.ftruncate(self._note, 0)
            os.ftruncate(self._file, 0)
            _write(self._note, encode_resume_info(resume_info))

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append bytes; after an error there are as many as before."""
        with self._lock:
            os.lseek(self._file, self.size, os.SEEK_SET)
            size, checksum = self.size, self._checksum
            for chunk in chunks:
                _write(self._file, chunk)
                size, checksum = size + len(chunk), zlib.crc32(chunk, checksum)
            _write(self._note, encode_checkpoint(size, checksum))
            self.size, self._checksum = size, checksum

    def count_missing(self) -> int:
        """Return how many bytes the file lacks at its end, by its own boxes."""
        with self._lock:
            return missing_bytes(self._read, self.size)

    def publish(self, if_exists: IfExists) -> None:
        """
        Move the part file to its path, in one step.

        Raises:
            FileExistsError: A file has appeared under the path, and must not be touched.
        """
        with self._lock:
            if not _is_at(self._file, self.path):
                raise FileNotFoundError(errno.ENOENT, f"{self.path.name} was removed")
            os.ftruncate(self._file, self.size)
            os.fsync(self._file)
            self.content_type = find_video_type(self._read(0, ENOUGH))
            if sys.platform == "win32":  # pragma: no cover - an open file cannot be renamed there
                os.close(self._file)
                self._file = -1
            if if_exists == "overwrite":
                self.path.replace(self.target)
            else:
                move_without_overwriting(self.path, self.target)
            _sync_directory(self.target.parent)
            self.published = True
            self._note_path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Remove the part file and its note when they are closed."""
        self.size = 0

    def close(self) -> None:
        """Close the file; one that has any bytes stays, for another download to resume."""
        with self._lock:
            if self.size == 0:
                _remove(self._note, self._note_path)
                _remove(self._file, self.path)
            for file in {self._file, self._note} - {-1}:
                os.close(file)
            self._file = self._note = -1

    def _read(self, position: int, size: int) -> bytes:
        os.lseek(self._file, position, os.SEEK_SET)
        return os.read(self._file, size)

    def _restore(self) -> None:
        """Find out how many bytes of an earlier download can be used."""
        text = _read_all(self._note)
        note_size = 0
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            info, checkpoints = decode_note(text)
            if info.source == self.resume_info.source:
                for checkpoint in checkpoints:
                    length = checkpoint.size - self.size
                    checksum = _update_checksum(self._file, length, self._checksum)
                    if checksum != checkpoint.checksum:
                        break
                    self.size, self._checksum = checkpoint.size, checkpoint.checksum
                    note_size = checkpoint.end
                if self.size:
                    self.resume_info = info
        # Truncating takes no space, and the disk may be full.
        os.ftruncate(self._note, note_size)
        os.ftruncate(self._file, self.size)


def missing_bytes(read: Callable[[int, int], bytes], size: int) -> int:
    """
    Return how many bytes an MP4 or QuickTime file lacks at its end, by its own boxes.

    A service may cut a file and tell the length of what is left; each box says how long it is. A
    file of another kind, or one with boxes that cannot be read, lacks nothing.

    Source: ISO/IEC 14496-12, section 4.2 (boxes).

    Args:
        read: Returns so many bytes (second) from a position (first).
        size: Bytes of the file.
    """
    if find_video_type(read(0, ENOUGH)) not in ("video/mp4", "video/quicktime"):
        return 0
    position = 0
    while size - position >= 16:
        head = read(position, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or not all(0x20 <= byte < 0x7F for byte in head[4:8]):
            return 0  # the last box reaches to the end of the file, or this is no box
        position += length
    return max(0, position - size)


_CREATE = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def _open_regular(path: Path, flags: int = 0) -> int:
    file = os.open(path, _CREATE | flags, 0o666)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EEXIST, f"{path.name} is there and is not a regular file")
    return file


def _open_locked(path: Path) -> int:
    """Open a part file that nobody else has open, and that has no other name."""
    while True:
        file = _open_regular(path)
        try:
            _lock(file)
            if os.fstat(file).st_nlink == 1 and _is_at(file, path):
                return file
            # After a crash between link and unlink it is the file already; or it was just renamed.
            _remove(file, path)
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock(file: int) -> None:
    try:
        lock_file(file)
    except BlockingIOError as error:
        raise OSError(errno.EBUSY, "another download is writing this file") from error


def _is_at(file: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), path.lstat())
    return False


def _remove(file: int, path: Path) -> None:
    """Remove the name of an open file, if it still is its name."""
    with contextlib.suppress(OSError):
        if _is_at(file, path):
            path.unlink()


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _read_all(file: int) -> bytes:
    blocks: list[bytes] = []
    while block := os.read(file, _BLOCK):
        blocks.append(block)
    return b"".join(blocks)


def _update_checksum(file: int, size: int, checksum: int) -> int:
    """Return the checksum of the bytes before and the next *size*; -1 if there are fewer."""
    while size:
        block = os.read(file, min(size, _BLOCK)) if size > 0 else b""
        if not block:
            return -1
        size, checksum = size - len(block), zlib.crc32(block, checksum)
    return checksum


def move_without_overwriting(part: Path, target: Path) -> None:
    """Rename a file, unless something has the new name."""
    try:
        os.link(part, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        move_over_reservation(part, target)
    else:
        part.unlink()


def move_over_reservation(part: Path, target: Path) -> None:
    """Do the same without hard links: for an instant the target is there, and empty."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        part.replace(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _sync_directory(path: Path) -> None:
    """Let the new name survive a power cut, where the system can do that."""
    with contextlib.suppress(OSError):
        directory = os.open(path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def check_target(target: Path, if_exists: IfExists) -> tuple[int, str | None] | None:
    """
    Return size and media type of a file that is there already and stays; None if there is none.

    Raises:
        OSError: A file is in the way, or none can be written here.
    """
    try:
        found = target.stat()
    except FileNotFoundError:
        found = None
    if found is not None and stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a directory")
    is_there = found is not None or target.is_symlink()
    if is_there and if_exists == "error":
        raise FileExistsError(errno.EEXIST, "there is a file already")
    if found is not None and if_exists == "skip":
        with target.open("rb") as file:
            return found.st_size, find_video_type(file.read(ENOUGH))
    if not target.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"there is no directory {target.parent}")
    with tempfile.TemporaryFile(dir=target.parent):
        return None  # so a file can be written here
