"""Why a task failed, and which error an error response is."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from .. import errors
from ..models import TaskFailure
from ..models.json_fields import read_label, read_mapping
from ..models.repr import brief
from .general_rules import guess_code, guess_message
from .json import parse_part
from .redaction import redact
from .retry_after import read_retry_after
from .vocabulary import OK_CODES, VOCABULARY, Places, Vocabulary, compile_places, walk

_NO_MONEY = re.compile(
    r"insufficient_(user_|account_)?(quota|balance|credits?|funds?)|billing_hard_limit_reached|billing_not_active"
)
_NO_MONEY_IN_WORDS = re.compile(r"quota|balance|credit|余额|额度|欠费", re.IGNORECASE)
_NOT_FOUND = re.compile(r"(task|video|job)_not_(exists?|found)|not_found(_error)?")
_OTHER_NOT_FOUND = re.compile(
    r"(model|channel|deployment|organi[sz]ation|org|project|user|account|provider|api|url|path"
    r"|route|endpoint|page)_?(was_|is_|does_)?not_?(found|exists?)"
)
"""Codes of a 404 that is not about the task, with ``_`` for any space or hyphen."""

_NO_ROUTE = re.compile(
    r"invalid url|page not found|cannot (get|post) /|unrecognized request url|no static resource"
    r"|no (such |matching )?(route|path|endpoint|handler)\b"
    r"|\b(route|path|endpoint|api)( was| is)? (not found|unknown)"
    r"|(接口|路由|路径)不存在",
    re.IGNORECASE,
)
"""
Messages of a 404 about the path. Sources: OpenAI and new-api; gin, Traefik and Go's net/http;
Express; Spring; Kong; APISIX. FastAPI's "Not Found" is none: it is an HTTPException's default, too.
"""

_NO_MODEL = re.compile(r"model_not_found|no_available_channel")
_LIMITED = re.compile(r"rate_limit\w*|too_many_requests")
_IN_TROUBLE = re.compile(
    r"server_error|internal_(server_)?error|timeout|overloaded(_error)?|service_unavailable"
)
_UNAUTHENTICATED = re.compile(r"unauthorized|authentication_error|invalid_(api_)?key")
_DENIED = re.compile(r"permission_(denied|error)|forbidden")
_REQUEST_ID = re.compile(r"request[ _]id:\s*([\w-]+)", re.IGNORECASE)
_REQUEST_ID_HEADERS = ("x-request-id", "x-oneapi-request-id", "request-id", "cf-ray")

_TRANSIENT_STATUSES = frozenset({304, 408, 409, 425})

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
    Return the error that a response describes.

    Args:
        body: The response's JSON; None where it has none.
        url: The address of the request.
        status: The HTTP status.
        headers: The look-up ignores case.
        received: When the response came, in UTC.
        text: The start of a plain text body, the message where there is no JSON.
        secrets: What the request was sent with and must not be shown.
    """
    reason = read_reason(body)
    if reason.code is None and reason.message is None:
        reason = FailureReason(guess_code(body), guess_message(body, code=None), reason.kind)
    code, message = redact(reason.code, secrets), redact(reason.message or text, secrets)
    hint = read_retry_after(headers, body, received=received)
    cls = _classify(reason, status=status, message=message or "")
    if cls is errors.ResponseError and status < 300 and hint is not None:
        cls = errors.ServiceUnavailableError
    request_id = redact(_request_id(headers, body, message or ""), secrets)
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
    if status == 404 and (any(map(_is_about_another, words)) or _NO_ROUTE.search(message)):
        return errors.ResponseError
    if status in _TRANSIENT_STATUSES or status >= 500:
        return errors.ServiceUnavailableError
    return _BY_STATUS.get(status, errors.ResponseError)


def names_missing_path(error: errors.ResponseError) -> bool:
    """Return whether a 404 says that the path is unknown, and not what the path is about."""
    is_404 = error.status == 404 and type(error) is errors.ResponseError
    return is_404 and _NO_ROUTE.search(error.message or "") is not None


