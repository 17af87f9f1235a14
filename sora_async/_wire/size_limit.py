"""How much of a response a wait keeps: thousands of waits may be open on a server that pads."""

import sys
from collections.abc import Mapping
from typing import Any

import attrs

from ..models import VideoTask

MAX_KEPT_BODY = 64 * 1024
"""Bytes of a body that a wait keeps between two polls. The largest seen of a real service, with
all of its ``detail``, has 4 kB."""

MAX_KEPT_IN_ALL = 64 * 1024 * 1024
"""Bytes of large bodies that all waits of a client keep together; beyond, they keep none."""

MAX_KEPT_TEXT = 10_000
"""Characters of each text of a snapshot whose body is larger; and the bytes that *usage*, and all
addresses after the first, take in memory. A smaller body is not large."""

_WHOLE = frozenset({"id", "video_url", "content_url", "_raw"})
"""Fields that are of no use when they are cut: what was asked for, and what a wait is for."""

_CUT = tuple(field.name for field in attrs.fields(VideoTask) if field.name not in _WHOLE)


def large_size(task: VideoTask) -> int:
    """Return the bytes of a snapshot's body; 0 if it is not large."""
    body = task._raw
    return len(body) if isinstance(body, bytes) and len(body) > MAX_KEPT_TEXT else 0


def limit_size(task: VideoTask, *, most: int = MAX_KEPT_BODY) -> VideoTask:
    """
    Return a snapshot without its body, and with its fields cut, if the body is very large.

    What was dropped is said in *raw* and *usage*; ``get_task`` returns it whole.

    Args:
        task: The snapshot of a poll.
        most: The bytes that a body may have.
    """
    body = task._raw
    if isinstance(body, bytes) and len(body) <= MAX_KEPT_TEXT:
        return task  # nothing in it is large
    size = len(body) if isinstance(body, bytes) else _measure(body)
    # A body of 64 kB may be a usage of 20,000 objects, which take twenty times as much.
    names = _CUT if size > most else ("usage",)
    changes = {name: _limit(getattr(task, name)) for name in names}
    if size > most:
        note = f"a body of {size} bytes, of which a wait keeps none; get_task() returns it"
        changes["raw"] = {"dropped": note}
    elif changes["usage"] is task.usage:
        return task
    return attrs.evolve(task, **changes)


def _limit(value: Any) -> Any:
    """Return the value of a field as far as a wait keeps it."""
    if isinstance(value, str):
        return value if len(value) <= MAX_KEPT_TEXT else value[:MAX_KEPT_TEXT]
    if isinstance(value, tuple):
        return _limit_urls(value)
    if isinstance(value, Mapping):
        size = _measure(value)
        note = f"{size} bytes, of which a wait keeps none; get_task() returns them"
        return value if size <= MAX_KEPT_TEXT else {"dropped": note}
    if attrs.has(type(value)):
        fields = attrs.fields(type(value))
        return attrs.evolve(
            value, **{field.name: _limit(getattr(value, field.name)) for field in fields}
        )
    return value


def _limit_urls(urls: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first address, and as many of the others as are short enough together."""
    kept = urls[:1]
    left = MAX_KEPT_TEXT
    for url in urls[1:]:
        left -= sys.getsizeof(url)
        if left < 0:
            break
        kept += (url,)
    return kept


def _measure(value: object) -> int:
    """Return how many bytes a JSON value takes in memory."""
    size = 0
    left = [value]
    while left:
        one = left.pop()
        size += sys.getsizeof(one)
        if isinstance(one, Mapping):
            left += (*one, *one.values())
        elif isinstance(one, list):
            left += one
    return size
