"""An operation that any number of consumers await and iterate: a wait, or a download."""

import asyncio
import copy
from abc import ABC, abstractmethod
from collections.abc import Generator
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from ..errors import SoraError
from .never_awaited import find_origin, warn_never_awaited

Result = TypeVar("Result")
Event = TypeVar("Event")

NOT_BEGUN = "not begun: await it, or pass its .result()"
"""How the repr of an unused one ends: asyncio shows it to those who pass it for a coroutine."""


class SharedOperation(ABC, Generic[Result, Event]):
    """
    Work that runs while at least one consumer awaits or iterates it.

    The first consumer starts the work and the last one to leave stops it; a
    consumer that comes later goes on with it. A result stays available.

    Args:
        already_elapsed: Seconds that the operation took before, in another process for instance.
    """

    __slots__ = (
        "__weakref__",
        "_already_elapsed",
        "_consumers",
        "_end",
        "_end_frames",
        "_end_waiters",
        "_event_waiters",
        "_is_handed_over",
        "_loop",
        "_origin",
        "_started",
        "_version",
    )

    def __init__(self, *, already_elapsed: float = 0.0) -> None:
        self._already_elapsed = already_elapsed
        self._is_handed_over = False
        self._origin = find_origin()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = 0.0
        self._consumers = 0
        self._version = 0
        self._end: Result | BaseException | None = None
        self._end_frames: TracebackType | None = None
        self._end_waiters: list[asyncio.Future[None]] = []
        self._event_waiters: list[asyncio.Future[None]] = []

    @property
    @abstractmethod
    def latest(self) -> Event | None:
        """The newest event, None before the first one."""

    @abstractmethod
    def _start(self) -> None:
        """Start the work, or go on with it: the first consumer has come."""

    @abstractmethod
    def _stop(self) -> None:
        """Stop the work: the last consumer has left, or the operation has ended."""

    async def _wait_until_stopped(self) -> None:
        """Wait until work that was stopped has released what it holds; a wait holds nothing."""

    @abstractmethod
    def _advice_for_other_loop(self) -> str:
        """Return what to do in another event loop than that of the first use."""

    def __await__(self) -> Generator[object, None, Result]:
        """Wait for the result; see :meth:`result`."""
        return self._wait_for_end().__await__()

    def __aiter__(self) -> "EventIterator[Event]":
        """Iterate over the events, the last of them with the result."""
        return EventIterator(self)

    def __del__(self) -> None:
        """Warn, as a coroutine does, if nobody has awaited or iterated it."""
        if self._loop is None and not self._is_handed_over:
            name = type(self).__name__
            shown = repr(self).replace(f": {NOT_BEGUN}", "")
            advice = f"use 'await', 'async for', or create_task({name.lower()}.result())"
            warn_never_awaited(f"{shown} was never awaited: {advice}", self._origin)

    def _hand_over(self) -> None:
        """Leave it to another operation to use this one, or not to."""
        self._is_handed_over = True

    async def _wait_for_end(self) -> Result:
        self._add_consumer()
        try:
            if self._end is None:
                await _wait_in(self._end_waiters)
        finally:
            self._remove_consumer()
        return self._result_or_raise()

    async def _next_version(self, version: int) -> int:
        """Return the version of an event newer than a given one; 0 when there will be none."""
        while self._end is None and self._version <= version:
            await _wait_in(self._event_waiters)
        if self._version > version and not isinstance(self._end, BaseException):
            return self._version
        self._result_or_raise()
        return 0

    def _add_consumer(self) -> None:
        """Count one more consumer; the first one starts the work."""
        loop = asyncio.get_running_loop()
        if self._end is not None:
            return
        if self._loop is None:
            self._loop, self._started = loop, loop.time() - self._already_elapsed
        elif self._loop is not loop:
            raise RuntimeError(
                f"this {type(self).__name__} belongs to another event loop: "
                f"{self._advice_for_other_loop()}"
            )
        if self._consumers == 0:
            self._start()
        self._consumers += 1

    def _remove_consumer(self) -> None:
        """Count one consumer less; the last one stops the work."""
        if self._end is None:
            self._consumers -= 1
            if self._consumers == 0:
                self._stop()

    @property
    def _has_ended(self) -> bool:
        return self._end is not None

    def _publish(self) -> None:
        """Wake those who iterate: there is a new event, or the end."""
        self._version += 1
        _wake_all(self._event_waiters)

    def _set_end(self, end: Result | BaseException) -> None:
        """Keep the result or the error, and wake those who await it."""
        self._end = end
        self._end_frames = end.__traceback__ if isinstance(end, BaseException) else None
        _wake_all(self._end_waiters)

    def _result_or_raise(self) -> Result:
        """Return the result or raise the error: a copy, for one raised often gathers tracebacks."""
        end = self._end
        if not isinstance(end, BaseException):
            return cast(Result, end)
        if not isinstance(end, SoraError):
            raise end.with_traceback(self._end_frames)
        error = copy.copy(end)
        error.__cause__ = end.__cause__
        raise error


class EventIterator(Generic[Event]):
    """
    One iteration over the events of an operation.

    It is a consumer while it lives: a ``break`` out of ``async for`` calls
    nothing, but drops the last reference to the iterator.
    """

    def __init__(self, operation: SharedOperation[Any, Event]) -> None:
        self._operation = operation
        self._version = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting = 0

    def __repr__(self) -> str:
        """Return what it iterates over."""
        return f"<events of {self._operation!r}>"

    def __aiter__(self) -> "EventIterator[Event]":
        """Return itself."""
        return self

    async def __anext__(self) -> Event:
        """
        Return the next event, or end the iteration after the one with the result.

        Cancelling this call, by a timeout around it for instance, stops the work if nobody else
        consumes it, and cancels the request; the next call goes on from there. To look from
        time to time only, keep one call in a task and use :func:`asyncio.wait`.
        """
        if self._loop is None:
            self._operation._add_consumer()
            self._loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            version = await self._operation._next_version(self._version)
        except BaseException:
            self._waiting -= 1
            self._detach()
            await self._operation._wait_until_stopped()
            raise
        self._waiting -= 1
        event = self._operation.latest
        if not version or event is None:
            self._detach()
            raise StopAsyncIteration
        self._version = max(version, self._version)
        return event

    async def aclose(self) -> None:
        """Stop consuming, as :func:`contextlib.aclosing` does."""
        self._detach()
        await self._operation._wait_until_stopped()

    def _detach(self) -> None:
        if self._loop is not None and not self._waiting:
            self._loop = None
            self._operation._remove_consumer()

    def __del__(self) -> None:
        """Stop consuming; by way of the loop where the garbage collector runs elsewhere."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if asyncio._get_running_loop() is loop:
            self._operation._remove_consumer()
        else:
            loop.call_soon_threadsafe(self._operation._remove_consumer)


async def _wait_in(waiters: list[asyncio.Future[None]]) -> None:
    """Wait until all waiters of a list are woken."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiters.append(future)
    try:
        await future
    finally:
        if future in waiters:  # not woken, but cancelled
            waiters.remove(future)


def _wake_all(waiters: list[asyncio.Future[None]]) -> None:
    for future in waiters:
        if not future.done():
            future.set_result(None)
    waiters.clear()
