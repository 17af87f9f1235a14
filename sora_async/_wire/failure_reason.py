"""Code and message of a failure or an error, wherever a server hid them."""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from ..models import TaskFailure
from ..models.json_fields import read_label, read_mapping
from ..models.repr import brief

OK_CODES = frozenset({"success", "ok", "0", "200"})
"""Codes that say "no error" in an envelope, in lower case."""


@attrs.frozen
class FailureReason:
    """What an error body says: *kind* is its ``type`` word, the rest as in :class:`TaskFailure`."""

    __repr__ = brief

    code: str | None = None
    message: str | None = None
    kind: str | None = None


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
