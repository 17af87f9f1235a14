"""
The pytest plugin of ``sora_async``: a fake service, a client of it, and virtual time, as fixtures.

pytest imports this at every start, in projects that never use it too. So it lies beside the package
and not in it, as importing anything from ``sora_async`` imports aiohttp; and it imports from there
only what a test has asked for.

The fixtures run on the loop of the test, whoever runs it: pytest-asyncio in either mode and with
any loop scope, or anyio. Their settings are read and never changed.
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

    To be overridden, in a conftest.py, a module, a class, or by ``parametrize``.
    """
    return {}


@pytest.fixture
def sora_client_options() -> Mapping[str, Any]:
    """
    Return further arguments of the client, such as ``{"outage_timeout": 10}``.

    To be overridden, as *sora_service_options*.
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

    It has the moment in ``now``, in seconds. ``pytest.mark.usefixtures("sora_virtual_time")`` asks
    for it without an argument, and the ini option ``usefixtures`` does so for all tests.
    """
    if _is_for_asyncio(request) and not _has_asyncio(request.config):
        pytest.fail("sora_virtual_time needs pytest-asyncio 1.4 or later, or anyio", pytrace=False)
    from sora_async.testing import VirtualClock

    return VirtualClock()


# --- On whose loop ----------------------------------------------------------------------------


@pytest.fixture
async def _sora_service_anyio(
    request: pytest.FixtureRequest, sora_service_options: Mapping[str, Any]
) -> AsyncIterator["FakeSora"]:
    from ._life import serve

    async with serve(request, sora_service_options) as service:
        yield service


@pytest.fixture
async def _sora_client_anyio(
    sora_service: "FakeSora",
    sora_service_options: Mapping[str, Any],
    sora_client_options: Mapping[str, Any],
) -> AsyncIterator["SoraClient"]:
    from ._life import connect

    async with connect(sora_service, sora_service_options, sora_client_options) as client:
        yield client


def _has_asyncio(config: pytest.Config) -> bool:
    """Whether pytest-asyncio is in use, in a version that lets others choose the loop."""
    return hasattr(config.hook, "pytest_asyncio_loop_factories")


def _is_for_asyncio(request: pytest.FixtureRequest) -> bool:
    """Whether pytest-asyncio runs the test; it fails where anyio would take its fixtures."""
    is_marked = request.node.get_closest_marker("asyncio") is not None
    if is_marked and "anyio_backend" in request.fixturenames:
        # The one would run the test, and the other its async fixtures, on a loop that stands still.
        pytest.fail(
            "both pytest-asyncio and anyio claim this test: let asyncio_mode be strict, and mark it"
            " for one of them",
            pytrace=False,
        )
    return is_marked


def _find_runner(request: pytest.FixtureRequest) -> str:
    """Return who runs the test, as the ending of the fixtures that run there."""
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


# --- On which clock ---------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Generator[None, None, None]:
    """Choose the loop of a test that asks for virtual time, and of no other."""
    if "sora_virtual_time" not in metafunc.fixturenames:
        return (yield)
    if "anyio_backend" in metafunc.fixturenames:
        _choose_backend(metafunc.definition)
        return (yield)
    metafunc.config.stash[_IS_VIRTUAL] = True
    with _virtual_loops(metafunc.config):
        return (yield)


def _choose_backend(test: pytest.Item) -> None:
    """Let anyio run *test* on the virtual loop, whatever the fixture *anyio_backend* says."""
    from ._clock import ANYIO_BACKEND

    # A mark of parametrize goes before the parameters of the fixture, and not before another mark.
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
    """Let pytest-asyncio see, before any fixture, that the next test has another loop."""
    if _IS_VIRTUAL not in item.config.stash:
        return (yield)
    with _virtual_loops(item.config):
        return (yield)


@contextmanager
def _virtual_loops(config: pytest.Config) -> Generator[None]:
    """
    Answer pytest-asyncio's hook meanwhile.

    Who answers it chooses the loop of every test that it is called for, and there is no answer
    that leaves the choice to others. So it is answered only while it is called for ours.
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
