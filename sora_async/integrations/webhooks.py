"""
Webhooks that end a wait's pause: read one, check its signature, and call ``notify``.

A webhook is a hint. It makes the next poll happen now, and the poll tells
what is so. A forged one costs one request, and a lost one only time.

The signatures need the standard library only, so there is no extra. The package
``standardwebhooks`` reads the clock itself and raises ValueError and
UnicodeDecodeError for malformed headers and bodies, so it is not used.
"""

import base64
import contextlib
import hmac
import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
from aiohttp import web

from .. import InvalidArgumentError, Phase, WebhookError, WebhookSignatureError
from .._wire.json import parse_json
from .._wire.webhook import find_phase, find_task_id
from ..errors.base import check_bool

__all__ = ["WebhookEvent", "aiohttp_handler", "asgi_app", "parse"]

MAX_CLOCK_SKEW = 300.0
"""Seconds before and after now in which a webhook must be signed. Source: Standard Webhooks."""

MAX_BODY_SIZE = 1024 * 1024
"""Bytes of the longest webhook that the handlers read."""

MAX_SIGNATURES = 16
"""Signatures of a webhook that are tried; a sender has one for each secret that is in use."""

SECRET_PREFIX = "whsec_"

_FIELD = re.compile(r"(t|v1)=([0-9A-Za-z]+)")
"""A field of ``t=1764500000,v1=5257a8...``."""

Notify = Callable[[str], object]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Respond = Callable[[Mapping[str, str], bytes], Awaitable[tuple[int, str]]]


@attrs.frozen(kw_only=True)
class WebhookEvent:
    """
    What a webhook says.

    Attributes:
        task_id: The task that it is about.
        phase: The phase that it reports; None if it reports none. Poll the task to be sure.
        is_signed: Whether its signature was checked; False only with *allow_unsigned*.
    """

    task_id: str
    phase: Phase | None
    is_signed: bool


def parse(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret: str | bytes | None = None,
    now: datetime,
    allow_unsigned: bool = False,
) -> WebhookEvent:
    """
    Return what a webhook says, after a check of its signature.

    The scheme follows from the headers: Standard Webhooks (OpenAI, Replicate,
    LLM Gateway, WaveSpeed), ``t=...,v1=...`` (OpenRouter, Vercel) and that of
    kie.ai, whose signature covers the task's id and the time but not the body.

    Args:
        headers: The headers of the request, in any case.
        body: The body of the request, byte for byte.
        secret: The secret of the webhook, not the API key. A str is tried as it is, without
            its prefix ``whsec_``, and decoded from base64.
        now: The time, as an aware datetime. A signature is valid for five minutes before and
            after it.
        allow_unsigned: Whether to accept webhooks without a signature, as some services send
            them. A signature is checked all the same if there is a secret.

    Raises:
        WebhookSignatureError: The signature is missing, wrong, too old or too new.
        WebhookError: The body names no task.
        InvalidArgumentError: There is neither a secret nor *allow_unsigned*, the secret is
            empty, *allow_unsigned* is no bool, or *now* has no time zone.
    """
    keys = _read_secret(secret, allow_unsigned=allow_unsigned)
    if now.tzinfo is None:
        raise InvalidArgumentError("now: expected an aware datetime, such as datetime.now(UTC)")
    signed = _find_signatures(headers, body) if keys else None
    if signed is not None:
        _check_time(signed, now.timestamp())
        if signed.messages:
            _check_signature(signed, signed.messages, keys)
    elif not allow_unsigned:
        raise WebhookSignatureError("it is not signed")
    # Nothing is parsed before the signature is checked, unless that is of the task's id.
    content = _read_body(body)
    task_id = find_task_id(content)
    if signed is not None and not signed.messages:  # kie.ai
        messages = [] if task_id is None else [_encode(f"{task_id}.{signed.at}")]
        _check_signature(signed, messages, keys)
    if task_id is None:
        raise WebhookError("its body names no task")
    return WebhookEvent(task_id=task_id, phase=find_phase(content), is_signed=signed is not None)


