"""Those who wait for the same news, as futures in a list; None where nobody has waited yet."""

import asyncio

Waiting = list[asyncio.Future[None]] | None


def join(waiting: Waiting) -> list[asyncio.Future[None]]:
    """Return the list with one more who waits, at its end; a list of one has no room to spare."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if not waiting:
        return [future]
    waiting.append(future)
    return waiting


def leave(waiting: Waiting, future: asyncio.Future[None]) -> None:
    """Take out one who waits no more."""
    if waiting and future in waiting:  # else it was woken; also when it was cancelled just then
        waiting.remove(future)


def wake(waiting: Waiting) -> None:
    """Wake all who wait."""
    if not waiting:
        return
    for future in waiting:
        if not future.done():
            future.set_result(None)
    waiting.clear()
