"""Which error a body and its status are; the words that make the difference are listed here."""

import re
from collections.abc import Mapping
from datetime import datetime

from .. import errors
from ..models.json_fields import read_label, read_mapping
from .failure_reason import FailureReason, read_failure_reason
from .redaction import hide_in_text
from .retry_after import read_retry_after

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
_REFUSED = re.compile(
    r"unauthorized|authentication_error|invalid_(api_)?key|permission_(denied|error)"
)
_REQUEST_ID = re.compile(r"request[ _]id:\s*([\w-]+)", re.IGNORECASE)
_REQUEST_ID_HEADERS = ("x-request-id", "x-oneapi-request-id", "request-id", "cf-ray")

_TRANSIENT_STATUSES = frozenset({408, 409, 425})

_BY_STATUS: dict[int, type[errors.ResponseError]] = {
    401: errors.AuthenticationError,
    402: errors.InsufficientQuotaError,
    403: errors.AuthenticationError,
    404: errors.TaskNotFoundError,
    429: errors.RateLimitError,
}

_BY_WORD: tuple[tuple[re.Pattern[str], type[errors.ResponseError]], ...] = (
    (_LIMITED, errors.RateLimitError),
    (_IN_TROUBLE, errors.ServiceUnavailableError),
    (_REFUSED, errors.AuthenticationError),
)
"""What an error under a good status is, by its words: there is no status to go by."""


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
