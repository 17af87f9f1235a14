"""The fixtures for tests that pytest-asyncio runs: one of each for each loop scope."""

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

import pytest
import pytest_asyncio

from ._fixtures import open_client, run_service

if TYPE_CHECKING:
    from sora_async import SoraClient
    from sora_async.testing import FakeSora

Scope = Literal["function", "class", "module", "package", "session"]


def _make_service(scope: Scope) -> Any:
    @pytest_asyncio.fixture(loop_scope=scope, name=f"_sora_service_{scope}")
    async def service(
        request: pytest.FixtureRequest, sora_service_options: Mapping[str, Any]
    ) -> AsyncIterator["FakeSora"]:
        async with run_service(request, sora_service_options) as service:
            yield service

    return service


def _make_client(scope: Scope) -> Any:
    @pytest_asyncio.fixture(loop_scope=scope, name=f"_sora_client_{scope}")
    async def client(
        sora_service: "FakeSora",
        sora_service_options: Mapping[str, Any],
        sora_client_options: Mapping[str, Any],
    ) -> AsyncIterator["SoraClient"]:
        async with open_client(sora_service, sora_service_options, sora_client_options) as client:
            yield client

    return client


for _scope in get_args(Scope):
    globals()[f"_sora_service_{_scope}"] = _make_service(_scope)
    globals()[f"_sora_client_{_scope}"] = _make_client(_scope)
