"""The only room that sends HTTP: an address in, a :class:`Reply` or the lack of one out."""

import asyncio
import contextvars
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import attrs
from yarl import URL

from ._units import read_label
from ._wire import Reply, hide_in_text, is_loopback
from .budget import INSTANT
from .errors import (
    ConnectionFailedError,
    InvalidArgumentError,
    SoraError,
    UnreadableReplyError,
)

MAX_REDIRECTS = 5
# The limit of a request is our own and exact: aiohttp rounds its timeouts up to whole seconds.
_NO_TIMEOUT = aiohttp.ClientTimeout()
REDIRECTS = frozenset({301, 302, 303, 307, 308})


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


_OPTIONS: dict[str, Any] = {"allow_redirects": False}
"""Of a request with our own session, which knows all else: what it is told each time costs time."""


def _make_session(
    terms: Terms, trace_configs: Sequence[aiohttp.TraceConfig]
) -> aiohttp.ClientSession:
    """Return a session without cookies and without a limit of its own on connections."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=terms.ssl or True),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=terms.headers,
        timeout=_NO_TIMEOUT,
        trace_configs=list(trace_configs),
    )


def _options_for_any_session(terms: Terms) -> dict[str, Any]:
    """Return the options of a request with a session that somebody else has made."""
    return {
        **_OPTIONS,
        "headers": terms.headers,
        "timeout": _NO_TIMEOUT,
        "ssl": terms.ssl or True,
        "proxy": None,
        "raise_for_status": False,
    }


class _Limit:
    """The time limit of one request, which runs in the task that made it."""

    __slots__ = ("cancelling", "ends_at", "is_over", "task")

    def __init__(self, task: asyncio.Task[Any], ends_at: float) -> None:
        self.task = task
        self.ends_at = ends_at
        self.cancelling = task.cancelling()
        self.is_over = False


class _Limits:
    """
    The time limits of all requests under way.

    All have the same length, so they run out in the order in which they
    began, and one timer does for all of them.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._running: dict[_Limit, None] = {}
        self._context = contextvars.Context()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> _Limit:
        task = asyncio.current_task()
        assert task is not None
        limit = _Limit(task, self._loop.time() + self._seconds)
        self._running[limit] = None
        if self._timer is None:
            self._timer = self._loop.call_at(
                limit.ends_at, self._end_those_over, context=self._context
            )
        return limit

    def stop(self, limit: _Limit) -> bool:
        """Take a limit back, once; return whether it is what the request was cancelled for."""
        self._running.pop(limit, None)
        is_over, limit.is_over = limit.is_over, False
        return is_over and limit.task.uncancel() <= limit.cancelling

    def _end_those_over(self) -> None:
        self._timer = None
        now = self._loop.time()
        for limit in list(self._running):
            if limit.ends_at > now + INSTANT:
                self._timer = self._loop.call_at(
                    limit.ends_at, self._end_those_over, context=self._context
                )
                return
            del self._running[limit]
            limit.is_over = True
            limit.task.cancel()

    def close(self) -> None:
        """End the timer, unless there are calls that outlive their client."""
        if self._timer is not None and not self._running:
            self._timer.cancel()
            self._timer = None


