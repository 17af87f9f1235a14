"""
Every async test runs in virtual time, against a fake service on real sockets.

Every run draws the same random numbers, those of a test alone as those of all tests: a fault that
a run has found is there in the next one. To look for others, draw others::

    SORA_ASYNC_TEST_SEED=2 nox -s tests-3.13 -- \\
        --hypothesis-profile=explore -o faulthandler_timeout=0
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio
from support import KEY
from support.command import fake, on_terminal, skip  # noqa: F401 - fixtures of the command's tests

from sora_async import SoraClient
from sora_async.testing import FakeSora, VirtualClock

SEED = os.environ.get("SORA_ASYNC_TEST_SEED", "1")


@pytest.fixture(autouse=True)
def same_random_numbers(request: pytest.FixtureRequest) -> None:
    """Give the jitter of a test the same random numbers in each run."""
    random.seed(f"{SEED} {request.node.nodeid}")


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
    settings.register_profile("default", deadline=None, derandomize=True)
    settings.register_profile("explore", deadline=None, derandomize=False, max_examples=1000)
    if not config.getoption("--hypothesis-profile", default=None):
        settings.load_profile("default")
