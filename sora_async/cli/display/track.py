"""``track``: passes on what a source yields, and shows it on one display for each console."""

import asyncio
import atexit
import functools
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Hashable
from typing import Final, Generic, TypeVar

from rich.console import Console

from ... import (
    BatchEvent,
    BatchOutcome,
    DownloadEvent,
    Failed,
    ProgressEvent,
    SoraError,
    Succeeded,
    VideoTask,
)
from .format import clean, format_line
from .live import Canvas, LineCanvas, LiveDisplay, NotebookCanvas, TerminalCanvas
from .rows import TaskRows, describe_result
from .states import TaskResult

INTERVAL: Final = 1.0
"""Seconds between two drawings at most."""

MAX_HEIGHT: Final = 22
"""Lines of a table at most: the rest of the terminal is the program's own."""

T = TypeVar("T")


class Tracked(Generic[T]):
    """
    The values of a source, shown as they pass.

    As with the source itself, a ``break`` calls nothing, but drops the last reference: then the
    table stays as it is, and the source is released.
    """

    def __init__(
        self, source: AsyncIterable[T], display: "SharedDisplay", *, total: int | None
    ) -> None:
        self._values: AsyncIterator[T] = aiter(source)
        self._display = display
        self._total = total
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner = object()
        self._is_shown = False

    def __repr__(self) -> str:
        return f"<track {self._values!r}>"

    def __aiter__(self) -> "Tracked[T]":
        return self

    async def __anext__(self) -> T:
        """Return the next value; whatever it raises is the source's own."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._is_shown = self._display.open(self._owner, self._total)
        try:
            value = await anext(self._values)
        except StopAsyncIteration:
            self._leave(is_complete=True)
            raise
        except BaseException as error:
            self._leave(error if isinstance(error, SoraError) else None)
            raise
        if self._is_shown:
            self._display.update(self._owner, value)
        return value

    async def aclose(self) -> None:
        """Release source and display, as :func:`contextlib.aclosing` does."""
        self._leave()
        close = getattr(self._values, "aclose", None)
        if close is not None:
            await close()

    def _leave(self, error: SoraError | None = None, *, is_complete: bool = False) -> None:
        self._loop = None
        if self._is_shown:
            self._is_shown = False
            self._display.leave(self._owner, error, is_complete=is_complete)

    def __del__(self) -> None:
        """Leave the display; through its loop when the garbage collector runs elsewhere."""
        loop = getattr(self, "_loop", None)
        if loop is None:
            return
        if loop.is_closed() or asyncio._get_running_loop() is loop:
            self._leave()
        else:
            loop.call_soon_threadsafe(self._display.leave, self._owner)


class SharedDisplay:
    """
    What is tracked on one console, by any number of loops of one event loop.

    The event loop of the first draws it. Sources of another event loop, in another thread, are not
    shown meanwhile.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._owners: set[Hashable] = set()
        self._display: LiveDisplay | None = None

    def open(self, owner: Hashable, total: int | None) -> bool:
        """Return whether what the owner tracks will be shown."""
        loop = asyncio.get_running_loop()
        if self._display is not None and self._display.loop.is_closed():
            self._close()
        if self._display is None:
            rows = TaskRows()
            rows.start_clock(loop.time())
            self._display = LiveDisplay(rows, make_canvas(self._console), interval=INTERVAL)
            # A traceback may hold a tracked source until the interpreter shuts down.
            atexit.register(self._close)
        if self._display.loop is not loop:
            return False
        self._owners.add(owner)
        self._display.rows.expect(total or 0)
        return True

    def update(self, owner: Hashable, value: object) -> None:
        """Show a value: now, or in the next drawing."""
        if self._display is None or owner not in self._owners:
            return  # it began on a loop that has ended since
        rows, now = self._display.rows, self._display.loop.time()
        match value:
            case ProgressEvent():
                rows.update((owner, value.task.id), value, now=now, name=value.task.id)
            case DownloadEvent():
                rows.update((owner, value.task_id), value, now=now, name=value.task_id)
            case BatchEvent():
                key, name = (owner, value.key), value.path.name
                rows.start(key, value.stage, now=now, name=name)
                if value.event is not None:
                    rows.update(key, value.event, now=now)
            case Succeeded() | Failed():
                self._finish((owner, value.task_id), value.task_id, value.error)
            case BatchOutcome():
                name = value.path.name if value.path else "create"
                self._finish((owner, value.key or name), name, value.error)
        self._display.refresh()

    def leave(
        self, owner: Hashable, error: SoraError | None = None, *, is_complete: bool = False
    ) -> None:
        """
        Stop showing what an owner tracks; after the last, the table stays.

        Args:
            owner: Who tracks it.
            error: The error that its source ended with.
            is_complete: Whether its source ended without an error.
        """
        if self._display is None or owner not in self._owners:
            return
        self._owners.discard(owner)
        rows, now = self._display.rows, self._display.loop.time()
        task_id = _find_task_id(error)
        if task_id:  # a wait may end before its first event
            rows.start((owner, task_id), "waiting", now=now, name=task_id)
        for key in rows.active:
            if isinstance(key, tuple) and key[0] == owner:
                if error is not None or is_complete:
                    self._finish(key, "", error)
                else:
                    rows.leave(key, now=now)
        self._display.draw()
        if not self._owners:
            self._close()

    def _finish(self, key: Hashable, name: str, error: SoraError | None) -> None:
        assert self._display is not None
        rows, now = self._display.rows, self._display.loop.time()
        row = rows.start(key, "waiting", now=now, name=name)
        result = TaskResult(
            task_id=row.name,
            last=row.event,
            error=error,
            elapsed=row.elapsed(now),
            label=row.name,
        )
        rows.finish(key, result, now=now)
        note, progress = describe_result(result)[0], 1.0 if error is None else None
        line = format_line(result.elapsed, clean(row.name), row.state, progress, note)
        self._display.end_row(line)

    def _close(self) -> None:
        atexit.unregister(self._close)
        self._owners.clear()
        display, self._display = self._display, None
        assert display is not None
        display.close()


def _find_task_id(error: SoraError | None) -> str | None:
    """Return the task of an error."""
    task = getattr(error, "task", None)
    return task.id if isinstance(task, VideoTask) else getattr(error, "task_id", None)


def make_canvas(console: Console) -> Canvas:
    """Return the canvas for a console."""
    if console.is_jupyter:
        return NotebookCanvas()
    if console.is_terminal and not console.is_dumb_terminal:
        return TerminalCanvas(console, max_height=MAX_HEIGHT)
    return LineCanvas(console)


_displays: "weakref.WeakValueDictionary[int, SharedDisplay]" = weakref.WeakValueDictionary()
"""By the identity of a console, which lives as long as its display."""


def find_display(console: Console | None) -> SharedDisplay:
    """Return the display of a console; None for the one of stderr."""
    console = console or _get_stderr()
    display = _displays.get(id(console))
    if display is None:
        _displays[id(console)] = display = SharedDisplay(console)
    return display


@functools.cache
def _get_stderr() -> Console:
    return Console(stderr=True)
