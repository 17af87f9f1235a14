"""Sessions of aiohttp: how ours are made, and what one that was given is told each time."""

import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aiohttp
import aiohttp.abc
import attrs
from yarl import URL

from .._version import __version__
from .._wire.secrets import SecretHeaders, Secrets, SecretStr
from ..errors import InvalidArgumentError
from ..models.repr import brief, shorten

# The limit of a request is our own and exact: aiohttp rounds its timeouts up to whole seconds.
NO_TIMEOUT = aiohttp.ClientTimeout()

MAX_HEADER_SIZE = 64 * 1024
"""Bytes that one response header may have. aiohttp's own 8190 are too few for some gateways, whose
policies fill a header; httpx and requests read as much."""

OPTIONS: dict[str, Any] = {"allow_redirects": False}
"""Of a request with the client's own session, which has all other options."""

_SCHEME = re.compile(r"^(bearer|basic|token|digest|(api-?)?key)\s+", re.IGNORECASE)
"""How the value of an ``Authorization`` may begin. Source: IANA's list of HTTP authentication
schemes."""

_SECRET_NAME = re.compile(
    r"(^|[-_])(authorization|token|secret|password|cookie|api[-_]?key)$", re.IGNORECASE
)


@attrs.frozen(kw_only=True)
class HttpOptions:
    """
    How requests are sent, whatever loop they are sent from.

    Attributes:
        headers: Sent to the base URL's origin and to no other.
        secrets: Those of them, or parts, that no error may show; the key is the first.
        request_timeout: Seconds for one request, from the connection to the body's last byte.
        create_timeout: The same for one that has a body.
        max_response_size: Bytes of a response that are read, counted after decompression.
        ssl: What TLS is verified with; None for the system's certificates.
        trust_env: Whether proxies named by the environment are used.
        proxy: The proxy of all requests; None for none, or those of the environment.
    """

    __repr__ = brief

    headers: Mapping[str, str] = attrs.field(repr=False)
    secrets: Secrets = attrs.field(repr=False)
    request_timeout: float
    create_timeout: float
    max_response_size: int
    ssl: ssl.SSLContext | None
    trust_env: bool = False
    proxy: URL | None = attrs.field(default=None, repr=False)


def make_headers(api_key: SecretStr | None, extra: SecretHeaders) -> SecretHeaders:
    """
    Return the headers of every request.

    Both media types are sent although there is no body: the API page requires
    them, and a gateway that validates against the page answers 422 without.
    """
    headers = SecretHeaders(
        {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": f"sora_async/{__version__}",
        }
    )
    if api_key is not None:
        headers["Authorization"] = f"Bearer {api_key.reveal()}"
    check_headers(extra)
    for name in extra:
        for twin in [one for one in headers if one.lower() == name.lower()]:
            del headers[twin]
        headers[name] = extra[name]
    return headers


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what cannot be a header; a value is in no error, as it may be secret."""
    for name in headers:
        if not _is_header(name, headers[name]):
            raise InvalidArgumentError(f"headers: {shorten(name)} cannot be sent as an HTTP header")


def _is_header(name: object, text: object) -> bool:
    if not isinstance(name, str) or not isinstance(text, str):
        return False
    is_name = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return is_name and text.isprintable() and text.isascii()


def find_secrets(headers: Mapping[str, str]) -> Secrets:
    """
    Return the values of headers that give access to something, without their scheme.

    What is a secret in a value of several parts, such as a cookie, is the business of
    :func:`~sora_async._wire.redaction.redact`.
    """
    found = (text for name, text in headers.items() if _SECRET_NAME.search(name))
    return Secrets(dict.fromkeys(_SCHEME.sub("", text) for text in found if text))


def check_session(session: object) -> aiohttp.ClientSession | None:
    """Return aiohttp's session, or None."""
    if session is not None and not isinstance(session, aiohttp.ClientSession):
        raise InvalidArgumentError(
            f"session: expected an aiohttp.ClientSession, got {shorten(session)}"
        )
    return session


def check_trace_configs(trace_configs: object) -> tuple[aiohttp.TraceConfig, ...]:
    """Return aiohttp's trace configurations, if that is what they are."""
    configs = tuple(trace_configs) if isinstance(trace_configs, Iterable) else (trace_configs,)
    if not all(isinstance(one, aiohttp.TraceConfig) for one in configs):
        raise InvalidArgumentError(
            "trace_configs: expected a sequence of aiohttp.TraceConfig, "
            f"got {shorten(trace_configs)}"
        )
    return configs


def make_session(
    options: HttpOptions,
    trace_configs: Sequence[aiohttp.TraceConfig],
    *,
    cookies: aiohttp.abc.AbstractCookieJar,
    is_fresh: bool = False,
) -> aiohttp.ClientSession:
    """
    Return a session for the service's own origin, without a limit of its own on connections.

    Args:
        options: How requests are sent.
        trace_configs: aiohttp's trace configurations for the session.
        cookies: Keeps the cookies of the service: load balancers use them to send a client to the
            same server each time.
        is_fresh: Whether each request has a connection of its own.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=is_fresh, ssl=options.ssl or True),
        cookie_jar=cookies,
        headers=None if is_fresh else options.headers,  # those are given with each request
        timeout=NO_TIMEOUT,
        trace_configs=list(trace_configs),
        max_line_size=MAX_HEADER_SIZE,
        max_field_size=MAX_HEADER_SIZE,
    )


def options_for_any_session(options: HttpOptions) -> dict[str, Any]:
    """Return the options of a request with a session that somebody else has made."""
    return {
        **OPTIONS,
        "headers": options.headers,
        "timeout": NO_TIMEOUT,
        "ssl": options.ssl or True,
        "proxy": options.proxy,
        "raise_for_status": False,
        "max_line_size": MAX_HEADER_SIZE,
        "max_field_size": MAX_HEADER_SIZE,
    }
