"""Every async test runs in virtual time, against a fake service on real sockets."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio
from support import KEY
from support.command import fake, on_terminal, skip  # noqa: F401 - fixtures of the command's tests

from sora_async import SoraClient
from sora_async.testing import FakeSora, VirtualClock


@pytest.fixture(autouse=True)
def virtual_time(sora_virtual_time: VirtualClock) -> VirtualClock:
    """The clock that jumps, for all tests."""
    return sora_virtual_time


@pytest.fixture
def sora_service_options() -> Mapping[str, Any]:
    """The fake service wants a key, and the client has it."""
    return {"api_key": KEY}


@pytest.fixture
def sora(sora_service: FakeSora) -> FakeSora:
    """A fake service that wants a key."""
    return sora_service


@pytest_asyncio.fixture
async def no_polls_are_left() -> AsyncIterator[None]:
    """No test may leave a task of its client behind."""
    yield
    left = {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("poll ")}
    assert left == set()


@pytest.fixture
def client(no_polls_are_left: None, sora_client: SoraClient) -> SoraClient:
    """A client of it."""
    return sora_client


@pytest.fixture
def now() -> Callable[[], float]:
    """The clock of the running loop, in seconds."""
    return lambda: asyncio.get_running_loop().time()


def pytest_configure(config: Any) -> None:
    """Prepare what runs before all tests."""
    from hypothesis import settings

    # What a shell starts with "&" is deaf to Ctrl-C; the tests of it would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # On a slow machine, what hypothesis finds counts, and not how long it took.
    settings.register_profile("house", deadline=None)
    settings.load_profile("house")
