"""Requests for files at any address; the key is sent to the service's origin only."""

import asyncio
import errno
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from yarl import URL

from .._http.foreign_errors import FOREIGN_ERRORS
from .._http.late_timeout import late_timeout
from .._http.session import MAX_HEADER_SIZE, NO_TIMEOUT, HttpOptions
from .._http.transport import MAX_REDIRECTS, REDIRECTS, Transport
from .._wire.origins import (
    encode_link,
    find_link_problem,
    is_private_host,
    is_public,
    is_readable,
    is_same_origin,
    join_link,
)
from .._wire.redaction import without_query
from ..errors import ConnectionFailedError, SoraError
from ..models.repr import hide_queries

BUFFER = 256 * 1024
"""aiohttp buffers twice as many bytes of a response before the server has to wait."""

_REFUSAL = "refused to connect to an address that is not public"


class AddressNotAllowed(Exception):
    """A link leads to an address that is not requested; the text says why."""


class FileResponse:
    """
    A response whose body is still to be read.

    Attributes:
        status: The HTTP status.
        headers: Looked up in any case.
        url: Where it came from, redirects followed, without the query.
        is_own: Whether the service itself sent it.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, url: str, *, is_own: bool, client: "FileHttpClient"
    ) -> None:
        self._response = response
        self._client = client
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.url = url
        self.is_own = is_own

    async def read_at_least(self, size: int) -> list[bytes]:
        """
        Return the next *size* bytes of the body or a few more; fewer at its end.

        Raises:
            ConnectionFailedError: The connection broke, or they did not come within the timeout.
        """
        content, seconds = self._response.content, self._client.timeout
        chunks: list[bytes] = []
        try:
            async with late_timeout(seconds):
                while size > 0 and (chunk := await content.readany()):
                    chunks.append(chunk)
                    size -= len(chunk)
                return chunks
        except FOREIGN_ERRORS as error:
            is_timeout = type(error) is TimeoutError
            reason = f"no byte came for {seconds:g} s" if is_timeout else None
            if isinstance(error, aiohttp.ClientPayloadError):
                reason = "the connection broke"
            failure = self._client.translate(self.url, error, reason)
        raise failure

    def close(self) -> None:
        """Release the connection; another request may use it if the body was read to its end."""
        self._response.release()


class FileHttpClient:
    """
    Sends the requests for files on one event loop.

    The service's own origin gets them through the transport, with the key. Other origins get them
    through sessions made here, without the key, even if a session was given: what that one sends
    by itself, such as cookies, is not for them.
    """

    def __init__(
        self,
        transport: Transport,
        options: HttpOptions,
        *,
        base: URL,
        trust_env: bool,
        trace_configs: Sequence[aiohttp.TraceConfig],
    ) -> None:
        self.timeout = options.request_timeout
        self._transport = transport
        self._http_options = options
        self._base = base
        self._uses_proxy = trust_env or options.proxy is not None
        self._trace_configs = trace_configs
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._is_guarded: bool | None = None

    def is_own(self, url: str) -> bool:
        """Return whether an address is on the service's origin."""
        return is_same_origin(url, str(self._base))

    async def open(
        self, url: str, headers: Mapping[str, str], *, without_key: bool, allow_private: bool
    ) -> FileResponse:
        """
        Return the response to a GET; redirects are followed, and each address is checked.

        Args:
            url: The address.
            headers: The headers, beside those of the client.
            without_key: Whether a request to the service's origin goes without the key.
            allow_private: Whether a link may lead to addresses that are not public.

        Raises:
            ConnectionFailedError: No response came within the timeout.
            AddressNotAllowed: The address, or one that it redirects to, must not be requested.
            InvalidArgumentError: The session that was given is closed.
        """
        try:
            async with late_timeout(self.timeout):
                is_guarded = not allow_private and await self._needs_guard()
                return await self._follow(
                    url, headers, without_key=without_key, is_guarded=is_guarded
                )
        except (SoraError, AddressNotAllowed):
            raise
        except FOREIGN_ERRORS as error:
            if _REFUSAL in str(error):
                raise AddressNotAllowed(_REFUSAL) from error
            reason = (
                f"no response within {self.timeout:g} s" if type(error) is TimeoutError else None
            )
            failure = self.translate(url, error, reason)
        raise failure

    async def close(self) -> None:
        """Close the sessions that were made here."""
        for session in self._sessions.values():
            await session.close()

    def translate(self, url: str, error: Exception, reason: str | None = None) -> SoraError:
        """Return our error for a foreign one, without the secrets of signed links."""
        shown = without_query(url)
        if reason is not None:
            return ConnectionFailedError(shown, reason)
        failure = self._transport.translate(shown, error)
        if isinstance(failure, ConnectionFailedError) and "://" in failure.reason:
            return type(failure)(shown, hide_queries(failure.reason))
        return failure

    async def _follow(
        self, url: str, headers: Mapping[str, str], *, without_key: bool, is_guarded: bool
    ) -> FileResponse:
        target = self._check(url, is_guarded=is_guarded)
        for _ in range(MAX_REDIRECTS + 1):
            is_own = self.is_own(str(target))
            if is_own and not without_key:
                response = await self._transport.open(target, headers)
            else:
                response = await self._open_elsewhere(
                    target, headers, is_guarded=is_guarded and not is_own
                )
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or location is None:
                return FileResponse(
                    response, without_query(str(target)), is_own=is_own, client=self
                )
            response.release()
            if not is_readable(location):
                raise ConnectionFailedError(without_query(url), "a redirect to no address")
            link = join_link(str(target), location) or location
            target = self._check(link, is_guarded=is_guarded)
        raise ConnectionFailedError(without_query(url), f"more than {MAX_REDIRECTS} redirects")

    def _check(self, url: str, *, is_guarded: bool) -> URL:
        """Return an address that may be requested, as far as its text tells."""
        problem = find_link_problem(url)
        if problem is not None:
            raise AddressNotAllowed(f"a link leads to {problem}")
        target = _to_url(url)
        if is_guarded and not self.is_own(url) and is_private_host(target.host or ""):
            raise AddressNotAllowed(f"a link leads to {target.host}, which is not public")
        return target

    async def _open_elsewhere(
        self, target: URL, headers: Mapping[str, str], *, is_guarded: bool
    ) -> aiohttp.ClientResponse:
        proxy = self._transport.find_proxy(target) if self._uses_proxy else None
        # A proxy often has a private address, and looks up the target's name itself.
        session = self._session(is_guarded=is_guarded and proxy is None)
        agent = {"User-Agent": self._http_options.headers.get("User-Agent", "")}
        return await session.get(
            target, headers={**agent, **headers}, allow_redirects=False, proxy=proxy
        )

    def _session(self, *, is_guarded: bool) -> aiohttp.ClientSession:
        if is_guarded not in self._sessions:
            options: dict[str, Any] = {"socket_factory": _open_guarded} if is_guarded else {}
            self._sessions[is_guarded] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, ssl=self._http_options.ssl or True, **options
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=NO_TIMEOUT,
                max_line_size=MAX_HEADER_SIZE,
                max_field_size=MAX_HEADER_SIZE,
                read_bufsize=BUFFER,
                trace_configs=list(self._trace_configs),
            )
        return self._sessions[is_guarded]

    async def _needs_guard(self) -> bool:
        """Return whether the service has a public address: its links must not lead to others."""
        if self._is_guarded is None:
            self._is_guarded = await self._is_public()
        return self._is_guarded

    async def _is_public(self) -> bool:
        host = self._base.host or ""
        if is_private_host(host):
            return False
        if is_public(host) or (self._uses_proxy and self._transport.find_proxy(self._base)):
            return True
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, self._base.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError):
            return True
        return all(is_public(str(address[0])) for *_, address in found)


def _to_url(text: str) -> URL:
    """Return a link as it is: to quote again what is quoted already breaks its signature."""
    return URL(encode_link(text), encoded=True)


def _open_guarded(info: tuple[Any, ...]) -> socket.socket:
    """
    Return a socket for the address that is connected to, if that is public.

    Connecting looks the name up again: a check of an earlier look-up could be answered by another
    address than the one that is then connected to.
    """
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise PermissionError(errno.EACCES, _REFUSAL)
    return socket.socket(family, kind, protocol)
