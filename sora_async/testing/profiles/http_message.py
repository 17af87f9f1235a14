"""An HTTP response as a value, and the error bodies of the servers that the fake imitates."""

import gzip
import http
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

JSON_TYPE: Final = "application/json"

Body = bytes | str | Mapping[str, Any] | Sequence[Any]
"""A body: bytes as they are, text in UTF-8, anything else as JSON (NaN is written as NaN)."""


@attrs.frozen
class Message:
    """Status, headers and body of one response; how it is sent is not its business."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def with_headers(self, headers: Mapping[str, str]) -> "Message":
        """Return this message with *headers* added; they replace those of the same name."""
        names = {name.lower() for name in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in names}
        return attrs.evolve(self, headers={**kept, **headers})

    def compressed(self) -> "Message":
        """Return this message with its body in gzip and the header that says so."""
        packed = attrs.evolve(self, body=gzip.compress(self.body, mtime=0))
        return packed.with_headers({"Content-Encoding": "gzip"})


def make_message(body: Body, *, status: int = 200, content_type: str | None = None) -> Message:
    """Return a message of *body*; without *content_type*, text is text/plain and the rest JSON."""
    suggested = JSON_TYPE
    if isinstance(body, str):
        suggested = "text/plain; charset=utf-8"
        body = body.encode()
    if not isinstance(body, bytes):
        body = json.dumps(body, separators=(",", ":")).encode()
    return Message(status, {"Content-Type": content_type or suggested}, body)


def openai_error(
    status: int,
    message: str,
    *,
    type: str | None = None,
    param: str | None = None,
    code: str | None = None,
) -> Message:
    """Return an error in OpenAI's envelope; without *type*, its usual one for the status."""
    type = type or ("server_error" if status >= 500 else "invalid_request_error")
    error = {"message": message, "type": type, "param": param, "code": code}
    return make_message({"error": error}, status=status)


def vllm_error(status: int, message: str, **_: str | None) -> Message:
    """Return an error as vLLM's servers send it: OpenAI's envelope, with the status as ``code``."""
    phrase = http.HTTPStatus(status).phrase
    error = {"message": message, "type": phrase, "param": None, "code": status}
    return make_message({"error": error}, status=status)


def fastapi_error(status: int, message: str, **_: str | None) -> Message:
    """Return an error as FastAPI sends it by default."""
    return make_message({"detail": message}, status=status)


def openrouter_error(status: int, message: str, **_: str | None) -> Message:
    """Return an error as OpenRouter sends it."""
    return make_message({"error": {"code": status, "message": message}}, status=status)


def status_error(status: int) -> Message:
    """Return OpenAI's error object for a bare status, standard or not."""
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = f"HTTP {status}"
    return openai_error(status, phrase, code=_CODES.get(status))


_CODES: Final = {
    401: "invalid_api_key",
    404: "not_found",
    429: "rate_limit_exceeded",
}
