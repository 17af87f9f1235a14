"""The HTTP answer as a value, and the error bodies of the servers that the fake imitates."""

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


def tell_like_vllm(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> Message:
    """Return an error as vLLM's servers do: like OpenAI's, with the status as its ``code``."""
    phrase = http.HTTPStatus(status).phrase
    error = {"message": message, "type": phrase, "param": None, "code": status}
    return make_message({"error": error}, status=status)


def tell_like_fastapi(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> Message:
    """Return an error as FastAPI does when it is left alone."""
    return make_message({"detail": message}, status=status)


def tell_like_openrouter(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> Message:
    """Return an error as OpenRouter does."""
    return make_message({"error": {"code": status, "message": message}}, status=status)


def tell_status(status: int) -> Message:
    """Return the error that goes with a bare status; those that no standard names have a number."""
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = f"HTTP {status}"
    return tell_error(status, phrase, code=_CODES.get(status))


_CODES: Final = {
    401: "invalid_api_key",
    404: "not_found",
    429: "rate_limit_exceeded",
}
