"""Which dialect a service probably speaks that refused a request of another one."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from ..errors import ResponseError, UnsupportedOperationError
from ..models.json_fields import read_mapping
from .dialects import (
    ARK,
    DIALECTS,
    GEMINI,
    MINIMAX,
    NEWAPI,
    OPENAI,
    OPENROUTER,
    TASKS,
    UNIFIED,
    XAI,
    Dialect,
    find_dialect_of_host,
)
from .error_decoder import names_missing_path
from .json import parse_json

PathName = Literal["create_path", "poll_path"]

_RELAYS = (OPENAI, NEWAPI, TASKS, UNIFIED)
"""What services at any address speak; all other dialects are those of one service each."""

_MAX_NAMES = 3

_JSON = re.compile("json", re.IGNORECASE)
_FORM = re.compile(r"multipart|form[ -]?data|\bform\b", re.IGNORECASE)

_CAMEL_CASE = re.compile(r"([A-Z][a-z]+){2,}(\.\w+)?")


def suggest_dialects(
    refused: Dialect,
    *,
    url: str,
    status: int,
    message: str = "",
    body: Any = None,
    path_name: PathName = "create_path",
) -> tuple[str, ...]:
    """
    Return the names of the dialects that a service may speak which refused a request.

    Args:
        refused: The dialect of the request.
        url: Where it was sent; known hosts tell their dialect.
        status: The HTTP status of the refusal.
        message: What the refusal says.
        body: Its JSON, whose shape may tell the service.
        path_name: Which path of the dialect was requested.

    Returns:
        Up to three names, the likeliest first; none where no dialect is likelier than *refused*.
    """
    if status in (400, 415, 422) and path_name == "create_path":
        return _suggest_for_body(refused, message)
    if status not in (404, 405):
        return ()
    path = getattr(refused, path_name)
    named = find_dialect_of_host(url) or _find_dialect_of_error(body)
    others = _RELAYS if named is None else (named,)
    if status == 405 and path == XAI.create_path:
        others = (OPENAI,)  # there, the path is that of a poll
    return tuple(one.name for one in others if getattr(one, path_name) != path)[:_MAX_NAMES]


def _suggest_for_body(refused: Dialect, message: str) -> tuple[str, ...]:
    """Return a dialect with the same path that sends what a service wants instead."""
    wants_json = refused.body != "json" and _JSON.search(message) is not None
    wants_form = refused.body == "json" and _FORM.search(message) is not None
    if not wants_json and not wants_form:
        return ()
    others = (one for one in DIALECTS.values() if one.create_path == refused.create_path)
    names = [one.name for one in others if (one.body == "json") == wants_json]
    return tuple(names[:1])


def _find_dialect_of_error(body: Any) -> Dialect | None:
    """
    Return the dialect of a service by the shape of its errors; None for one that many have.

    Sources: the API references of MiniMax (V2), xAI, Google, Ark and OpenRouter.
    """
    found = read_mapping(body)
    error = found.get("error")
    fields = read_mapping(error)
    code = fields.get("code", found.get("code"))
    if isinstance(error, str) and isinstance(code, str) and " " in code:
        return XAI
    if "http_code" in fields:
        return MINIMAX
    if isinstance(code, int) and isinstance(fields.get("status"), str):
        return GEMINI
    if isinstance(code, int) and set(fields) <= {"code", "message", "metadata"}:
        return OPENROUTER
    if isinstance(code, str) and _CAMEL_CASE.fullmatch(code):
        return ARK
    return None


def parse_error(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of an error response; an empty one when it is none."""
    try:
        return read_mapping(parse_json(body))
    except ValueError:
        return {}


def explain_poll(error: ResponseError, dialect: Dialect, body: bytes) -> ResponseError:
    """Return the error of a poll; one whose path the service does not know names dialects."""
    if not names_missing_path(error):
        return error
    names = suggest_dialects(
        dialect,
        url=error.url,
        status=error.status,
        body=parse_error(body),
        path_name="poll_path",
    )
    return add_dialects(error, names)


def add_dialects(error: ResponseError, names: tuple[str, ...]) -> ResponseError:
    """Return an error that names the dialects which the service may speak."""
    if not names:
        return error
    advice = f"Does the service speak another dialect, such as {' or '.join(names)}? Pass dialect="
    if isinstance(error, UnsupportedOperationError):
        return attrs.evolve(error, hint=advice)
    advice = advice.replace("Does", "does").replace("? Pass", "? pass")
    message = f"{error.message} ({advice})" if error.message else advice
    return attrs.evolve(error, message=message)
