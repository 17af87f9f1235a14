"""Those who wait for the same news, as futures in a list."""

import asyncio


def join(waiting: list[asyncio.Future[None]]) -> asyncio.Future[None]:
    """Return a future of one more who waits."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting.append(future)
    return future


def leave(waiting: list[asyncio.Future[None]], future: asyncio.Future[None]) -> None:
    """Take out one who waits no more."""
    if future in waiting:  # else it was woken; also when it was cancelled in the same turn
        waiting.remove(future)


def wake(waiting: list[asyncio.Future[None]]) -> None:
    """Wake all who wait."""
    for future in waiting:
        if not future.done():
            future.set_result(None)
    waiting.clear()
