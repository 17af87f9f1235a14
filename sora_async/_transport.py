"""The only room that sends HTTP: an address in, a :class:`Reply` or the lack of one out."""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.request import getproxies, proxy_bypass

import aiohttp
import attrs
from yarl import URL

from ._units import read_label
from ._wire import Reply, hide_in_text, is_loopback
from .errors import (
    ConnectionFailedError,
    InvalidArgumentError,
    SoraError,
    UnreadableReplyError,
)

MAX_IN_FLIGHT = 100
MAX_REDIRECTS = 5
# The limit of a request is our own and exact: aiohttp rounds its timeouts up to whole seconds.
_NO_TIMEOUT = aiohttp.ClientTimeout()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@attrs.frozen(kw_only=True)
class Terms:
    """
    How requests are sent, whatever loop they are sent from.

    Attributes:
        headers: Sent to the base URL's origin and to no other.
        secrets: Those of them, or parts, that no error may show; the key is the first.
        request_timeout: Seconds for one request, from the connection to the body's last byte.
        longest_body: Bytes of a reply that are read, counted after decompression.
        ssl: What TLS is verified with; None for the system's certificates.
        trust_env: Whether proxies named by the environment are used.
    """

    headers: Mapping[str, str] = attrs.field(repr=False)
    secrets: tuple[str, ...] = attrs.field(repr=False)
    request_timeout: float
    longest_body: int
    ssl: ssl.SSLContext | None
    trust_env: bool = False


def find_proxy(url: URL) -> URL | None:
    """
    Return the proxy that the environment names for an address, None when it names none.

    aiohttp's own ``trust_env`` also reads ``~/.netrc``, and then either sends what it finds
    there or refuses a request that has an ``Authorization`` of its own: it is not used.
    """
    if is_loopback(str(url)) or proxy_bypass(url.host or ""):
        return None
    proxy = getproxies().get(url.scheme)
    return URL(proxy) if proxy else None


class Transport:
    """Sends requests over one session, so many at a time, each within its own time limit."""

    def __init__(self, session: aiohttp.ClientSession, terms: Terms) -> None:
        self._session = session
        self._terms = terms
        self._proxies: dict[URL, URL | None] = {}
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)

    async def get(self, url: str) -> Reply:
        """
        Return the reply to a GET, whatever its status.

        Redirects are followed here and not by aiohttp, and on the same
        origin only: another one must see neither our headers nor those of a
        given session.

        Raises:
            ConnectionFailedError: There was no whole reply in time.
            UnreadableReplyError: The reply is larger than we read, or leads to another origin.
            InvalidArgumentError: The session that was given cannot be used.
        """
        if self._session.closed:
            raise InvalidArgumentError("session: it is closed")
        async with self._in_flight:
            try:
                async with asyncio.timeout(self._terms.request_timeout) as limit:
                    return await self._follow(URL(url, encoded=True))
            except TimeoutError as error:
                seconds = f"{self._terms.request_timeout:g} s"
                whose = (
                    f"within {seconds}" if limit.expired() else f"in time ({type(error).__name__})"
                )
                failure: SoraError = ConnectionFailedError(url, f"no whole reply {whose}")
            except (aiohttp.ClientError, OSError, ValueError) as error:
                failure = self._translate(url, error)
        # Raised out here, it has no context: aiohttp's errors show the request's headers.
        raise failure

    async def _follow(self, url: URL) -> Reply:
        asked, target = str(url), url
        for _ in range(MAX_REDIRECTS):
            async with self._session.get(
                target,
                headers=self._terms.headers,
                timeout=_NO_TIMEOUT,
                ssl=self._terms.ssl or True,
                proxy=self._find_proxy(target),
                allow_redirects=False,
                raise_for_status=False,
            ) as response:
                location = response.headers.get("Location")
                if response.status not in _REDIRECTS or not location:
                    return await self._read(asked, response)
            try:
                target = target.join(URL(location))
                where = str(target.origin())
            except ValueError:
                where = "an address that is none"
            if where != str(url.origin()):
                shown = hide_in_text(where, tuple(map(str.lower, self._terms.secrets)))
                reason = f"a redirect to {shown}, another origin; is that the base_url?"
                raise UnreadableReplyError(asked, response.status, reason)
        raise ConnectionFailedError(asked, f"more than {MAX_REDIRECTS} redirects")

    def _find_proxy(self, url: URL) -> URL | None:
        if not self._terms.trust_env:
            return None
        origin = url.origin()
        if origin not in self._proxies:
            self._proxies[origin] = find_proxy(url)
        return self._proxies[origin]

    async def _read(self, url: str, response: aiohttp.ClientResponse) -> Reply:
        parts, size = [], 0
        async for part in response.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > self._terms.longest_body:
                reason = f"a body of more than {self._terms.longest_body} bytes"
                raise UnreadableReplyError(url, response.status, reason)
        return Reply(
            url=url,
            status=response.status,
            headers=response.headers,
            body=b"".join(parts),
            received=datetime.now(UTC),
        )

    def _translate(self, url: str, error: Exception) -> SoraError:
        """Return our error for one of aiohttp's, chained to it where it has nothing to hide."""
        text = read_label(str(error)) or "the connection broke"
        reason = hide_in_text(text, self._terms.secrets)
        if "Cannot combine AUTHORIZATION header" in text:
            return InvalidArgumentError("session: has a password of its own, beside our key")
        failure = ConnectionFailedError(url, f"{type(error).__name__}: {reason}")
        if reason == text and not isinstance(error, aiohttp.ClientResponseError):
            failure.__cause__ = error
        return failure