def is_error_word(word: str) -> bool:
    """Return whether a word names an error of a call, such as "unauthorized"."""
    patterns = [_NO_MONEY, _NO_MODEL, _NOT_FOUND, *(pattern for pattern, _ in _BY_WORD)]
    return any(pattern.fullmatch(word.lower()) for pattern in patterns)


def _is_about_another(word: str) -> bool:
    """Return whether a code of a 404 names something else than the task."""
    return _OTHER_NOT_FOUND.fullmatch(re.sub(r"[\s-]+", "_", word)) is not None


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


def read_reason(body: object, vocabulary: Vocabulary = VOCABULARY) -> FailureReason:
    """
    Return what a body says of an error, at the places of the table and as JSON inside a message.

    A code or text that says "no error" does not count, such as the ``code: 0`` of an envelope.
    """
    code = _read_code(body, vocabulary.failure_codes)
    message = _read_message(body, vocabulary.failure_messages)
    kinds = map(read_label, walk(body, _KINDS))
    found = FailureReason(code, message, next(filter(None, kinds), None))
    nested = read_mapping(parse_part(message)) if message is not None and "{" in message else None
    if not nested:
        return found
    inner = read_reason(nested, vocabulary)
    return FailureReason(
        inner.code or found.code, inner.message or found.message, inner.kind or found.kind
    )


_KINDS = compile_places({"error.type": "OpenAI", "type": "relays"})
_VIOLATION = compile_places({"detail.draft_info": "unified relays"})


def _read_code(body: object, places: Places) -> str | None:
    """Return the first code at some places; a sentence is a message, and no code."""
    for found in walk(body, places):
        label = read_label(found)
        if label is not None and label.lower() not in OK_CODES and label.count(" ") < 3:
            return label
    return None


def _read_message(body: object, places: Places) -> str | None:
    for found in walk(body, places):
        label = read_label(found) if isinstance(found, str) else None
        if label is not None and label.lower() not in OK_CODES:
            return found if "{" in found and len(found) <= _MAX_NESTED else label
    return None


_MAX_NESTED = 1 << 16
"""Characters of a message in which JSON is looked for."""


_CODES_OF_WORDS = {"expired": "expired", "cancelled": "cancelled", "canceled": "cancelled"}


def read_failure(
    body: Mapping[str, Any],
    response: Mapping[str, Any],
    *,
    word: str,
    vocabulary: Vocabulary = VOCABULARY,
) -> TaskFailure:
    """
    Return why a task failed.

    The table comes first, for the task and then for what is around it; then the general rule:
    any ``fail*``, ``error*``, ``*_msg`` or ``reason``. A task that expired or was
    cancelled, as its status word says, has at least that as its code.
    """
    reason = read_reason(body, vocabulary)
    code, message = reason.code, reason.message
    if code is None and message is None and response is not body:
        reason = read_reason(response, vocabulary)
        code, message = reason.code, reason.message
    draft = next(iter(walk(body, _VIOLATION)), None)
    if code is None and isinstance(draft, dict) and read_label(draft.get("reason_str")):
        code = read_label(draft.get("kind"))
    code = code or guess_code(body)
    message = message or guess_message(body, code=code) or guess_message(response, code=code)
    return TaskFailure(code or _CODES_OF_WORDS.get(word), read_label(message))


def has_error_code(body: Mapping[str, Any], vocabulary: Vocabulary = VOCABULARY) -> bool:
    """Return whether a body has an error object or an error code that says more than "no error"."""
    error = body.get("error")
    if isinstance(error, dict):
        code = read_label(error.get("code"))
        if code is not None:
            return code.lower() not in OK_CODES
        return any(read_label(text) for text in error.values() if isinstance(text, str))
    return _read_code(body, vocabulary.error_codes) is not None
