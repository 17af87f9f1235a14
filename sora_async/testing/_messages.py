"""The HTTP answer as a value, and the error bodies of the servers that the fake imitates."""

import gzip
import http
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from ._snapshots import Facts

JSON_TYPE: Final = "application/json"

Body = bytes | str | Mapping[str, Any] | Sequence[Any]
"""A body: bytes as they are, text in UTF-8, anything else as JSON (NaN is written as NaN)."""


@attrs.frozen
class Message:
    """One HTTP answer: what will be said, not yet how it gets onto the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def with_headers(self, headers: Mapping[str, str]) -> "Message":
        """Return this message with *headers* in the place of those of the same name."""
        names = {name.lower() for name in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in names}
        return attrs.evolve(self, headers={**kept, **headers})

    def compressed(self) -> "Message":
        """Return this message with its body in gzip, and saying so."""
        packed = attrs.evolve(self, body=gzip.compress(self.body, mtime=0))
        return packed.with_headers({"Content-Encoding": "gzip"})


def make_message(body: Body, *, status: int = 200, kind: str | None = None) -> Message:
    """Return a message of *body*; without a *kind*, the content type is what it suggests."""
    suggested = JSON_TYPE
    if isinstance(body, str):
        suggested = "text/plain; charset=utf-8"
        body = body.encode()
    if not isinstance(body, bytes):
        body = json.dumps(body, separators=(",", ":")).encode()
    return Message(status, {"Content-Type": kind or suggested}, body)


def tell_error(
    status: int,
    message: str,
    *,
    kind: str | None = None,
    param: str | None = None,
    code: str | None = None,
) -> Message:
    """Return an error in OpenAI's envelope; *kind* is its ``type``, None the usual one."""
    kind = kind or ("server_error" if status >= 500 else "invalid_request_error")
    error = {"message": message, "type": kind, "param": param, "code": code}
    return make_message({"error": error}, status=status)


def tell_status(status: int) -> Message:
    """Return the error that goes with a bare status; those that no standard names have a number."""
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = f"HTTP {status}"
    return tell_error(status, phrase, code=_CODES.get(status))


def tell_unknown_task(facts: Facts) -> Message:
    """Return the answer about a task that is not known: OpenAI's 404, or the 400 of new-api."""
    if facts.unknown_status == 400:
        body = {"code": "task_not_exist", "message": "task_not_exist", "data": None}
        return make_message(body, status=400)
    return tell_error(404, f"Video with id '{facts.task_id}' not found.", param="video_id")


def tell_wrong_key(facts: Facts) -> Message:
    """Return the answer to a missing or wrong key, in which the key is not repeated."""
    if facts.shape == "openai":
        return tell_error(401, "Incorrect API key provided.", code="invalid_api_key")
    message = "无效的令牌 (request id: 20260114080001000000000abcdefgh)"
    return tell_error(401, message, kind="new_api_error", code="")


def tell_not_ready(facts: Facts) -> Message:
    """Return the answer to a download before there is a file: OpenAI's 404, or a relay's 400."""
    status = 404 if facts.shape == "openai" else 400
    text = "Video is not ready yet, use GET /v1/videos/{video_id} to check status."
    return tell_error(status, text, code="video_not_ready")


_CODES: Final = {
    401: "invalid_api_key",
    404: "not_found",
    429: "rate_limit_exceeded",
}
