"""The service and the client of one test, whichever plugin runs it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sora_async import SoraClient
    from sora_async.testing import FakeSora

_KEY = "sk-fake"
"""The key where the fake needs none, so that the one of the environment is never sent."""


@asynccontextmanager
async def run_service(
    request: pytest.FixtureRequest, options: Mapping[str, Any]
) -> AsyncIterator["FakeSora"]:
    """Run a fake, and check that its loop has the clock that the test wants."""
    from sora_async.testing import FakeSora, VirtualTimeLoop

    is_virtual = isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    if "sora_virtual_time" in request.fixturenames and not is_virtual:
        pytest.fail(
            "sora_virtual_time has no effect: the project chooses the loop of this test itself",
            pytrace=False,
        )
    async with FakeSora(**options) as service:
        yield service


@asynccontextmanager
async def open_client(
    service: "FakeSora", service_options: Mapping[str, Any], options: Mapping[str, Any]
) -> AsyncIterator["SoraClient"]:
    """Open a client of *service*; *options* override its address and key."""
    from sora_async import SoraClient

    key = service_options.get("api_key") or _KEY
    async with SoraClient(**{"base_url": service.url, "api_key": key, **options}) as client:
        yield client
