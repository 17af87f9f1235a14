"""Sends HTTP requests to the service: the only module that does, but for those of files."""

from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp
from yarl import URL

from .._wire.origins import encode_link, is_same_origin, join_link, origin_of
from .._wire.redaction import redact
from .._wire.response import Response
from .._wire.secrets import SecretHeaders
from ..errors import ConnectionFailedError, InvalidArgumentError, InvalidResponseError, SoraError
from .foreign_errors import FOREIGN_ERRORS, translate_error
from .late_timeout import late_timeout
from .proxies import find_proxy
from .request_body import TrackedBody
from .session import (
    OPTIONS,
    HttpOptions,
    make_session,
    options_for_any_session,
)

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECTS_OF_A_REQUEST = frozenset({307, 308})
"""After these the same request is sent again: the first one had no effect. After the others the
new address may be that of what was made. Source: :rfc:`9110`, section 15.4."""


class Transport:
    """
    Sends requests over one session, each within its own time limit.

    Args:
        session: A session that was given; None makes one, and closes it at the end.
        options: How requests are sent.
        trace_configs: For the session that is made.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession | None,
        options: HttpOptions,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
    ) -> None:
        self.is_ours = session is None
        # "unsafe" only means that a server may be named by its IP address.
        self._cookies = aiohttp.CookieJar(unsafe=True)
        self._session = session or make_session(options, trace_configs, cookies=self._cookies)
        self._options = OPTIONS if session is None else options_for_any_session(options)
        self._http_options = options
        self._uses_proxy = options.trust_env or options.proxy is not None
        self._trace_configs = trace_configs
        self._unpooled: aiohttp.ClientSession | None = None
        self._proxies: dict[URL, URL | None] = {}

    def get(
        self, url: URL, headers: Mapping[str, str] | None = None
    ) -> Coroutine[Any, Any, Response]:
        """
        Return the response to a GET, whatever its status.

        Redirects are followed here and not by aiohttp, and on the same
        origin only: another one must see neither our headers nor those of a
        given session.

        Args:
            url: On the service's origin: it gets our headers, the key among them.
            headers: To add to them.

        Raises:
            ConnectionFailedError: There was no whole response in time.
            InvalidResponseError: The response is larger than ``max_response_size``, or
                redirects to another origin.
            InvalidArgumentError: The session that was given cannot be used.
        """
        # No coroutine of its own: each one between a poll and its answer costs time.
        exchange = self._exchange(url, headers=headers)
        return self._within(self._http_options.request_timeout, url, exchange)

    def send(
        self, method: str, url: URL, body: TrackedBody | None = None
    ) -> Coroutine[Any, Any, Response]:
        """
        Return the response to a request that changes something, whatever its status.

        It uses a new connection: the server may close an idle one at the moment it is used, and
        then nobody knows what has arrived. A session that was given decides itself; it is asked
        for a connection that polls do not use.

        A redirect is followed on the same origin only, and only where it says that the
        request had no effect yet. One with a body has the ``create_timeout``.

        Raises:
            ConnectionFailedError: There was no whole response in time; the body
                knows whether any of it was sent.
            InvalidResponseError: The response is larger than ``max_response_size``, or a redirect.
            InvalidArgumentError: The session that was given cannot be used.
        """
        options = self._http_options
        seconds = options.request_timeout if body is None else options.create_timeout
        exchange = self._exchange(url, method, body)
        return self._within(seconds, url, exchange)

    def peek(self, url: URL, headers: Mapping[str, str]) -> Coroutine[Any, Any, Response]:
        """
        Return the response to a GET without its body, which is not read.

        Redirects are followed on the same origin only; the response is a redirect when it leads
        to another one. The connection is closed: the rest of the body must not be sent.

        Args:
            url: On the service's origin: it gets our headers, the key among them.
            headers: To add to them.

        Raises:
            ConnectionFailedError: There was no response in time.
            InvalidArgumentError: The session that was given cannot be used.
        """
        return self._within(self._http_options.request_timeout, url, self._peek(url, headers))

    async def _peek(self, url: URL, headers: Mapping[str, str]) -> Response:
        target = url
        for _ in range(MAX_REDIRECTS):
            response = await self.open(target, headers)
            response.close()
            location = response.headers.get("Location")
            link = None if location is None else join_link(str(target), location)
            leads_on = response.status in REDIRECTS and link is not None
            if link is None or not leads_on or not is_same_origin(link, str(url)):
                return Response(
                    url=str(target),
                    status=response.status,
                    headers=response.headers,
                    body=b"",
                    received=datetime.now(UTC),
                )
            target = URL(encode_link(link), encoded=True)
        raise ConnectionFailedError(str(url), f"more than {MAX_REDIRECTS} redirects")

    async def _within(
        self, seconds: float, url: URL, exchange: Coroutine[Any, Any, Response]
    ) -> Response:
        if self._session.closed:
            exchange.close()
            raise InvalidArgumentError("session: it is closed")
        try:
            async with late_timeout(seconds) as scope:
                return await exchange
        except TimeoutError as error:
            reason = f"no whole response in time ({type(error).__name__})"
            if scope.expired():  # a proxy or a trace callback may raise a TimeoutError of its own
                reason = f"no whole response within {seconds:g} s"
            failure: SoraError = ConnectionFailedError(str(url), reason)
        except SoraError:
            raise
        except FOREIGN_ERRORS as error:
            failure = self.translate(str(url), error)
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
        options = {**self._options, "headers": self._replace_headers(headers)}
        if self._uses_proxy:
            options["proxy"] = self.find_proxy(url)
        return await self._session.get(url, **options)

    async def close(self) -> None:
        """Close the session, unless it was given."""
        if self.is_ours:
            await self._session.close()
        if self._unpooled is not None:
            await self._unpooled.close()

    async def _exchange(
        self,
        url: URL,
        method: str = "GET",
        body: TrackedBody | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        target = url
        for _ in range(MAX_REDIRECTS):
            response = await self._request(method, target, body, headers)
            try:
                if response.status not in REDIRECTS or "Location" not in response.headers:
                    return Response(
                        url=str(url),
                        status=response.status,
                        headers=response.headers,
                        body=await self._read(url, response),
                        received=datetime.now(UTC),
                    )
            finally:
                if method == "GET":
                    response.release()
                else:
                    response.close()
            target = self._follow(url, target, response)
            is_plain = method == "GET" or response.status in _REDIRECTS_OF_A_REQUEST
            if not is_plain or (body is not None and not body.can_repeat):
                reason = f"a redirect to {target.path}, which is not followed: it may be the answer"
                raise InvalidResponseError(str(url), response.status, reason)
        raise ConnectionFailedError(str(url), f"more than {MAX_REDIRECTS} redirects")

    def _request(
        self,
        method: str,
        url: URL,
        body: TrackedBody | None,
        more_headers: Mapping[str, str] | None,
    ) -> Awaitable[aiohttp.ClientResponse]:
        options = self._options
        if self._uses_proxy:
            options = {**options, "proxy": self.find_proxy(url)}
        if method == "GET":
            if more_headers:
                options = {**options, "headers": self._replace_headers(more_headers)}
            return self._session.get(url, **options)
        # A request without a body names no media type: strict servers would look for JSON in it.
        headers = self._replace_headers(
            {} if body is None else body.request_headers, "content-type"
        )
        if body is not None:
            options = {**options, "data": body}
        if not self.is_ours:
            # A part of what a connection is kept under, and the name that is used anyway: so none
            # of those of polls is taken; and the server ends it, so that the next create has none.
            options = {**options, "server_hostname": url.raw_host}
            headers["Connection"] = "close"
        return self._open_unpooled().request(method, url, **{**options, "headers": headers})

    def _replace_headers(self, own: Mapping[str, str], *dropped: str) -> SecretHeaders:
        """
        Return the client's headers, with those of one request in place of any of the same name.

        Args:
            own: The headers of the request.
            dropped: Names, in lower case, that are left out of the client's headers as well.
        """
        names = {*dropped, *(name.lower() for name in own)}
        usual = self._http_options.headers
        headers = SecretHeaders({name: usual[name] for name in usual if name.lower() not in names})
        headers.update(own)
        return headers

    def _open_unpooled(self) -> aiohttp.ClientSession:
        """Return the session that opens a new connection for every request; made at first use."""
        if not self.is_ours:
            return self._session
        if self._unpooled is None:
            self._unpooled = make_session(
                self._http_options, self._trace_configs, cookies=self._cookies, is_fresh=True
            )
        return self._unpooled

    def _follow(self, url: URL, target: URL, response: aiohttp.ClientResponse) -> URL:
        """Return where a redirect leads, if that is on the origin that was asked."""
        link = join_link(str(target), response.headers["Location"])
        if link is not None and is_same_origin(link, str(url)):
            return URL(encode_link(link), encoded=True)
        where = "something that is no http(s) address" if link is None else str(origin_of(link))
        shown = redact(where, tuple(map(str.lower, self._http_options.secrets)))
        reason = f"a redirect to {shown}, another origin; is that the base_url?"
        raise InvalidResponseError(str(url), response.status, reason)

    def find_proxy(self, url: URL) -> URL | None:
        """Return the proxy for an address; no error shows its password."""
        origin = url.origin()
        if origin not in self._proxies:
            self._proxies[origin] = self._http_options.proxy or find_proxy(url)
        return self._proxies[origin]

    async def _read(self, url: URL, response: aiohttp.ClientResponse) -> bytes:
        content = response.content
        body = await content.readany()  # the whole of a small one
        if not content.at_eof():
            parts, size = [body], len(body)
            while size <= self._http_options.max_response_size and not content.at_eof():
                parts.append(await content.readany())
                size += len(parts[-1])
            body = b"".join(parts)
        if len(body) > self._http_options.max_response_size:
            reason = f"a body of more than {self._http_options.max_response_size} bytes"
            raise InvalidResponseError(str(url), response.status, reason)
        return body

    def translate(self, url: str, error: Exception) -> SoraError:
        """Return the error of ours for one of aiohttp's."""
        return translate_error(
            error,
            url,
            secrets=self._http_options.secrets,
            proxies=filter(None, self._proxies.values()),
            is_own_session=self.is_ours,
        )