class Transport:
    """
    Sends requests over one session, each within its own time limit.

    Args:
        session: A session that was given; None makes one, and closes it at the end.
        terms: How requests are sent.
        trace_configs: For the session that is made.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession | None,
        terms: Terms,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
    ) -> None:
        self.is_ours = session is None
        self._session = session or _make_session(terms, trace_configs)
        self._options = _OPTIONS if session is None else _options_for_any_session(terms)
        self._terms = terms
        self._proxies: dict[URL, URL | None] = {}
        self._limits = _Limits(terms.request_timeout)

    async def get(self, url: URL) -> Reply:
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
        limit = self._limits.start()
        try:
            return await self._exchange(url)
        except asyncio.CancelledError:
            if not self._limits.stop(limit):
                raise
            reason = f"no whole reply within {self._terms.request_timeout:g} s"
            failure: SoraError = ConnectionFailedError(str(url), reason)
        except TimeoutError as error:
            reason = f"no whole reply in time ({type(error).__name__})"
            failure = ConnectionFailedError(str(url), reason)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = self.translate(str(url), error)
        finally:
            self._limits.stop(limit)
        try:
            # Raised out here, it has no context: aiohttp's errors show the request's headers.
            raise failure
        finally:
            del failure  # which holds this frame now

    async def open(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """
        Send a GET of the service's own, and return the answer with its body still to be read.

        It knows no limit of time and follows no redirect, and its errors are aiohttp's.

        Args:
            url: On the service's origin: it gets our headers, the key among them.
            headers: To add to them.

        Raises:
            InvalidArgumentError: The session that was given is closed.
        """
        if self._session.closed:
            raise InvalidArgumentError("session: it is closed")
        names = {name.lower() for name in headers}
        kept = {k: text for k, text in self._terms.headers.items() if k.lower() not in names}
        options = {**self._options, "headers": {**kept, **headers}}
        if self._terms.trust_env:
            options["proxy"] = self.find_proxy(url)
        return await self._session.get(url, **options)

    async def close(self) -> None:
        """Close the session, unless it was given."""
        self._limits.close()
        if self.is_ours:
            await self._session.close()

    async def _exchange(self, url: URL) -> Reply:
        target = url
        for _ in range(MAX_REDIRECTS):
            options = self._options
            if self._terms.trust_env:
                options = {**options, "proxy": self.find_proxy(target)}
            response = await self._session.get(target, **options)
            try:
                if response.status not in REDIRECTS or "Location" not in response.headers:
                    return Reply(
                        url=str(url),
                        status=response.status,
                        headers=response.headers,
                        body=await self._read(url, response),
                        received=datetime.now(UTC),
                    )
            finally:
                response.release()
            target = self._follow(url, target, response)
        raise ConnectionFailedError(str(url), f"more than {MAX_REDIRECTS} redirects")

    def _follow(self, url: URL, target: URL, response: aiohttp.ClientResponse) -> URL:
        """Return where a redirect leads, if that is on the origin that was asked."""
        try:
            target = target.join(URL(response.headers["Location"]))
            where = str(target.origin())
        except ValueError:
            where = "an address that is none"
        if where == str(url.origin()):
            return target
        shown = hide_in_text(where, tuple(map(str.lower, self._terms.secrets)))
        reason = f"a redirect to {shown}, another origin; is that the base_url?"
        raise UnreadableReplyError(str(url), response.status, reason)

    def find_proxy(self, url: URL) -> URL | None:
        """Return the proxy that the environment names; no error shows its password."""
        origin = url.origin()
        if origin not in self._proxies:
            self._proxies[origin] = find_proxy(url)
        return self._proxies[origin]

    async def _read(self, url: URL, response: aiohttp.ClientResponse) -> bytes:
        content = response.content
        body = await content.readany()  # the whole of a small one
        if not content.at_eof():
            parts, size = [body], len(body)
            while size <= self._terms.longest_body and not content.at_eof():
                parts.append(await content.readany())
                size += len(parts[-1])
            body = b"".join(parts)
        if len(body) > self._terms.longest_body:
            reason = f"a body of more than {self._terms.longest_body} bytes"
            raise UnreadableReplyError(str(url), response.status, reason)
        return body

    def translate(self, url: str, error: Exception) -> SoraError:
        """Return our error for one of aiohttp's, chained to it where it has nothing to hide."""
        text = read_label(str(error)) or "the connection broke"
        for proxy in filter(None, self._proxies.values()):
            text = text.replace(str(proxy), str(proxy.with_user(None)))
        reason = hide_in_text(text, self._terms.secrets)
        if "Cannot combine AUTHORIZATION header" in text:
            return InvalidArgumentError("session: has a password of its own, beside our key")
        failure = ConnectionFailedError(url, f"{type(error).__name__}: {reason}")
        if reason == text and not isinstance(error, aiohttp.ClientResponseError):
            failure.__cause__ = error
        return failure
