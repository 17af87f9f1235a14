"""The clock of the rows and events that are shown."""

import asyncio


def read_clock() -> float:
    """Return the time in seconds, on the clock of the running loop."""
    return asyncio.get_running_loop().time()
