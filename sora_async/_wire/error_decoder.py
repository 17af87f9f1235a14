"""Why a task failed, and which error an error response is."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from .. import errors
from ..models import TaskFailure
from ..models.json_fields import read_label, read_mapping
from ..models.repr import brief
from .redaction import hide_in_text
from .retry_after import read_retry_after

OK_CODES = frozenset({"success", "ok", "0", "200"})
"""Codes that say "no error" in an envelope, in lower case."""

_NO_MONEY = re.compile(
    r"insufficient_(user_|account_)?(quota|balance|credits?|funds?)|billing_hard_limit_reached|billing_not_active"
)
_NO_MONEY_IN_WORDS = re.compile(r"quota|balance|credit|余额|额度|欠费", re.IGNORECASE)
_NOT_FOUND = re.compile(r"(task|video|job)_not_(exists?|found)|not_found(_error)?")
_NO_MODEL = re.compile(r"model_not_found|no_available_channel")
_LIMITED = re.compile(r"rate_limit\w*|too_many_requests")
_IN_TROUBLE = re.compile(
    r"server_error|internal_(server_)?error|timeout|overloaded(_error)?|service_unavailable"
)
_UNAUTHENTICATED = re.compile(r"unauthorized|authentication_error|invalid_(api_)?key")
_DENIED = re.compile(r"permission_(denied|error)|forbidden")
_REQUEST_ID = re.compile(r"request[ _]id:\s*([\w-]+)", re.IGNORECASE)
_REQUEST_ID_HEADERS = ("x-request-id", "x-oneapi-request-id", "request-id", "cf-ray")

_TRANSIENT_STATUSES = frozenset({408, 409, 425})

_BY_STATUS: dict[int, type[errors.ResponseError]] = {
    401: errors.AuthenticationError,
    402: errors.InsufficientQuotaError,
    403: errors.PermissionDeniedError,
    404: errors.TaskNotFoundError,
    429: errors.RateLimitError,
}

_BY_WORD: tuple[tuple[re.Pattern[str], type[errors.ResponseError]], ...] = (
    (_LIMITED, errors.RateLimitError),
    (_IN_TROUBLE, errors.ServiceUnavailableError),
    (_UNAUTHENTICATED, errors.AuthenticationError),
    (_DENIED, errors.PermissionDeniedError),
)
"""What an error under a good status is, by its words: there is no status to go by."""


@attrs.frozen
class FailureReason:
    """What an error body says: *kind* is its ``type`` word, the rest as in :class:`TaskFailure`."""

    __repr__ = brief

    code: str | None = None
    message: str | None = None
    kind: str | None = None


def error_from(
    body: object,
    *,
    url: str,
    status: int,
    headers: Mapping[str, str],
    received: datetime,
    text: str | None,
    secrets: tuple[str, ...],
) -> errors.ResponseError:
    """
    Return the error that a reply describes.

    Args:
        body: The reply's JSON; None where it had none.
        url: What was asked for.
        status: The HTTP status.
        headers: The look-up ignores case.
        received: When the reply came, in UTC.
        text: The start of a plain text body, used as message where there is no JSON.
        secrets: What the request was sent with and must not be shown.
    """
    reason = read_failure_reason(body)
    message = hide_in_text(reason.message or text, secrets)
    code = hide_in_text(reason.code, secrets)
    hint = read_retry_after(headers, body, received=received)
    cls = _classify(reason, status=status, message=message or "")
    if cls is errors.ResponseError and status < 300 and hint is not None:
        cls = errors.ServiceUnavailableError
    request_id = hide_in_text(_request_id(headers, body, message or ""), secrets)
    if cls is errors.PermissionDeniedError and not secrets:
        cls = errors.AuthenticationError
    if cls is errors.AuthenticationError:
        return errors.AuthenticationError(url, status, code, message, request_id, hint, not secrets)
    return cls(url, status, code, message, request_id, hint)


def _classify(reason: FailureReason, *, status: int, message: str) -> type[errors.ResponseError]:
    words = [word.lower() for word in (reason.code, reason.kind) if word]
    if any(map(_NO_MONEY.fullmatch, words)) or (
        status == 403 and _NO_MONEY_IN_WORDS.search(message)
    ):
        return errors.InsufficientQuotaError
    if any(map(_NO_MODEL.fullmatch, words)):
        return errors.ResponseError
    if status < 500 and status not in _BY_STATUS and any(map(_NOT_FOUND.fullmatch, words)):
        return errors.TaskNotFoundError
    if status < 300:
        return _classify_by_words(reason, words)
    if status in _TRANSIENT_STATUSES or status >= 500:
        return errors.ServiceUnavailableError
    return _BY_STATUS.get(status, errors.ResponseError)


def _classify_by_words(reason: FailureReason, words: list[str]) -> type[errors.ResponseError]:
    """Return what an error under a good status is: by its code or by its words."""
    if reason.code is not None and re.fullmatch(r"[45]\d\d", reason.code):
        return _classify(FailureReason(), status=int(reason.code), message=reason.message or "")
    for pattern, cls in _BY_WORD:
        if any(map(pattern.fullmatch, words)):
            return cls
    return errors.ResponseError


def _request_id(headers: Mapping[str, str], body: object, message: str) -> str | None:
    """Return the id that a service's support asks for."""
    for name in _REQUEST_ID_HEADERS:
        if label := read_label(headers.get(name)):
            return label
    if label := read_label(read_mapping(body).get("request_id")):
        return label
    found = _REQUEST_ID.search(message)
    return found.group(1) if found else None


