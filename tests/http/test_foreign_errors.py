"""The boundary to aiohttp: what it and the modules below it raise becomes an error of ours."""

import asyncio
import contextlib
import errno
import inspect
import json
import os
import socket
import ssl
import zlib

import aiohttp
import aiohttp.client_exceptions
import aiohttp.http_exceptions
import pytest
import yarl
from aiohttp.client_reqrep import ConnectionKey
from support import KEY
from yarl import URL

from sora_async import (
    CertificateError,
    ConnectionFailedError,
    InvalidArgumentError,
    InvalidResponseError,
    SoraClient,
    SoraError,
)
from sora_async._http.foreign_errors import FOREIGN_ERRORS, translate_error
from sora_async._http.proxies import check_proxy, find_proxy
from sora_async.testing import FakeSora, completed, raw

RUNNING = {"id": "t", "status": "running"}
URL_ASKED = "https://api.example/v1/videos/t"
OTHER_PROTOCOLS = ("WS", "WebSocket")
"""Of WebSockets, which are never opened."""


def foreign_types() -> list[type[Exception]]:
    """Every exception that aiohttp and the modules below it have, by whatever name."""
    modules = [aiohttp, aiohttp.client_exceptions, aiohttp.http_exceptions, yarl, ssl, socket]
    modules += [json, os, zlib, asyncio]
    found: set[type[Exception]] = set()
    for module in modules:
        for name, one in inspect.getmembers(module, inspect.isclass):
            is_error = issubclass(one, Exception) and not issubclass(one, Warning)
            if is_error and not name.startswith(("_", *OTHER_PROTOCOLS)):
                found.add(one)
    return sorted(found, key=lambda one: (one.__module__, one.__qualname__))


OF_ASYNCIO = {
    asyncio.InvalidStateError,
    asyncio.QueueEmpty,
    asyncio.QueueFull,
    *filter(None, (getattr(asyncio, name, None) for name in ("QueueShutDown",))),
    getattr(asyncio, "BrokenBarrierError", RuntimeError),
}
"""Of misused futures and queues: a request has none to misuse."""


class Named(str):
    """A text that answers to what the texts of aiohttp's errors ask of their parts."""

    host, port, ssl, is_ssl = "api.example", 443, True, True
    strerror, reason, errno, args = "broke", "broke", 1, ("broke",)
    real_url = "https://api.example"


PARTS = ("_conn_key", "_os_error", "message", "_certificate_error", "headers", "status")
PARTS += ("_url", "_description", "_path", "request_info")


@pytest.mark.parametrize("kind", foreign_types(), ids=lambda kind: kind.__qualname__)
def test_every_foreign_type_is_one_of_the_boundary(kind: type[Exception]) -> None:
    assert issubclass(kind, FOREIGN_ERRORS) or kind in OF_ASYNCIO


@pytest.mark.parametrize(
    "kind",
    [kind for kind in foreign_types() if kind not in OF_ASYNCIO],
    ids=lambda kind: kind.__qualname__,
)
def test_every_foreign_error_becomes_ours_and_hides_what_is_secret(kind: type[Exception]) -> None:
    error = kind.__new__(kind)
    # Many want arguments of their own, which say nothing here: all are given the same text.
    error.args = (f"it broke with {KEY} by http://user:pass-word@proxy.example/",)
    for name in PARTS:
        with contextlib.suppress(AttributeError):
            setattr(error, name, Named(error.args[0]))
    proxy = URL("http://user:pass-word@proxy.example/")

    failure = translate_error(error, URL_ASKED, secrets=(KEY,), proxies=[proxy])

    assert isinstance(failure, SoraError)
    assert KEY not in str(failure)
    assert "pass-word" not in str(failure)


def test_an_error_of_ours_stays_as_it_is() -> None:
    error = InvalidArgumentError("x")

    assert translate_error(error, URL_ASKED) is error


def test_a_misused_session_that_was_given_is_named() -> None:
    failure = translate_error(RuntimeError("Session is closed"), URL_ASKED, is_own_session=False)

    assert isinstance(failure, InvalidArgumentError)
    assert str(failure) == "session: Session is closed"


def test_a_certificate_that_cannot_be_verified_says_what_to_do() -> None:
    failure = translate_error(ssl.SSLCertVerificationError("expired"), URL_ASKED)

    assert isinstance(failure, CertificateError)
    assert "pass ssl=" in str(failure)


