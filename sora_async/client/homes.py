"""The homes of one client: one for each event loop that it is used on."""

import asyncio

from .loop_resources import LoopResources

ResourcesByLoop = dict[asyncio.AbstractEventLoop, LoopResources]


def find_resources(homes: ResourcesByLoop) -> LoopResources | None:
    """Return the open home on the running loop; forget those of loops that are closed."""
    resources = homes.get(asyncio.get_running_loop())
    if resources is not None and not resources.is_closed:
        return resources
    for loop in [loop for loop in list(homes) if loop.is_closed()]:
        homes.pop(loop, None)
    return None


def abandon(homes: ResourcesByLoop) -> None:
    """Close the homes of a client that was thrown away without being closed."""
    for loop, resources in list(homes.items()):
        if not loop.is_closed() and not resources.is_closed:
            loop.call_soon_threadsafe(resources.abandon)