def _read_secret(secret: str | bytes | None, *, allow_unsigned: bool) -> list[bytes]:
    """Return the keys that a secret may stand for."""
    check_bool("allow_unsigned", allow_unsigned)
    if secret is None:
        if allow_unsigned:
            return []
        raise InvalidArgumentError("secret: expected the webhook's secret, or allow_unsigned=True")
    if not isinstance(secret, str | bytes) or not secret:
        raise InvalidArgumentError("secret: expected a str or bytes that are not empty")
    if isinstance(secret, bytes):
        return [secret]
    bare = secret.removeprefix(SECRET_PREFIX)
    keys = []
    with contextlib.suppress(UnicodeEncodeError):
        keys = [secret.encode(), bare.encode()]
    if not keys:
        raise InvalidArgumentError("secret: expected characters that UTF-8 can encode")
    with contextlib.suppress(ValueError):  # it is not base64
        keys.append(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True))
    return [key for key in keys if key]


def _read_body(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a body; an empty one if it is none."""
    try:
        content = parse_json(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


@attrs.frozen
class _Signed:
    """
    How a webhook is signed.

    Attributes:
        at: When, as the headers spell it.
        messages: What may have been signed; empty if it is the task's id and the time.
        signatures: The signatures, of which one must match.
    """

    at: str
    messages: list[bytes]
    signatures: list[bytes]


def _find_signatures(headers: Mapping[str, str], body: bytes) -> _Signed | None:
    """Return how a webhook is signed, None if it is not."""
    named = {
        name.lower(): value
        for name, value in headers.items()
        if isinstance(name, str) and isinstance(value, str)
    }
    for prefix in ("webhook-", "x-webhook-"):
        signature = named.get(f"{prefix}signature")
        signed_at = named.get(f"{prefix}timestamp", "")
        message_id = named.get(f"{prefix}id")
        if signature is None or _FIELD.match(signature):
            continue
        messages = []
        if message_id is not None:  # Standard Webhooks
            messages = [b".".join([_encode(message_id), _encode(signed_at), body])]
        return _Signed(signed_at, messages, list(_decode_base64(signature)))
    for name, value in named.items():
        fields = _FIELD.findall(value) if name.endswith("signature") else []
        times = [text for field, text in fields if field == "t"]
        if times:  # OpenRouter signs "<time>,<body>", Vercel "<time>.<body>"
            signed_at = times[0]
            messages = [_encode(signed_at) + mark + body for mark in (b",", b".")]
            hexes = [text for field, text in fields if field == "v1"][:MAX_SIGNATURES]
            return _Signed(signed_at, messages, list(_decode_hex(hexes)))
    return None


def _check_time(signed: _Signed, now: float) -> None:
    if not (signed.at.isascii() and signed.at.isdigit() and len(signed.at) <= 12):
        raise WebhookSignatureError("its timestamp is not a number of seconds")
    if abs(now - int(signed.at)) > MAX_CLOCK_SKEW:
        raise WebhookSignatureError(f"it was signed more than {MAX_CLOCK_SKEW:.0f} s from now")


def _check_signature(signed: _Signed, messages: list[bytes], keys: list[bytes]) -> None:
    digests = [hmac.digest(key, message, "sha256") for key in keys for message in messages]
    # Every pair is compared, so that the time tells nothing of which one is nearly right.
    matches = [hmac.compare_digest(one, other) for one in digests for other in signed.signatures]
    if not any(matches):
        raise WebhookSignatureError("its signature does not match the secret")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode_base64(header: str) -> Iterator[bytes]:
    """Yield the signatures of ``v1,<base64> v1,<base64>``, or of the plain base64 of kie.ai."""
    for part in header.split(maxsplit=MAX_SIGNATURES)[:MAX_SIGNATURES]:
        version, comma, text = part.rpartition(",")
        if comma and version != "v1":
            continue  # v1a is a public-key signature
        bare = text.rstrip("=")
        with contextlib.suppress(ValueError):  # it is not base64
            yield base64.b64decode(bare + "=" * (-len(bare) % 4))


def _decode_hex(texts: list[str]) -> Iterator[bytes]:
    for text in texts:
        with contextlib.suppress(ValueError):  # it is not hexadecimal
            yield bytes.fromhex(text)


def aiohttp_handler(
    notify: Notify, *, secret: str | bytes | None = None, allow_unsigned: bool = False
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """
    Return a handler for ``web.post()`` that calls *notify* with the task's id of each webhook.

    It responds with 204, with 401 to a wrong signature and with 400 to a webhook without a task.

    Args:
        notify: Such as ``client.notify`` or ``queue.notify_task``; called with the task's id, and
            awaited if it is a coroutine function.
        secret: See :func:`parse`.
        allow_unsigned: See :func:`parse`.

    Raises:
        InvalidArgumentError: An argument cannot be used.
    """
    respond = _make_responder(notify, secret, allow_unsigned=allow_unsigned)

    async def handle(request: web.Request) -> web.Response:
        body = bytearray()  # "bytes" would be copied for each piece that comes
        while len(body) <= MAX_BODY_SIZE and not request.content.at_eof():
            body += await request.content.read(MAX_BODY_SIZE + 1 - len(body))
        status, text = await respond(request.headers, bytes(body))
        return web.Response(status=status, text=text or None)

    return handle


def asgi_app(
    notify: Notify, *, secret: str | bytes | None = None, allow_unsigned: bool = False
) -> Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]:
    """
    Return an ASGI application that calls *notify* with the task's id of each webhook.

    Give it a route of FastAPI or Starlette: ``Route("/webhooks", asgi_app(...))``. Do not mount
    it there: a mount redirects "/webhooks" to "/webhooks/", and many services follow no redirect.
    It responds as :func:`aiohttp_handler` does.

    Args:
        notify: Such as ``client.notify`` or ``queue.notify_task``; called with the task's id, and
            awaited if it is a coroutine function.
        secret: See :func:`parse`.
        allow_unsigned: See :func:`parse`.

    Raises:
        InvalidArgumentError: An argument cannot be used.
    """
    return _AsgiApp(_make_responder(notify, secret, allow_unsigned=allow_unsigned))


@attrs.frozen
class _AsgiApp:
    """An ASGI application; Starlette takes a function in a route for something else."""

    respond: Respond

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        body, has_more = bytearray(), True
        while has_more and len(body) <= MAX_BODY_SIZE:
            message = await receive()
            body += message.get("body", b"")
            has_more = message.get("more_body", False)
        status, text = await self.respond(headers, bytes(body))
        plain = [(b"content-type", b"text/plain; charset=utf-8")] if text else []
        await send({"type": "http.response.start", "status": status, "headers": plain})
        await send({"type": "http.response.body", "body": text.encode()})


def _make_responder(notify: Notify, secret: str | bytes | None, *, allow_unsigned: bool) -> Respond:
    """Return a function that notifies of a webhook's task, and returns status and text."""
    _read_secret(secret, allow_unsigned=allow_unsigned)

    async def respond(headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        if len(body) > MAX_BODY_SIZE:
            return 413, f"webhook refused: longer than {MAX_BODY_SIZE} bytes"
        now = datetime.now(UTC)
        try:
            event = parse(headers, body, secret=secret, now=now, allow_unsigned=allow_unsigned)
        except WebhookSignatureError as error:
            return 401, str(error)
        except WebhookError as error:
            return 400, str(error)
        result = notify(event.task_id)
        if inspect.isawaitable(result):
            await result
        return 204, ""

    return respond