def connector_error(kind: type[aiohttp.ClientConnectorError], error: OSError) -> Exception:
    key = ConnectionKey("10.0.0.1", 8080, False, True, None, None, None)
    return kind(key, error)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "connection refused"),
        (aiohttp.ClientOSError(errno.ECONNRESET, "reset"), "the server reset the connection"),
        (aiohttp.ClientConnectionResetError("closing"), "the server reset the connection"),
        (OSError(errno.ENETUNREACH, "no net"), "the network cannot be reached"),
        (
            connector_error(aiohttp.ClientConnectorDNSError, OSError(None, "Misconfigured")),
            "the host name 10.0.0.1 cannot be resolved",
        ),
        (socket.gaierror(-2, "unknown"), "the host name cannot be resolved"),
        (aiohttp.SocketTimeoutError("read"), "the connection timed out"),
        (
            aiohttp.ServerDisconnectedError(),
            "the server closed the connection before it responded",
        ),
        (
            aiohttp.ClientPayloadError("Response payload is not completed"),
            "the connection was closed before the response was complete",
        ),
        (
            connector_error(
                aiohttp.ClientProxyConnectionError, ConnectionRefusedError(errno.ECONNREFUSED, "")
            ),
            "proxy 10.0.0.1:8080: connection refused",
        ),
        (
            connector_error(aiohttp.ClientProxyConnectionError, OSError("odd")),
            "proxy 10.0.0.1:8080: no connection",
        ),
        (
            connector_error(aiohttp.ClientProxyConnectionError, socket.gaierror(-2, "unknown")),
            "proxy 10.0.0.1:8080: the host name cannot be resolved",
        ),
        (zlib.error("bad"), "error: bad"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_common_fault_is_told_in_plain_words(error: Exception, reason: str) -> None:
    failure = translate_error(error, URL_ASKED)

    assert isinstance(failure, ConnectionFailedError)
    assert failure.reason == reason
    assert failure.__cause__ is error


async def test_a_refused_connection_says_so() -> None:
    async with SoraClient(base_url="http://127.0.0.1:9", max_retries=0) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await client.get_task("t")

    assert str(caught.value) == (
        "no response from http://127.0.0.1:9/v1/videos/t: connection refused. "
        "Check base_url (SORA_BASE_URL) and the network"
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 307 X\r\nLocation: https://[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 307 X\r\nLocation: //cdn\xe2\x84\x80.example\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        b"\x00\x01\x02\r\n\r\n",
        b"",
    ],
)
async def test_no_bytes_of_a_server_get_out_as_a_foreign_error(answer: bytes) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with SoraClient(base_url=f"http://127.0.0.1:{port}", max_retries=0) as client:
        with pytest.raises(SoraError) as caught:
            await client.get_task("t")
    server.close()

    assert isinstance(caught.value, ConnectionFailedError | InvalidResponseError)


class TestProxies:
    @pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "SOCKS4a://u:p@h:1"])
    def test_a_socks_proxy_is_refused_at_once(self, proxy: str) -> None:
        with pytest.raises(InvalidArgumentError, match="SOCKS") as caught:
            SoraClient(base_url="https://api.example", proxy=proxy)

        assert "u:p" not in str(caught.value)

    @pytest.mark.parametrize(
        "proxy", [7, b"http://h:1", "", "http://", "ftp://h:1", "http://u:secret@h:x", "http://[1"]
    )
    def test_what_is_no_proxy_is_refused_and_not_shown(self, proxy: object) -> None:
        with pytest.raises(InvalidArgumentError, match="proxy") as caught:
            check_proxy(proxy)

        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        ("proxy", "expected"),
        [
            (None, None),
            ("h:8080", URL("http://h:8080")),
            ("u:p@h:8080", URL("http://u:p@h:8080")),
            (URL("https://h"), URL("https://h")),
        ],
    )
    def test_a_proxy_is_taken_as_curl_takes_it(self, proxy: object, expected: URL | None) -> None:
        assert check_proxy(proxy) == expected

    def test_the_environment_names_a_proxy_for_other_machines(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv("https_proxy", "proxy.example:8080")
        monkeypatch.setenv("no_proxy", "direct.example")

        assert find_proxy(URL("https://api.example")) == URL("http://proxy.example:8080")
        assert find_proxy(URL("http://api.example")) is None
        assert find_proxy(URL("https://direct.example")) is None
        assert find_proxy(URL("https://127.0.0.1")) is None

        monkeypatch.setenv("all_proxy", "socks5://proxy.example")
        with pytest.raises(InvalidArgumentError, match="ALL_PROXY"):
            find_proxy(URL("http://api.example"))

    async def test_a_bad_variable_ends_a_wait_at_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1")
        async with SoraClient(base_url="https://videos.example", trust_env=True) as client:
            with pytest.raises(InvalidArgumentError, match="SOCKS"):
                await client.wait_until_complete("t")

    async def test_requests_go_to_the_proxy_that_was_given(self, sora: FakeSora) -> None:
        async with SoraClient(
            base_url="http://videos.example", api_key=KEY, allow_plain_http=True, proxy=sora.url
        ) as client:
            sora.script("t", completed())

            task = await client.get_task("t")

        assert task.phase == "succeeded"


async def test_the_cookies_of_the_service_come_back_to_it(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("t", raw(RUNNING, headers={"Set-Cookie": "server=7; Path=/"}), completed())

    await client.wait_until_complete("t")

    first, second = (poll.headers.get("Cookie") for _, poll in sora.requests[:2])
    assert (first, second) == (None, "server=7")


async def test_a_header_of_many_bytes_is_read(sora: FakeSora, client: SoraClient) -> None:
    sora.script("t", raw(RUNNING, headers={"Content-Security-Policy": "x" * 60_000}), completed())

    task = await client.wait_until_complete("t")

    assert task.phase == "succeeded"
