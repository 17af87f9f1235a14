"""Every async test runs in virtual time, against a fake service on real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio
from cli_stage import fake, on_terminal  # noqa: F401 - fixtures of the command's tests

from sora_async import SoraClient
from sora_async.testing import FakeSora, VirtualTimeLoop

KEY = "sk-0123456789abcdef"


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give pytest-asyncio the clock that jumps."""
    return {"virtual": VirtualTimeLoop}


@pytest_asyncio.fixture
async def sora() -> AsyncIterator[FakeSora]:
    """A fake service that wants a key."""
    async with FakeSora(api_key=KEY) as server:
        yield server


@pytest_asyncio.fixture
async def client(sora: FakeSora) -> AsyncIterator[SoraClient]:
    """A client of it; no test may leave one of its tasks behind."""
    async with SoraClient(api_key=KEY, base_url=sora.url) as one:
        yield one
    left = {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("poll ")}
    assert left == set()


@pytest.fixture
def now() -> Callable[[], float]:
    """The clock of the running loop, in seconds."""
    return lambda: asyncio.get_running_loop().time()


def pytest_configure(config: Any) -> None:
    """Keep hypothesis honest on slow machines: what it finds counts, not how long it took."""
    from hypothesis import settings

    settings.register_profile("house", deadline=None)
    settings.load_profile("house")
