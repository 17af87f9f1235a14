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

MAX_BOXES = 100_000
"""Boxes that are read to find the end of a file, in about 0.2 s; one of two hours in fragments of
two seconds has 7,200, and millions of empty ones are made to waste time."""

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


def _part_paths(target: Path) -> tuple[Path, Path]:
    """Return the paths of the part file and the note of a file."""
    name = target.name
    if len(os.fsencode(name)) > MAX_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return target.with_name(name + PART), target.with_name(name + NOTE)


class PartFile:
    """
    An open part file, with its note beside it.

    It is locked while it is open: two downloads to one path would write into each other's file.

    Args:
        target: The file that it becomes.
        source: What its bytes must be of, to be kept.
        cancelled: Ends whatever takes long, in a thread, with an error.

    Attributes:
        resume_info: Where its bytes come from.
        size: How many bytes it has.
        published: Whether it has become the file; *content_type* is then its media type.
    """

    def __init__(self, target: Path, source: str, cancelled: threading.Event | None = None) -> None:
        self.target = target
        self.path, self._note_path = _part_paths(target)
        self._lock = threading.Lock()
        self._cancelled = cancelled or threading.Event()
        self._checksum = 0
        self.size = 0
        self.published = False
        self.content_type: str | None = None
        self.resume_info = ResumeInfo(source=source)
        self._file = _open_part(self.path, self._note_path)
        self._note = -1
        try:
            self._note = _open_own(self._note_path, os.O_APPEND)
            self._restore()
        except BaseException:
            if os.fstat(self._file).st_size == 0:
                self._remove()
            self._close_files()
            raise

    def begin(self, resume_info: ResumeInfo) -> None:
        """Drop all bytes: the file comes from its beginning, as *resume_info* says."""
        with self._lock:
            self.size = self._checksum = 0
            self.resume_info = resume_info
            os.ftruncate(self._note, 0)
            os.ftruncate(self._file, 0)
            _write_line(self._note, {"version": 1, **attrs.asdict(resume_info)})

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append bytes; after an error there are as many as before."""
        with self._lock:
            os.lseek(self._file, self.size, os.SEEK_SET)
            size, checksum = self.size, self._checksum
            for chunk in chunks:
                _write(self._file, chunk)
                size, checksum = size + len(chunk), zlib.crc32(chunk, checksum)
            _write_line(self._note, [size, checksum])
            self.size, self._checksum = size, checksum

    def count_missing(self) -> int:
        """Return how many bytes the file lacks at its end, by its own boxes."""
        with self._lock:
            return missing_bytes(self._read, self.size)

    def _raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise OSError(errno.ECANCELED, "the download was cancelled")

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
            is_replaceable = if_exists == "skip" and _is_empty(self.target)
            if if_exists == "overwrite" or is_replaceable:
                self.path.replace(self.target)
            else:
                move_without_overwriting(self.path, self.target)
            self._note_path.unlink(missing_ok=True)
            _sync_directory(self.target.parent)
            self.published = True

    def discard_on_close(self) -> None:
        """Mark the part file as empty, so that :meth:`close` removes it and its note."""
        self.size = 0

    def close(self) -> None:
        """Close the file; one that has any bytes stays, for another download to resume."""
        with self._lock:
            if self.size == 0:
                self._remove()
            self._close_files()

    def _remove(self) -> None:
        """Remove the part file, then its note: one without a note would not be taken for ours."""
        _remove(self._file, self.path)
        if self._note != -1:
            _remove(self._note, self._note_path)

    def _close_files(self) -> None:
        for file in {self._file, self._note} - {-1}:
            os.close(file)
        self._file = self._note = -1

    def _read(self, position: int, size: int) -> bytes:
        self._raise_if_cancelled()
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
                    checksum = self._read_checksum(length)
                    if checksum != checkpoint.checksum:
                        break
                    self.size, self._checksum = checkpoint.size, checkpoint.checksum
                    note_size = checkpoint.end
                if self.size:
                    self.resume_info = info
        # Truncating takes no space, and the disk may be full.
        os.ftruncate(self._note, note_size)
        os.ftruncate(self._file, self.size)

    def _read_checksum(self, size: int) -> int:
        """Return the checksum of the bytes before and the next *size*; -1 if there are fewer."""
        checksum = self._checksum
        while size:
            self._raise_if_cancelled()
            block = os.read(self._file, min(size, _BLOCK)) if size > 0 else b""
            if not block:
                return -1
            size, checksum = size - len(block), zlib.crc32(block, checksum)
        return checksum


def missing_bytes(read: Callable[[int, int], bytes], size: int) -> int:
    """
    Return how many bytes an MP4 or QuickTime file lacks at its end, by its own boxes.

    A service may cut a file and tell the length of what is left; each box says how long it is. A
    file of another kind, one with boxes that cannot be read, or one of more than
    :data:`MAX_BOXES`, lacks nothing as far as can be told.

    Source: ISO/IEC 14496-12, section 4.2 (boxes).

    Args:
        read: Returns so many bytes (second) from a position (first).
        size: Bytes of the file.
    """
    if find_video_type(read(0, ENOUGH)) not in ("video/mp4", "video/quicktime"):
        return 0
    position = 0
    for _ in range(MAX_BOXES):
        if size - position < 16:
            return max(0, position - size)
        head = read(position, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or not all(0x20 <= byte < 0x7F for byte in head[4:8]):
            return 0  # the last box reaches to the end of the file, or this is no box
        position += length
    return 0


_CREATE = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def _open_regular(path: Path, flags: int) -> int:
    """Open a file, and nothing else: to open a named pipe may wait for ever, or wake its reader."""
    with contextlib.suppress(FileNotFoundError):
        _check_regular(path.lstat(), path.name)
    file = os.open(path, flags | _NO_WAIT, 0o666)
    try:
        _check_regular(os.fstat(file), path.name)
    except BaseException:  # pragma: no cover - it was replaced just now
        os.close(file)
        raise
    return file


def _check_regular(found: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, f"{name} is there and is not a regular file")


def _open_own(path: Path, flags: int = 0, *, is_locked: bool = False) -> int:
    """Open or make a file that has no other name: what has one, is also another file."""
    while True:
        file = _open_regular(path, _CREATE | flags)
        try:
            if is_locked:
                _lock(file)
            if os.fstat(file).st_nlink <= 1 and _is_at(file, path):
                return file
            # After a crash between link and unlink it is the file already; or it was just renamed.
            _remove(file, path)
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _open_part(path: Path, note_path: Path) -> int:
    """Open a part file that nobody else has open; bytes without a note are not ours to drop."""
    file = _open_own(path, is_locked=True)
    if os.fstat(file).st_size and not os.path.lexists(note_path):
        os.close(file)
        raise OSError(errno.EINVAL, f"{path.name} is there and is not a part file of a download")
    return file


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


def _write_line(note: int, value: Any) -> None:
    _write(note, json.dumps(value).encode() + b"\n")


def _read_all(file: int) -> bytes:
    blocks: list[bytes] = []
    while block := os.read(file, _BLOCK):
        blocks.append(block)
    return b"".join(blocks)


def _is_empty(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat()
        return stat.S_ISREG(found.st_mode) and found.st_size == 0
    return False


def move_without_overwriting(part: Path, target: Path) -> None:
    """
    Rename a file, unless something has the new name.

    Raises:
        FileExistsError: Something has it.
    """
    try:
        os.link(part, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        rename_unless_exists(part, target)
    else:
        part.unlink()


def rename_unless_exists(part: Path, target: Path) -> None:
    """
    Do the same without hard links.

    What another program makes in the instant between the check and the rename is overwritten.
    To reserve the name first would avoid that, but a kill would then leave an empty file.
    """
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "there is a file already")
    part.rename(target)


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
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise FileExistsError(errno.EEXIST, "there is something that is not a regular file")
    is_dangling = found is None and target.is_symlink()
    if if_exists == "error" and (found is not None or is_dangling):
        raise FileExistsError(errno.EEXIST, "there is a file already")
    if if_exists == "skip" and is_dangling:
        raise FileExistsError(errno.EEXIST, "there is a link to a file that does not exist")
    if if_exists == "skip" and found is not None and found.st_size:
        _remove_leftovers(target)
        return found.st_size, _read_type(target)
    if not target.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"there is no directory {target.parent}")
    with tempfile.TemporaryFile(dir=target.parent):
        return None  # so a file can be written here


def _remove_leftovers(target: Path) -> None:
    """Remove what a kill left while the part file became *target*: its old name, and its note."""
    part_path, note_path = _part_paths(target)
    with contextlib.suppress(OSError):
        if os.path.samestat(part_path.lstat(), target.stat()):
            part_path.unlink()
    if not os.path.lexists(part_path):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            _check_regular(note_path.lstat(), note_path.name)
            decode_note(note_path.read_bytes())  # or it is not ours
            note_path.unlink()


def _read_type(path: Path) -> str | None:
    file = os.open(path, os.O_RDONLY | _NO_WAIT | getattr(os, "O_BINARY", 0))
    try:
        return find_video_type(os.read(file, ENOUGH))
    finally:
        os.close(file)
