"""Short reprs: one line, without attributes that have no value, and without secrets."""

import enum
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePath
from typing import Any

import attrs

MAX_TEXT = 80
"""Characters of a text that are shown."""

MAX_VALUE = 240
"""Characters of an attrs value that are shown."""

# It matches a URL without a query, too: to try again inside of it takes quadratic time.
_URL = re.compile(r"(https?://[^\s?#'\"]*)([?#][^\s'\"]*)?", re.IGNORECASE)


def hide_queries(text: str) -> str:
    """Return a text with "?…" in place of what follows the path of each URL in it."""
    return _URL.sub(lambda url: f"{url[1]}?…" if url[2] else url[1], text)


def brief(value: Any) -> str:
    """
    Return an attrs value in one line, as its ``__repr__``.

    What has no value is left out, unless that says something, as is what is by default a
    function. Texts are cut, and of a URL all that follows its path: in a signed link it is what
    opens it.

    Args:
        value: Any instance of an attrs class. Its ``_shown`` names the attributes to show, if it
            has one; else all are shown that have a repr.
    """
    return _describe(value, limit=None)


def _describe(value: Any, *, limit: int | None) -> str:
    """Return a value in one line; with a limit, of about so many characters."""
    cls = type(value)
    left = MAX_VALUE if limit is None else limit // 2
    shown = getattr(cls, "_shown", None) or [
        field.name for field in attrs.fields(cls) if field.repr
    ]
    defaults = {field.name: field.default for field in attrs.fields(cls)}
    parts = [
        f"{name}={_show(found, left)}"
        for name, found in ((name, getattr(value, name)) for name in shown)
        if not _is_nothing(found, defaults[name])
    ]
    return f"{cls.__name__}({_join(parts, limit)})"


def _join(parts: Iterable[str], limit: int | None) -> str:
    """Return parts with commas; the last ones are left out whole, never cut inside a quote."""
    kept: list[str] = []
    size = 0
    for part in parts:
        size += len(part)
        if kept and limit is not None and size > limit:
            kept.append("…")
            break
        kept.append(part)
    return ", ".join(kept)


def _is_nothing(found: object, default: object) -> bool:
    if callable(found):
        return found is default
    if found is None:
        return default is None or default is attrs.NOTHING
    return (found is False is default) or found in ("", (), {})


def _show(found: object, limit: int = MAX_TEXT) -> str:
    """Return the value of an attribute; *limit* is that of a nested attrs value."""
    if isinstance(found, enum.Enum):
        found = found.value
    elif isinstance(found, PurePath):
        found = str(found)
    elif isinstance(found, datetime):
        return f"<{found.isoformat(timespec='seconds')}>"
    elif callable(found):
        return str(getattr(found, "__name__", found))
    if isinstance(found, float):
        return repr(float(f"{found:.6g}"))
    if isinstance(found, str):
        found = hide_queries(found[: 10 * MAX_TEXT])
        return repr(found if len(found) <= MAX_TEXT else found[:MAX_TEXT] + "…")
    if type(found).__repr__ is brief:
        return _describe(found, limit=limit)
    text = hide_queries(repr(found))
    if len(text) <= MAX_TEXT:
        return text
    if isinstance(found, tuple | list):
        return f"{text[0]}{_join(map(_show, found), MAX_TEXT)}{text[-1]}"
    if isinstance(found, dict):
        return f"{{{_join((f'{_show(key)}: {_show(found[key])}' for key in found), MAX_TEXT)}}}"
    return text[:MAX_TEXT] + "…"


def shorten(value: object) -> str:
    """Return a value as an error shows it: never in full, as it may be a whole picture."""
    try:
        text = repr(value)
    except Exception:  # such as of an int with 4301 digits, or of a class whose repr is broken
        return f"<{type(value).__name__}>"
    if len(text) <= MAX_TEXT:
        return text
    half = MAX_TEXT // 2
    return f"{text[:half]}…{text[-half:]} ({len(text)} characters)"
