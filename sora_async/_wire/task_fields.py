"""The fields of a task that need no more than a table and a reader, by one walk through a body."""

from collections.abc import Callable, Mapping
from typing import Any

from ..models.json_fields import (
    read_count,
    read_fraction,
    read_moment,
    read_percentage,
    read_seconds,
    read_text,
)
from .json import parse_text
from .retry_after import read_pause
from .vocabulary import Fields

_MAX_NAME = 200
"""Characters of a name that is kept in caches."""

_MAX_PROMPT = 1 << 14
"""Characters of a prompt; the rest is in *raw*."""

_MAX_ESTIMATE = 24 * 3600.0
"""Seconds of an estimate that are believed."""


def _read_name(value: object, longest: int = _MAX_NAME) -> str | None:
    """Return a text, cut to a length that can be kept."""
    text = read_text(value)
    return None if text is None else text[:longest]


def _read_prompt(value: object) -> str | None:
    return _read_name(value, _MAX_PROMPT)


def _read_estimate(value: object) -> float | None:
    """Return the seconds that a service expects a task to take; 0 says that it does not know."""
    seconds = read_seconds(value)
    return None if not seconds else min(seconds, _MAX_ESTIMATE)


_READERS: Mapping[str, Callable[[object], Any]] = {
    "progress": read_percentage,
    "progress_fraction": read_fraction,
    "queue_position": read_count,
    "model": _read_name,
    "prompt": _read_prompt,
    "enhanced_prompt": _read_prompt,
    "size": _read_name,
    "seconds": read_seconds,
    "created_at": read_moment,
    "completed_at": read_moment,
    "expires_at": read_moment,
    "updated_at": read_moment,
    "estimated_time": _read_estimate,
    "poll_after": read_pause,
}
"""How the values of each field of :data:`~sora_async._wire.vocabulary.FIELDS` are read."""


def read_fields(body: object, fields: Fields) -> dict[str, Any]:
    """
    Return the value of each field at the first of its places where it can be read.

    Args:
        body: The task; JSON in a text is opened where a place leads into it.
        fields: The places of the fields.
    """
    values: dict[str, Any] = {}
    _collect(values, {}, body, fields)
    return values


def _collect(values: dict[str, Any], numbers: dict[str, int], body: object, fields: Fields) -> None:
    if type(body) is str:
        body = parse_text(body)
    if type(body) is not dict:
        return
    for key in fields.keys() & body.keys():
        inner = body[key]
        if inner is None:
            continue
        ends, following = fields[key]
        for field, number in ends:
            if field not in numbers or number < numbers[field]:
                value = _READERS[field](inner)
                if value is not None:
                    values[field], numbers[field] = value, number
        if following:
            _collect(values, numbers, inner, following)
