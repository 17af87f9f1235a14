"""Those who are measured: each module opens one client, with its defaults unless it says more.

A module is imported by name and in a process of its own, so nobody pays for the imports of others.
"""

import importlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import attrs

NAMES = {
    "ours": "sora_async",
    "hand": "by hand",
    "floor": "tuned by hand",
    "openai_python": "openai-python",
    "runway": "runwayml",
    "replicate_python": "replicate",
    "fal": "fal-client",
}
"""Each module, and what its contestant is called."""

OWN = ("ours", "hand", "floor")
"""Those that stand on aiohttp alone, and read the page's replies."""

KEY = "sk-0123456789abcdef"


@attrs.frozen
class Calls:
    """
    What a contestant offers.

    Attributes:
        poll: Ask for a task once.
        wait: Wait for a task's video, asking at the interval the client was opened with.
    """

    poll: Callable[[str], Awaitable[object]]
    wait: Callable[[str], Awaitable[object]]


Opened = AbstractAsyncContextManager[Calls]


def open_calls(name: str, url: str, *, interval: float, rate: float | None = None) -> Opened:
    """
    Open a contestant's client.

    Args:
        name: The module.
        url: The server's address.
        interval: Seconds between two polls of a wait.
        rate: Polls a second of all waits; None for no limit. Only ours has such a thing.
    """
    module = importlib.import_module(f"benchmarks.contestants.{name}")
    opened: Opened = (
        module.open_calls(url, interval=interval)
        if rate is None
        else module.open_calls(url, interval=interval, rate=rate)
    )
    return opened
