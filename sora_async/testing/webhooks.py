"""Webhooks as services send them: when, how often, and signed in which way."""

import base64
import hmac
from collections.abc import Mapping
from typing import Final, Literal, get_args
from urllib.parse import parse_qs

import attrs

from .profiles.task_state import CreateCall

WebhookScheme = Literal[
    "standard",
    "standard-whole",
    "standard-suffix",
    "openrouter",
    "vercel",
    "kie",
    "unsigned",
]
"""
How a webhook is signed.

``standard``
    Standard Webhooks, as OpenAI, Gemini and Replicate send them: the secret is base64 after
    ``whsec_``.
``standard-whole``
    The same with the secret as it is written, as LLM Gateway does.
``standard-suffix``
    The same with the part after ``whsec_``, not decoded, as WaveSpeed does.
``openrouter``, ``vercel``
    ``t=<seconds>,v1=<hex>`` in one header; OpenRouter signs ``<seconds>,<body>``, Vercel
    ``<seconds>.<body>``.
``kie``
    Base64 of a signature of ``<task id>.<seconds>``: the body is not covered.
``unsigned``
    No signature, as Kling, Ark, Luma and Crazyrouter send them.
"""


@attrs.frozen(kw_only=True)
class Webhooks:
    """
    What webhooks a fake sends, and what goes wrong with them.

    A webhook is sent when a task ends: by its scenario, by a cancel, or when a poll of a scripted
    task shows an end. Its body has the id of the task. Without a fault, each arrives once. It is
    signed with the time of the real clock, which receivers compare it with.

    Attributes:
        scheme: How they are signed.
        secret: The secret; a create may name another one in ``callback_secret``.
        url: Where they are sent. A create may name another one in ``callback_url``, or in one of
            the fields that services have for it. None: only the creates that do get one.
        delay: The seconds from the end of a task to its webhook.
        lose_every: Each n-th webhook is not sent; None: all are sent.
        copies: How often each one is sent, with the same id.
        reports_progress: Whether a webhook is also sent in the middle of a task, while it runs.
        out_of_order: Whether that one is sent a second after the one about the end.
        forged: Whether each task also gets one, at its creation, that says that it has completed
            and is signed with another secret.
        before_response: Whether a webhook about the running task arrives before the response to
            its create.
    """

    scheme: WebhookScheme = "standard"
    secret: str = attrs.field(default="whsec_c29yYV9hc3luYy50ZXN0aW5n", repr=False)
    url: str | None = None
    delay: float = 0.0
    lose_every: int | None = None
    copies: int = 1
    reports_progress: bool = False
    out_of_order: bool = False
    forged: bool = False
    before_response: bool = False

    def __attrs_post_init__(self) -> None:
        if self.scheme not in get_args(WebhookScheme):
            known = ", ".join(get_args(WebhookScheme))
            raise ValueError(f"scheme is one of {known}; not {self.scheme!r}")
        if self.copies < 1 or (self.lose_every is not None and self.lose_every < 1):
            raise ValueError("copies and lose_every are 1 or more")


@attrs.frozen(kw_only=True)
class SentWebhook:
    """
    One webhook as the fake has sent it.

    Attributes:
        at: When it was sent, on the loop's clock.
        url: Where to.
        task_id: The id of its task.
        headers: Its headers, the signature among them.
        body: Its body.
        status: The status of the response; None: there was none, or the webhook was lost.
        is_lost: Whether it was not sent at all.
    """

    at: float
    url: str
    task_id: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    status: int | None = None
    is_lost: bool = False


def sign_webhook(
    body: bytes,
    *,
    scheme: WebhookScheme,
    secret: str,
    timestamp: int,
    task_id: str,
    message_id: str = "msg_1",
) -> dict[str, str]:
    """
    Return the headers of a webhook that carry its signature.

    Args:
        body: The body, byte for byte.
        scheme: How it is signed.
        secret: The secret of the webhook.
        timestamp: When it is signed, in seconds since 1970.
        task_id: The id of the task; only "kie" signs it.
        message_id: The id of the webhook, in the standard schemes.
    """
    match scheme:
        case "unsigned":
            return {}
        case "openrouter" | "vercel":
            name, mark = ("OpenRouter", ",") if scheme == "openrouter" else ("Vercel", ".")
            message = f"{timestamp}{mark}".encode() + body
            digest = hmac.digest(secret.encode(), message, "sha256").hex()
            return {f"X-{name}-Signature": f"t={timestamp},v1={digest}"}
        case "kie":
            message = f"{task_id}.{timestamp}".encode()
            return {
                "X-Webhook-Timestamp": str(timestamp),
                "X-Webhook-Signature": _sign(secret.encode(), message),
            }
    message = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{_sign(_standard_key(scheme, secret), message)}",
    }


def _standard_key(scheme: WebhookScheme, secret: str) -> bytes:
    suffix = secret.removeprefix("whsec_")
    match scheme:
        case "standard-whole":
            return secret.encode()
        case "standard-suffix":
            return suffix.encode()
    return base64.b64decode(suffix)


def _sign(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.digest(key, message, "sha256")).decode()


def find_callback_url(create: CreateCall, query: str) -> str | None:
    """Return the URL to which a create wants its webhooks; None: it names none."""
    parameters = {name: values[-1] for name, values in parse_qs(query).items()}
    named = [parameters.get(name) for name in _QUERY_NAMES]
    named += [create.fields.get(name) for name in _FIELD_NAMES]
    return next((url for url in named if isinstance(url, str) and url), None)


_QUERY_NAMES: Final = ("webhook", "fal_webhook")
_FIELD_NAMES: Final = ("callback_url", "callbackUrl", "callBackUrl", "webhook", "notifyHook")
