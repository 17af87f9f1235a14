"""
The part file of a download: what has come so far, where it is from, and how it becomes the file.

All of it blocks, and is called from threads.
"""

import contextlib
import errno
import hashlib
import os
import stat
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from .._wire.media_types import ENOUGH, find_video_type
from .request import IfExists
from .resume_info import ResumeInfo, read_note, write_mark, write_origin

if sys.platform != "win32":  # pragma: no branch
    import fcntl

BUSY = "another download is writing this file"

PART, NOTE = ".part", ".part.note"
"""How the names of a part file and of its note end."""

LONGEST_NAME = 240
"""Bytes of a name to which those ends can be added; a longer one is replaced by its checksum."""

_BLOCK = 1 << 20
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems say that have no hard links."""


class PartFile:
    """
    A part file that is open, with its note beside it.

    The note begins with the origin, and gets a line for each write: how many bytes there are then,
    and their checksum. So what a crash, a full disk or a stranger has damaged is found out when
    the file is opened again, and the part before the damage is still of use.

    It is locked while it is open: two downloads to one path would write into each other's file.

    Attributes:
        origin: Where its bytes are from.
        size: How many of them there are.
        published: Whether it has become the file; *content_type* is then what it is.
    """

    def __init__(self, target: Path, source: str) -> None:
        name = target.name
        if len(os.fsencode(name)) > LONGEST_NAME:
            name = hashlib.sha256(os.fsencode(name)).hexdigest()
        self.target = target
        self.path = target.with_name(name + PART)
        self._note_path = target.with_name(name + NOTE)
        self._lock = threading.Lock()
        self._checksum = 0
        self.size = 0
        self.published = False
        self.content_type: str | None = None
        self.origin = ResumeInfo(source=source)
        self._file = _open_locked(self.path)
        self._note = -1
        try:
            self._note = _open_regular(self._note_path, os.O_APPEND)
            self._restore()
        except BaseException:
            self.close()
            raise

    def begin(self, origin: ResumeInfo) -> None:
        """Throw away what is there: the file comes from its beginning, and from this origin."""
        with self._lock:
            self.size = self._checksum = 0
            self.origin = origin
            os.ftruncate(self._note, 0)
            os.ftruncate(self._file, 0)
            _write(self._note, write_origin(origin))

    def write(self, chunks: Sequence[bytes]) -> None:
        """Add bytes at the end; after an error there are as many as before."""
        with self._lock:
            os.lseek(self._file, self.size, os.SEEK_SET)
            size, checksum = self.size, self._checksum
            for chunk in chunks:
                _write(self._file, chunk)
                size, checksum = size + len(chunk), zlib.crc32(chunk, checksum)
            _write(self._note, write_mark(size, checksum))
            self.size, self._checksum = size, checksum

    def missing(self) -> int:
        """Return how many bytes a file that has come whole lacks by its own account."""
        with self._lock:
            return missing_bytes(self._read, self.size)

    def publish(self, if_exists: IfExists) -> None:
        """
        Let the part file become the file, at once and as a whole.

        Raises:
            FileExistsError: A file has appeared under the path, and is not to be touched.
        """
        with self._lock:
            if not _is_at(self._file, self.path):
                raise FileNotFoundError(errno.ENOENT, f"{self.path.name} was taken away")
            os.ftruncate(self._file, self.size)
            os.fsync(self._file)
            self.content_type = find_video_type(self._read(0, ENOUGH))
            if sys.platform == "win32":  # pragma: no cover - an open file cannot be renamed there
                os.close(self._file)
                self._file = -1
            if if_exists == "overwrite":
                self.path.replace(self.target)
            else:
                move_without_harm(self.path, self.target)
            _sync_directory(self.target.parent)
            self.published = True
            self._note_path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Let nothing of it remain when it is closed."""
        self.size = 0

    def close(self) -> None:
        """Close the file, and leave it for another download to go on with if it holds anything."""
        with self._lock:
            if self.size == 0:
                _remove(self._note, self._note_path)
                _remove(self._file, self.path)
            for one in {self._file, self._note} - {-1}:
                os.close(one)
            self._file = self._note = -1

    def _read(self, position: int, size: int) -> bytes:
        os.lseek(self._file, position, os.SEEK_SET)
        return os.read(self._file, size)

    def _restore(self) -> None:
        """Find out how much of what an earlier download has left is of use."""
        text = _read_all(self._note)
        good = 0
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            origin, marks = read_note(text)
            if origin.source == self.origin.source:
                for mark in marks:
                    length = mark.size - self.size
                    if _checksum(self._file, length, self._checksum) != mark.checksum:
                        break
                    self.size, self._checksum, good = mark.size, mark.checksum, mark.end
                if self.size:
                    self.origin = origin
        # To cut off takes no room, and the disk may be full.
        os.ftruncate(self._note, good)
        os.ftruncate(self._file, self.size)


_CREATE = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def _open_regular(path: Path, flags: int = 0) -> int:
    file = os.open(path, _CREATE | flags, 0o666)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EEXIST, f"{path.name} is there and is no file")
    return file


def _open_locked(path: Path) -> int:
    """Return a part file that nobody else has open, and that has no other name."""
    while True:
        file = _open_regular(path)
        try:
            if sys.platform != "win32":  # pragma: no branch
                _lock(file)
            if os.fstat(file).st_nlink == 1 and _is_at(file, path):
                return file
            # It is a file already, after a crash between its two names; or was renamed just now.
            _remove(file, path)
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock(file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OSError(errno.EBUSY, BUSY) from error
    except OSError:  # pragma: no cover - a network's file system without locks
        pass


def _is_at(file: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), path.lstat())
    return False


def _remove(file: int, path: Path) -> None:
    """Take an open file's name away, if it is still its name."""
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


def _checksum(file: int, size: int, checksum: int) -> int:
    """Return the checksum of all before and of the next bytes; -1 where there are too few."""
    while size:
        block = os.read(file, min(size, _BLOCK)) if size > 0 else b""
        if not block:
            return -1
        size, checksum = size - len(block), zlib.crc32(block, checksum)
    return checksum


def move_without_harm(part: Path, target: Path) -> None:
    """Give a file its name, unless something has that name."""
    try:
        os.link(part, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        move_over_a_reservation(part, target)
    else:
        part.unlink()


def move_over_a_reservation(part: Path, target: Path) -> None:
    """Do the same where there are no hard links: for an instant the file is there, and empty."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        part.replace(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _sync_directory(path: Path) -> None:
    """Let the new name outlive a power cut, where a system can do that."""
    with contextlib.suppress(OSError):
        directory = os.open(path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def check_target(target: Path, if_exists: IfExists) -> tuple[int, str | None] | None:
    """
    Return size and media type of a file that is there already and is to stay; None for none.

    Raises:
        OSError: There is one that is in the way, or no file can be made here.
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
        return None  # whatever forbids to write here has been met now


def missing_bytes(read: Callable[[int, int], bytes], size: int) -> int:
    """
    Return how many bytes an MP4 or QuickTime file lacks at its end, by its own account.

    A service may cut a file and tell the length of what it has left; each box says how long it
    is. A file of another kind, or one that is none of ours to judge, lacks nothing.

    Source: ISO/IEC 14496-12, section 4.2 (boxes).

    Args:
        read: Returns so many bytes (second) from a position (first).
        size: Of the file that is here.
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
