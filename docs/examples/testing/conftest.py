from collections.abc import AsyncIterator

import pytest_asyncio

from sora_async import SoraClient
from sora_async.testing import FakeSora, VirtualTimeLoop


def pytest_asyncio_loop_factories() -> dict[str, type[VirtualTimeLoop]]:
    return {"virtual": VirtualTimeLoop}


@pytest_asyncio.fixture
async def sora() -> AsyncIterator[FakeSora]:
    async with FakeSora() as service:
        yield service


@pytest_asyncio.fixture
async def client(sora: FakeSora) -> AsyncIterator[SoraClient]:
    async with SoraClient(base_url=sora.url) as client:
        yield client
