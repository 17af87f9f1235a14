"""Virtual time, in the form that anyio and pytest-asyncio expect."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from sora_async.testing import VirtualTimeLoop

ANYIO_BACKEND: Final[tuple[str, dict[str, Any]]] = ("asyncio", {"loop_factory": VirtualTimeLoop})


class _VirtualLoops:
    @pytest.hookimpl(tryfirst=True)
    def pytest_asyncio_loop_factories(self) -> Mapping[str, Callable[[], VirtualTimeLoop]]:
        """Return the only loop to run on."""
        return {"virtual": VirtualTimeLoop}


VIRTUAL_LOOPS: Final = _VirtualLoops()
"""A plugin for pytest-asyncio: while it is registered, tests are made for the virtual loop."""
