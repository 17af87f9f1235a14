"""The warning of a forgotten ``await``, as Python gives it for coroutines."""

import sys
import tracemalloc
import warnings
from collections.abc import AsyncGenerator
from typing import Any, TypeVar

Item = TypeVar("Item")

_ADVICE = "use it with 'async for'"
_NOT_BEGUN = f"not begun: {_ADVICE}"

Origin = tuple[str, int]
"""A file and a line."""


def find_origin() -> Origin | None:
    """
    Return the line of the program that called this package; None when nobody looks for it.

    As for coroutines, it is looked up in development mode only (``-X dev``), and while
    :mod:`tracemalloc` is on: it costs some microseconds.
    """
    if not (sys.flags.dev_mode or tracemalloc.is_tracing()):
        return None
    frame = sys._getframe(1)
    package = __name__.partition(".")[0]
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", ""), package):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _is_ours(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def warn_never_awaited(what: str, origin: Origin | None) -> None:
    """
    Warn of something that was made and thrown away without being used.

    Args:
        what: It, and what was forgotten, in words.
        origin: Where it was made, when that is known.
    """
    if origin is None:
        warnings.warn(what, RuntimeWarning, stacklevel=2)
    else:
        filename, line = origin
        text = f"{what}; it was made in {filename}, line {line}"
        warnings.warn_explicit(text, RuntimeWarning, filename, line)


class EventStream(AsyncGenerator[Item, None]):
    """
    An async generator that warns when it was never iterated.

    Args:
        generator: What it yields from.
        name: The call that made it.
    """

    def __init__(self, generator: AsyncGenerator[Item, None], name: str) -> None:
        self._generator = generator
        self._name = name
        self._is_used = False
        self._origin = find_origin()

    def __repr__(self) -> str:
        """Return the call that made it; asyncio shows it to those who pass it for a coroutine."""
        return f"<{self._name}>" if self._is_used else f"<{self._name}: {_NOT_BEGUN}>"

    def __anext__(self) -> Any:
        """Return the next item."""
        self._is_used = True
        return self._generator.__anext__()

    async def asend(self, value: None) -> Item:
        """Return the next item, as the generator does."""
        self._is_used = True
        return await self._generator.asend(value)

    async def athrow(self, *error: Any) -> Item:
        """Raise an error where the generator stands."""
        self._is_used = True
        return await self._generator.athrow(*error)

    async def aclose(self) -> None:
        """End the iteration."""
        self._is_used = True
        await self._generator.aclose()

    def __del__(self) -> None:
        """Warn, if nobody has iterated it."""
        if not self._is_used:
            warn_never_awaited(f"{self._name} was never awaited: {_ADVICE}", self._origin)
