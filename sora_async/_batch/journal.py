"""What has been ordered and paid for, on disk: an append-only file that survives being killed."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Literal, Self, get_args

import attrs

from .._http.cancellation import finish_when_cancelled
from ..errors import JournalError
from ..models import Phase, TaskFailure, VideoTask

try:
    import fcntl
except ImportError:  # pragma: no cover - on Windows two runs are not kept apart
    fcntl = None  # type: ignore[assignment]

JournalStage = Literal["creating", "refused", "created", "failed", "saved"]
"""
How far an order has come:

- ``creating``: it is about to be sent, or was; whether there is a task is not known;
- ``refused``: it was not accepted, so there is no task;
- ``created``: there is a task, and its id is known;
- ``failed``: its task has failed;
- ``saved``: its video is in its file.
"""

STAGES: Final = frozenset(get_args(JournalStage))


@attrs.frozen(kw_only=True)
class JournalEntry:
    """
    What the journal knows of one order.

    Attributes:
        key: What the order is known by.
        stage: How far it has come.
        at: When it came there, in seconds since 1970 by our clock.
        marked: When it was about to be sent for the last time, likewise.
        task_id: The id of its task; None before there is one.
        facts: What else was noted, as JSON.
    """

    key: str
    stage: JournalStage
    at: float
    marked: float
    task_id: str | None = None
    facts: Mapping[str, Any] = attrs.field(factory=dict)


class Journal:
    """
    One file, of one JSON object a line, that only ever grows.

    A line is on the disk before :meth:`note` returns. A last line that a kill has torn is
    cut off when the file is opened; any other damage is an error, for it may hide a
    task that has been paid for. Two runs cannot have it open at once.

    Args:
        path: The file; it is made where there is none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.entries: dict[str, JournalEntry] = {}
        self._file: BinaryIO | None = None
        self._writing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Open the file and read what is in it."""
        await asyncio.to_thread(self._open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        async with self._writing:
            assert self._file is not None
            self._file.close()

    async def note(
        self, key: str, stage: JournalStage, *, task_id: str | None = None, **facts: Any
    ) -> JournalEntry:
        """
        Note how far an order has come, and return when that is on the disk.

        A cancelled call has written its line all the same: half of one would be damage.

        Raises:
            JournalError: It cannot be written: the disk is full, for instance.
        """
        line = {"key": key, "stage": stage, "at": time.time()}
        if task_id is not None:
            line["task_id"] = task_id
        if facts:
            line["facts"] = facts
        await finish_when_cancelled(self._write_in_turn(json.dumps(line).encode() + b"\n"))
        return self._take_in(line)

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
            # What did get onto the disk is no line of ours: the next one must not follow it.
            self._file = self._reopen(end)
            raise JournalError(str(self.path), f"cannot be written: {error}") from error

    def _reopen(self, end: int) -> BinaryIO:
        assert self._file is not None
        number = os.dup(self._file.fileno())  # which keeps the lock
        with contextlib.suppress(OSError):  # it tries once more to write what it could not
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
            _lock(file, self.path)
            end = self._read(file)
            file.truncate(end)
            file.seek(end)
        except BaseException:
            file.close()
            raise
        self._file = file

    def _read(self, file: BinaryIO) -> int:
        """Take in all lines, and return where the last whole one ends."""
        end = 0
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break  # torn by a kill, and so never acted upon
            try:
                self._take_in(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise JournalError(
                    str(self.path), f"line {number} is damaged ({error!r}); mend or remove it"
                ) from error
            end += len(line)
        return end

    def _take_in(self, line: Mapping[str, Any]) -> JournalEntry:
        key, stage, at = str(line["key"]), line["stage"], float(line["at"])
        if stage not in STAGES:
            raise ValueError(f"unknown stage {stage!r}")
        before = self.entries.get(key)
        is_anew = stage == "creating" or before is None
        marked = at if is_anew or before is None else before.marked
        known = None if is_anew or before is None else before.task_id
        facts = {} if is_anew or before is None else before.facts
        entry = JournalEntry(
            key=key,
            stage=stage,
            at=at,
            marked=marked,
            task_id=line.get("task_id", known),
            facts={**facts, **line.get("facts", {})},
        )
        self.entries[key] = entry
        return entry


def _lock(file: BinaryIO, path: Path) -> None:
    if fcntl is None:  # pragma: no cover - on Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise JournalError(str(path), "is in use by another run; let that end first") from error
    except OSError:  # pragma: no cover - a file system without locks
        pass


def failed_before(entry: JournalEntry) -> VideoTask:
    """Return the snapshot of a task that has failed in an earlier run."""
    facts = entry.facts
    return VideoTask(
        id=entry.task_id or "",
        status=facts.get("status", ""),
        phase=Phase.FAILED,
        failure=TaskFailure(facts.get("code"), facts.get("message")),
    )
