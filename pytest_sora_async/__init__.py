"""
The pytest plugin of ``sora_async``: a fake service, a client of it, and virtual time, as fixtures.

pytest imports this at every start, also in projects that never use it. So it is a package of its
own, as importing anything from ``sora_async`` imports aiohttp, and it imports ``sora_async`` only
when a test uses one of its fixtures.

The fixtures run on the loop of the test: that of pytest-asyncio, in either mode and with any loop
scope, or that of anyio. Their settings are read and never changed.
"""

from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sora_async import SoraClient
    from sora_async.testing import FakeSora, VirtualClock

__all__ = [
    "sora_client",
    "sora_client_options",
    "sora_service",
    "sora_service_options",
    "sora_virtual_time",
]


@pytest.fixture
def sora_service_options() -> Mapping[str, Any]:
    """
    Return the arguments of the fake service, such as ``{"shape": "relay"}``.

    Override it in a conftest.py, a module, a class, or by ``parametrize``.
    """
    return {}


@pytest.fixture
def sora_client_options() -> Mapping[str, Any]:
    """
    Return further arguments of the client, such as ``{"outage_timeout": 10}``.

    Override it as *sora_service_options*.
    """
    return {}


@pytest.fixture
def sora_service(
    request: pytest.FixtureRequest, sora_service_options: Mapping[str, Any]
) -> "FakeSora":
    """Return a fake service that runs while the test does: a ``sora_async.testing.FakeSora``."""
    service: FakeSora = request.getfixturevalue(f"_sora_service_{_find_runner(request)}")
    return service


@pytest.fixture
def sora_client(
    request: pytest.FixtureRequest,
    sora_service: "FakeSora",
    sora_client_options: Mapping[str, Any],
) -> "SoraClient":
    """Return a ``sora_async.SoraClient`` of *sora_service*, with its key; closed after the test."""
    client: SoraClient = request.getfixturevalue(f"_sora_client_{_find_runner(request)}")
    return client


@pytest.fixture
def sora_virtual_time(request: pytest.FixtureRequest) -> "VirtualClock":
    """
    Run the test on a clock that starts at 0.0 and jumps: an hour of waiting costs milliseconds.

    Its attribute ``now`` is the time in seconds. ``pytest.mark.usefixtures("sora_virtual_time")``
    requests it without an argument, and the ini option ``usefixtures`` does so for all tests.
    """
    if _is_for_asyncio(request) and not _has_asyncio(request.config):
        pytest.fail("sora_virtual_time needs pytest-asyncio 1.4 or later, or anyio", pytrace=False)
    from sora_async.testing import VirtualClock

    return VirtualClock()


# --- Which plugin runs the loop ---------------------------------------------------------------


@pytest.fixture
async def _sora_service_anyio(
    request: pytest.FixtureRequest, sora_service_options: Mapping[str, Any]
) -> AsyncIterator["FakeSora"]:
    from ._fixtures import run_service

    async with run_service(request, sora_service_options) as service:
        yield service


@pytest.fixture
async def _sora_client_anyio(
    sora_service: "FakeSora",
    sora_service_options: Mapping[str, Any],
    sora_client_options: Mapping[str, Any],
) -> AsyncIterator["SoraClient"]:
    from ._fixtures import open_client

    async with open_client(sora_service, sora_service_options, sora_client_options) as client:
        yield client


def _has_asyncio(config: pytest.Config) -> bool:
    """Whether pytest-asyncio is in use, in a version that lets others choose the loop."""
    return hasattr(config.hook, "pytest_asyncio_loop_factories")


def _is_for_asyncio(request: pytest.FixtureRequest) -> bool:
    """Whether pytest-asyncio runs the test; a test that anyio would run, too, fails."""
    is_marked = request.node.get_closest_marker("asyncio") is not None
    if is_marked and "anyio_backend" in request.fixturenames:
        # One would run the test, and the other its async fixtures, on a loop that does not run.
        pytest.fail(
            "both pytest-asyncio and anyio would run this test: set asyncio_mode to strict, and"
            " mark the test for one of them",
            pytrace=False,
        )
    return is_marked


def _find_runner(request: pytest.FixtureRequest) -> str:
    """Return the suffix of the fixtures for the plugin, and the scope, that runs the test."""
    is_for_asyncio = _is_for_asyncio(request)
    if "anyio_backend" in request.fixturenames:
        if request.getfixturevalue("anyio_backend_name") == "asyncio":
            return "anyio"
        pytest.fail(f"{request.fixturename} needs asyncio, not trio", pytrace=False)
    if is_for_asyncio and _has_asyncio(request.config):
        from . import _asyncio

        if not request.config.pluginmanager.is_registered(_asyncio):
            request.config.pluginmanager.register(_asyncio)
        mark = request.node.get_closest_marker("asyncio")
        scope = mark.kwargs.get("loop_scope") or mark.kwargs.get("scope")
        return str(scope or request.config.getini("asyncio_default_test_loop_scope"))
    pytest.fail(
        f"{request.fixturename} needs an async test that pytest-asyncio, 1.4 or later, or anyio"
        " runs: mark it with pytest.mark.asyncio or pytest.mark.anyio",
        pytrace=False,
    )


# --- Which clock the loop has -----------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Generator[None, None, None]:
    """Choose the loop of a test that uses virtual time, and of no other."""
    if "sora_virtual_time" not in metafunc.fixturenames:
        return (yield)
    if "anyio_backend" in metafunc.fixturenames:
        _choose_backend(metafunc.definition)
        return (yield)
    metafunc.config.stash[_IS_VIRTUAL] = True
    with _virtual_loops(metafunc.config):
        return (yield)


def _choose_backend(test: pytest.Item) -> None:
    """Make anyio run *test* on the virtual loop, whatever the fixture *anyio_backend* returns."""
    from ._clock import ANYIO_BACKEND

    # A parametrize mark overrides the parameters of the fixture, but not another mark.
    names = [str(mark.args[0]) for mark in test.iter_markers("parametrize") if mark.args]
    if any("anyio_backend" in name for name in names):
        pytest.fail(
            f"{test.nodeid}: both sora_virtual_time and a mark choose the anyio_backend",
            pytrace=False,
        )
    virtual = pytest.param(ANYIO_BACKEND, id=pytest.HIDDEN_PARAM)
    test.add_marker(pytest.mark.parametrize("anyio_backend", [virtual]))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Give pytest-asyncio the virtual loop before any fixture of the test is set up."""
    if _IS_VIRTUAL not in item.config.stash:
        return (yield)
    with _virtual_loops(item.config):
        return (yield)


@contextmanager
def _virtual_loops(config: pytest.Config) -> Generator[None]:
    """
    Implement pytest-asyncio's hook while the context is entered.

    An implementation chooses the loop of every test that the hook is called for, and cannot leave
    the choice to others. So it is registered only while the hook is called for our tests.
    """
    from ._clock import VIRTUAL_LOOPS

    if not _has_asyncio(config):
        yield
        return
    config.pluginmanager.register(VIRTUAL_LOOPS)
    try:
        yield
    finally:
        config.pluginmanager.unregister(VIRTUAL_LOOPS)


_IS_VIRTUAL = pytest.StashKey[bool]()
