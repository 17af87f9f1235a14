"""The journal of a batch: what was created, in an append-only file that survives a kill."""

import asyncio
import contextlib
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Self, get_args

import attrs

from .._download.file_lock import lock_file
from .._http.cancellation import finish_when_cancelled
from ..errors import JournalError
from ..models import Phase, TaskFailure, VideoTask
from .boot_clock import BootTime, read_boot_time

JournalStage = Literal["creating", "unidentified", "refused", "created", "failed", "saved"]
"""
How far an item has come:

- ``creating``: its create is about to be sent, or was; whether there is a task is not known;
- ``unidentified``: its create was accepted, but the response names no task id;
- ``refused``: its create was not accepted, so there is no task;
- ``created``: there is a task, and its id is known;
- ``failed``: its task has failed;
- ``saved``: its video is in its file.
"""

STAGES: Final = frozenset(get_args(JournalStage))

_TYPES_OF_DETAILS: Final[Mapping[str, Any]] = {
    "arguments": dict,
    "idempotency_key": str,
    "newest_task": str | None,
    "size": int,
}


@attrs.frozen(kw_only=True)
class JournalEntry:
    """
    What the journal says about one item.

    Attributes:
        key: Identifies the item.
        stage: How far it has come.
        sent_at: When its create was about to be sent for the last time, in seconds since 1970 by
            our clock.
        sent_at_boot_time: The same on the clock that began with the machine.
        task_id: The id of its task; None before there is one.
        details: What else was recorded, as JSON.
    """

    key: str
    stage: JournalStage
    sent_at: float
    sent_at_boot_time: BootTime
    task_id: str | None = None
    details: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def age(self) -> float:
        """
        Seconds since its create was sent.

        On the machine that has sent it, and until that is started again, they are right whatever
        our clock was set to meanwhile. Elsewhere they may be wrong, and less than zero.
        """
        now, sent = read_boot_time(), self.sent_at_boot_time
        if now.boot_id and now.boot_id == sent.boot_id:
            return now.seconds - sent.seconds
        return time.time() - self.sent_at


class Journal:
    """
    A file of one JSON object a line, which only ever grows.

    A line is on the disk before :meth:`record` returns. A last line that a kill has cut off is
    removed when the file is opened; any other damage is an error, for it may hide a task that
    is paid for. Two runs cannot have it open at once.

    Args:
        path: The file; it is made if it does not exist.

    Attributes:
        entries: The newest entry of each item, by key.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.entries: dict[str, JournalEntry] = {}
        self._file: BinaryIO | None = None
        self._writing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        async with self._writing:
            assert self._file is not None
            self._file.close()

    async def record(
        self, key: str, stage: JournalStage, *, task_id: str | None = None, **details: Any
    ) -> JournalEntry:
        """
        Record how far an item has come, and return when that is on the disk.

        A cancelled call writes its line all the same: half a line would be damage.

        Raises:
            JournalError: It cannot be written: the disk is full, for instance.
        """
        line = {"key": key, "stage": stage, "at": time.time()}
        if stage == "creating":
            line["boot_time"] = read_boot_time()
        if task_id is not None:
            line["task_id"] = task_id
        if details:
            line["details"] = details
        await finish_when_cancelled(self._write_in_turn(json.dumps(line).encode() + b"\n"))
        return self._apply(line)

    async def _write_in_turn(self, line: bytes) -> None:
        async with self._writing:
            await asyncio.to_thread(self._write, line)

    def _write(self, line: bytes) -> None:
        assert self._file is not None
        end = self._file.tell()
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            # A part of the line may be on the disk: the next one must not follow it.
            self._file = self._reopen(end)
            raise JournalError(str(self.path), f"cannot be written: {error}") from error

    def _reopen(self, end: int) -> BinaryIO:
        assert self._file is not None
        number = os.dup(self._file.fileno())  # which keeps the lock
        with contextlib.suppress(OSError):  # closing tries to write the rest once more
            self._file.close()
        file = os.fdopen(number, "r+b")
        file.truncate(end)
        file.seek(end)
        return file

    def _open(self) -> None:
        try:
            self.path.touch()
            file = self.path.open("r+b")
        except OSError as error:
            raise JournalError(str(self.path), f"cannot be opened: {error}") from error
        try:
            self._lock(file)
            end = self._read(file)
            file.truncate(end)
            file.seek(end)
        except BaseException:
            file.close()
            raise
        self._file = file

    def _lock(self, file: BinaryIO) -> None:
        try:
            lock_file(file.fileno())
        except BlockingIOError as error:
            reason = "is in use by another run; wait until that has ended"
            raise JournalError(str(self.path), reason) from error

    def _read(self, file: BinaryIO) -> int:
        """Apply all lines, and return where the last whole one ends."""
        end = 0
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break  # cut off by a kill, so nothing was done because of it
            try:
                self._apply(json.loads(line))
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
                reason = f"line {number} is damaged ({error!r}); fix or remove it"
                raise JournalError(str(self.path), reason) from error
            end += len(line)
        return end

    def _apply(self, line: Mapping[str, Any]) -> JournalEntry:
        key, stage, at = str(line["key"]), line["stage"], float(line["at"])
        if stage not in STAGES:
            raise ValueError(f"unknown stage {stage!r}")
        task_id, details = line.get("task_id"), line.get("details", {})
        boot_id, boot_seconds = line.get("boot_time", ("", 0.0))
        boot_time = BootTime(str(boot_id), float(boot_seconds))
        if not math.isfinite(at + boot_time.seconds) or not isinstance(task_id, str | None):
            raise ValueError("a time or an id that is none")
        _check_details({**details})
        before = self.entries.get(key)
        if stage == "creating" or before is None:
            entry = JournalEntry(
                key=key,
                stage=stage,
                sent_at=at,
                sent_at_boot_time=boot_time,
                task_id=task_id,
                details={**details},
            )
        else:
            entry = attrs.evolve(
                before,
                stage=stage,
                task_id=task_id or before.task_id,
                details={**before.details, **details},
            )
        self.entries[key] = entry
        return entry


def _check_details(details: Mapping[str, Any]) -> None:
    """Refuse details of other types than we write."""
    for name, value in details.items():
        is_ours = isinstance(value, _TYPES_OF_DETAILS.get(name, str | int | None))
        if not is_ours:
            raise ValueError(f"{name} that is a {type(value).__name__}")


def read_failed_task(entry: JournalEntry) -> VideoTask:
    """Return the snapshot of a task that has failed in an earlier run."""
    details = entry.details
    return VideoTask(
        id=entry.task_id or "",
        status=details.get("status", ""),
        phase=Phase.FAILED,
        failure=TaskFailure(details.get("code"), details.get("message")),
    )
