"""
The boundary to aiohttp: whatever it raises becomes an error of ours here, and nowhere else.

aiohttp lets errors of yarl, ssl, socket, zlib and asyncio through as they are, and has some that
no document names. A wait must tell an outage from the end, and no error may show a key or the
password of a proxy. What is none of them, such as the KeyError of a bug in a trace
configuration of the user's, is left as it is: nobody could find it otherwise.
"""

import asyncio
import errno
import socket
import ssl
import zlib
from collections.abc import Iterable, Mapping

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from .._wire.redaction import redact
from ..errors import (
    CertificateError,
    ConnectionFailedError,
    InvalidArgumentError,
    SoraError,
)
from ..models.json_fields import read_label

FOREIGN_ERRORS = (
    aiohttp.ClientError,
    aiohttp.EofStream,
    HttpProcessingError,
    OSError,  # with TimeoutError, ssl.SSLError, socket.gaierror
    ValueError,  # with those of yarl, json and the codecs
    RuntimeError,  # with RecursionError
    ArithmeticError,
    EOFError,
    zlib.error,
    asyncio.LimitOverrunError,
)
"""What a request can raise that is neither an error of ours nor a bug of the user's."""

_PHRASES: Mapping[int | None, str] = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "the server reset the connection",
    errno.ECONNABORTED: "the connection was closed before the response was complete",
    errno.EPIPE: "the connection was closed before the request was sent",
    errno.ENETUNREACH: "the network cannot be reached",
    errno.EHOSTUNREACH: "the host cannot be reached",
    errno.ETIMEDOUT: "the connection timed out",
}
"""What the common errors of a socket mean, in words."""

_TWO_PASSWORDS = "Cannot combine AUTHORIZATION header"
"""How aiohttp begins when a session has an ``auth`` beside our ``Authorization`` header."""


def translate_error(
    error: Exception,
    url: str,
    *,
    secrets: tuple[str, ...] = (),
    proxies: Iterable[URL] = (),
    is_own_session: bool = True,
) -> SoraError:
    """
    Return the error of ours for what aiohttp or anything below it has raised.

    It is chained to the foreign one where that has nothing to hide: errors of responses show the
    headers of the request.

    Args:
        error: What was raised.
        url: What was asked for, for people.
        secrets: Texts that no message may show.
        proxies: Addresses of proxies, which may hold passwords.
        is_own_session: Whether the session is the client's; errors of how a session that was
            given is used name that session.
    """
    if isinstance(error, SoraError):
        return error
    text = read_label(str(error)) or "the connection broke"
    for proxy in proxies:
        text = text.replace(str(proxy), str(proxy.with_user(None)))
    shown = redact(text, secrets)
    if _TWO_PASSWORDS in text:
        return InvalidArgumentError("session: has a password of its own, beside the client's key")
    if isinstance(error, RuntimeError) and not is_own_session:
        return InvalidArgumentError(f"session: {shown}")
    reason = redact(_describe(error), secrets) or f"{type(error).__name__}: {shown}"
    kind = CertificateError if _is_about_certificate(error) else ConnectionFailedError
    failure = kind(url, reason)
    if shown == text and not isinstance(error, aiohttp.ClientResponseError):
        # Without its frames: those of aiohttp have the headers of the request, and the key.
        failure.__cause__ = error.with_traceback(None)
    return failure


def _describe(error: Exception) -> str | None:
    """Return the words for a common fault of the network; None for any other error."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection before it responded"
    if isinstance(error, aiohttp.ClientPayloadError) and "not completed" in str(error):
        return _PHRASES[errno.ECONNABORTED]
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"proxy {error.host}:{error.port}: {_describe(error.os_error) or 'no connection'}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the host name {error.host} cannot be resolved"  # it may be that of a proxy
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    if isinstance(error, TimeoutError):
        return _PHRASES[errno.ETIMEDOUT]
    if isinstance(error, aiohttp.ClientConnectionResetError):  # has no errno
        return _PHRASES[errno.ECONNRESET]
    return _PHRASES.get(error.errno) if isinstance(error, OSError) else None


def _is_about_certificate(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError)


def without_frames(error: SoraError) -> SoraError:
    """
    Return an error without the frames it came through.

    They hold the whole response, for as long as somebody keeps the error, and tools that show the
    variables of a traceback would show it: a response may repeat the key.
    """
    if error.__cause__ is not None:
        error.__cause__ = error.__cause__.with_traceback(None)
    return error.with_traceback(None)
