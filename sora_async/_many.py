"""Many waits at once, each settled as a value."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable

import attrs

from ._watch import Watch
from .errors import SoraError
from .models import VideoTask


@attrs.frozen
class Outcome:
    """
    How one of many waits ended; a failure is a value here, too.

    Attributes:
        task_id: The id that was asked for.
        task: The finished task; None when there is none.
        error: Why there is none; None when there is one.
    """

    task_id: str
    task: VideoTask | None = None
    error: SoraError | None = None

    def unwrap(self) -> VideoTask:
        """
        Return the task, or raise the error.

        Raises:
            SoraError: The wait did not end with a task.
        """
        if self.task is not None:
            return self.task
        assert self.error is not None
        raise self.error


async def settle_each(
    task_ids: Iterable[str] | AsyncIterable[str], wait: Callable[[str], Watch], *, at_once: int
) -> AsyncGenerator[Outcome]:
    """
    Yield the outcome of each wait as it ends, and begin the next ones meanwhile.

    Args:
        task_ids: Any number of ids; the next one is taken when there is a place for it.
        wait: Makes the wait for an id.
        at_once: Places: waits under way and outcomes not yet taken.
    """
    places = asyncio.Semaphore(at_once)
    outcomes: asyncio.Queue[Outcome | Exception | None] = asyncio.Queue(at_once + 1)
    waits: set[asyncio.Task[None]] = set()

    async def settle(task_id: str) -> None:
        await outcomes.put(await _settle(task_id, wait))

    async def begin_all() -> None:
        try:
            async for task_id in _each(task_ids):
                await places.acquire()
                begun = asyncio.create_task(settle(task_id))
                waits.add(begun)
                begun.add_done_callback(waits.discard)
        finally:
            await asyncio.gather(*waits)
            await outcomes.put(None)

    beginning = asyncio.create_task(begin_all())
    try:
        while (outcome := await outcomes.get()) is not None:
            if isinstance(outcome, Exception):
                raise outcome
            places.release()
            yield outcome
        await beginning
    finally:
        left = [beginning, *waits]
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _settle(task_id: str, wait: Callable[[str], Watch]) -> Outcome | Exception:
    """Return how a wait ended, or the bug in it, which must reach the loop and not be lost."""
    try:
        return Outcome(task_id, await wait(task_id))
    except SoraError as error:
        return Outcome(task_id, None, error)
    except Exception as bug:
        return bug


async def _each(task_ids: Iterable[str] | AsyncIterable[str]) -> AsyncIterator[str]:
    if isinstance(task_ids, AsyncIterable):
        async for task_id in task_ids:
            yield task_id
        return
    for task_id in task_ids:
        yield task_id
