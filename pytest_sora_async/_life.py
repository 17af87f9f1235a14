"""A service and a client for the length of a test."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sora_async import SoraClient
    from sora_async.testing import FakeSora

_KEY = "sk-fake"
"""The key where the fake asks for none, so that one of the environment is never sent."""


@asynccontextmanager
async def serve(
    request: pytest.FixtureRequest, options: Mapping[str, Any]
) -> AsyncIterator["FakeSora"]:
    """Run a fake, and see that it has the clock that was asked for."""
    from sora_async.testing import FakeSora, VirtualTimeLoop

    is_virtual = isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    if "sora_virtual_time" in request.fixturenames and not is_virtual:
        pytest.fail(
            "the test asked for sora_virtual_time and runs on a loop that others have chosen",
            pytrace=False,
        )
    async with FakeSora(**options) as service:
        yield service


@asynccontextmanager
async def connect(
    service: "FakeSora", service_options: Mapping[str, Any], options: Mapping[str, Any]
) -> AsyncIterator["SoraClient"]:
    """Open a client of *service*; *options* go before what the service suggests."""
    from sora_async import SoraClient

    key = service_options.get("api_key") or _KEY
    async with SoraClient(**{"base_url": service.url, "api_key": key, **options}) as client:
        yield client