def read_failure_reason(body: object) -> FailureReason:
    """
    Return what a body says of an error, in any of the known shapes.

    Shapes: ``{"error": {…}}``, ``{"error": "text"}``, ``{"detail": "text" | […]}``,
    ``{"code", "message" | "msg" | "message_zh"}``, and each of them as JSON inside a message.
    """
    outer = read_mapping(body)
    error = outer.get("error")
    if isinstance(error, dict):
        inner = _read_flat(error)
        return inner if inner != FailureReason() else _read_flat(outer)
    found = _read_flat(outer)
    message = read_label(error)
    return found if message is None else FailureReason(found.code, message, found.kind)


def read_failure(body: Mapping[str, Any], *, is_expired: bool) -> TaskFailure:
    """Return why a task failed; a task that expired has at least the code ``expired``."""
    detail = read_mapping(body.get("detail"))
    pending = read_mapping(detail.get("pending_info"))
    draft = read_mapping(detail.get("draft_info"))
    reason = read_failure_reason(body)
    violation = draft if read_label(draft.get("reason_str")) else {}
    codes = (
        reason.code,
        body.get("failure_reason"),
        detail.get("failure_reason"),
        pending.get("failure_reason"),
        read_mapping(pending.get("failure_reason")).get("code"),
        violation.get("kind"),
    )
    messages = (reason.message, body.get("fail_reason"), violation.get("reason_str"))
    code = next(filter(None, map(read_label, codes)), "expired" if is_expired else None)
    return TaskFailure(code, next(filter(None, map(read_label, messages)), None))


def _read_flat(error: Mapping[str, Any]) -> FailureReason:
    code = read_label(error.get("code"))
    if code is not None and code.lower() in OK_CODES:
        code = None
    texts = (error.get(key) for key in ("message", "msg", "message_zh", "detail", "error_message"))
    raw = next((text for text in map(_read_message, texts) if text is not None), None)
    found = FailureReason(code, read_label(raw), read_label(error.get("type")))
    if raw is None or not raw.lstrip().startswith("{"):
        return found
    nested = _read_nested(raw)
    return FailureReason(
        nested.code or found.code, nested.message or found.message, nested.kind or found.kind
    )


def _read_message(value: object) -> str | None:
    """Return a message; of a list of FastAPI's validation errors, the first one's."""
    if isinstance(value, list) and value:
        value = value[0].get("msg") if isinstance(value[0], dict) else value[0]
    return value if isinstance(value, str) and value.strip() else None


def _read_nested(text: str) -> FailureReason:
    """Return the reason in a message that is itself JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return FailureReason()
    nested = read_mapping(value)
    nested = read_mapping(nested.get("error")) or nested
    return FailureReason(
        read_label(nested.get("code")),
        read_label(nested.get("message")),
        read_label(nested.get("type")),
    )
