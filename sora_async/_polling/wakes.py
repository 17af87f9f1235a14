"""Those who wait for the same news, as futures in a list; None where nobody has waited yet."""

import asyncio

Waiters = list[asyncio.Future[None]] | None


def add_waiter(waiting: Waiters) -> list[asyncio.Future[None]]:
    """Return the list with one more who waits, at its end; a list of one has no room to spare."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if not waiting:
        return [future]
    waiting.append(future)
    return waiting


def remove_waiter(waiting: Waiters, future: asyncio.Future[None]) -> None:
    """Take out one who waits no more."""
    if waiting and future in waiting:  # else it was woken; also when it was cancelled just then
        waiting.remove(future)


def wake_all(waiting: Waiters) -> None:
    """Wake all who wait."""
    if not waiting:
        return
    for future in waiting:
        if not future.done():
            future.set_result(None)
    waiting.clear()
