"""``sora-async doctor``: the settings in force and one test request, for bug reports."""

import argparse
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from yarl import URL

from ... import InvalidArgumentError, SoraClient, SoraError, TaskNotFoundError, __version__
from ..._http.proxies import find_proxy
from ...dialects import OPENAI
from ..arguments import make_client
from ..display.clock import read_clock
from ..display.format import format_seconds
from ..display.json_lines import encode_error, print_object
from ..display.messages import explain_error
from ..exit_codes import Exit
from ..signals import run_until_signal

TEST_ID: Final = "sora-async-doctor"
"""A task that no service has."""

TIMEOUT: Final = 15.0
"""Seconds for the test request."""

PACKAGES: Final = ("aiohttp", "yarl", "attrs", "cattrs", "orjson", "uvloop", "rich", "shtab")


def doctor(options: argparse.Namespace) -> Exit:
    """Print the settings and the response; the exit code is 0 if the service does as expected."""
    return run_until_signal(_examine(options), options)


async def _examine(options: argparse.Namespace) -> Exit:
    versions = _find_versions()
    if not options.json:
        _print_lines(versions)  # also when there is no client because an option is invalid
    async with make_client(options, max_retries=0, request_timeout=TIMEOUT) as client:
        settings = _find_settings(options, client)
        if not options.json:
            _print_lines(settings)
        started = read_clock()
        error = await _send_request(client)
        elapsed = read_clock() - started
    is_good = error is None or isinstance(error, TaskNotFoundError)
    if options.json:
        print_object(
            "doctor",
            settings={**versions, **settings},
            is_ok=is_good,
            elapsed=round(elapsed, 3),
            error=encode_error(error),
        )
    else:
        _print_lines({"response": f"{_describe(error)} ({format_seconds(elapsed)})"})
    if isinstance(error, InvalidArgumentError):
        return Exit.USAGE
    return Exit.OK if is_good else Exit.FAILED


async def _send_request(client: SoraClient) -> SoraError | None:
    try:
        await client.get_task(TEST_ID)
    except SoraError as error:
        return error
    return None


def _describe(error: SoraError | None) -> str:
    if error is None:
        return "ok: the service answers, even for a task that does not exist"
    if isinstance(error, TaskNotFoundError):
        return f"ok: HTTP {error.status}, the service does not know the test task, as it should"
    return f"not ok: {explain_error(error)}"


def _find_versions() -> Mapping[str, str]:
    """Return the versions of everything that takes part."""
    return {
        "sora-async": __version__,
        "python": f"{platform.python_version()} on {platform.platform(terse=True)}",
        **{package: _find_version(package) for package in PACKAGES},
    }


def _find_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _find_settings(options: argparse.Namespace, client: SoraClient) -> Mapping[str, str]:
    """Return what is in force, and where it is set; of the key only whether there is one."""
    url_source = "SORA_BASE_URL" if options.base_url is None else "--base-url"
    key_source = "SORA_API_KEY" if options.api_key is None else "--api-key"
    dialect_source = "--dialect"
    if options.dialect is None:
        dialect_source = "default" if client.dialect is OPENAI else "the address"
    return {
        "base URL": f"{client.base_url} ({url_source})",
        "API key": f"{'set' if client.has_api_key else 'not set'} ({key_source})",
        "dialect": f"{client.dialect.name} ({dialect_source})",
        "proxy": _find_proxy(client.base_url),
        "request": f"GET {client.dialect.poll_path.replace('{id}', TEST_ID)}",
    }


def _find_proxy(base_url: str) -> str:
    """Return the proxy for the service without its password."""
    try:
        proxy = find_proxy(URL(base_url))
    except InvalidArgumentError:
        return "cannot be used: see the response"
    if proxy is not None:
        return str(proxy.with_user(None))
    return "none (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY)"


def _print_lines(texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        print(f"{name:<12}{text}", flush=True)
