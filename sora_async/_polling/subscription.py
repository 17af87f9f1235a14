"""One iteration over a wait or a download, and those who wait for its news."""

import asyncio
from typing import Generic, Protocol, TypeVar

EventT = TypeVar("EventT", covariant=True)


class EventSource(Protocol[EventT]):
    """What an iteration needs of its watch or download."""

    @property
    def latest(self) -> EventT | None:
        """The newest event."""

    def _add_consumer(self) -> None:
        """Count one more consumer."""

    def _remove_consumer(self) -> None:
        """Count one consumer less."""

    async def _next(self, version: int) -> int:
        """Return the version of an event newer than a given one; 0 when there will be none."""


class EventIterator(Generic[EventT]):
    """
    One iteration over a watch or a download.

    It holds the watch while it lives and lets go when it is thrown away: a
    ``break`` out of ``async for`` calls nothing, but drops the last reference.
    """

    def __init__(self, watch: EventSource[EventT]) -> None:
        self._watch = watch
        self._version = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting = 0

    def __repr__(self) -> str:
        """Return what it iterates over."""
        return f"<events of {self._watch!r}>"

    def __aiter__(self) -> "EventIterator[EventT]":
        """Return itself."""
        return self

    async def __anext__(self) -> EventT:
        """
        Return the next event, or end the iteration after the one with the finished task.

        Cancelling this call, by a timeout around it for instance, lets go of the watch and breaks
        the request off; the next call goes on from there. Something that only wants to look up
        from time to time keeps one call in a task, and uses :func:`asyncio.wait`.
        """
        if self._loop is None:
            self._watch._add_consumer()
            self._loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            version = await self._watch._next(self._version)
        except BaseException:
            self._waiting -= 1
            self._let_go()
            raise
        self._waiting -= 1
        event = self._watch.latest
        if not version or event is None:
            self._let_go()
            raise StopAsyncIteration
        self._version = max(version, self._version)
        return event

    async def aclose(self) -> None:
        """Let go of the watch, as :func:`contextlib.aclosing` does; nothing more is sent for it."""
        self._let_go()

    def _let_go(self) -> None:
        if self._loop is not None and not self._waiting:
            self._loop = None
            self._watch._remove_consumer()

    def __del__(self) -> None:
        """Let go of the watch; by way of its loop where the garbage collector runs elsewhere."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if asyncio._get_running_loop() is loop:
            self._watch._remove_consumer()
        else:
            loop.call_soon_threadsafe(self._watch._remove_consumer)
