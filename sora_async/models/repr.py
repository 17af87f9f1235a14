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

_QUERY = re.compile(r"(https?://[^\s?#'\"]*)[?#][^\s'\"]*", re.IGNORECASE)


def brief(value: Any, names: Iterable[str] = ()) -> str:
    """
    Return an attrs value in one line, as its ``__repr__``.

    What has no value is left out, unless that says something, as is what is by default a
    function. Texts are cut, and of a URL all that follows its path: in a signed link it is what
    opens it.

    Args:
        value: Any instance of an attrs class.
        names: The attributes to show; all that have a repr when empty.
    """
    cls = type(value)
    shown = names or [field.name for field in attrs.fields(cls) if field.repr]
    defaults = {field.name: field.default for field in attrs.fields(cls)}
    parts = [
        f"{name}={_show(found)}"
        for name, found in ((name, getattr(value, name)) for name in shown)
        if not _is_nothing(found, defaults[name])
    ]
    return f"{cls.__name__}({', '.join(parts)})"


def _is_nothing(found: object, default: object) -> bool:
    if callable(found):
        return found is default
    if found is None:
        return default is None or default is attrs.NOTHING
    return (found is False is default) or found in ("", (), {})


def _show(found: object) -> str:
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
        found = _QUERY.sub(r"\1?…", found[: 10 * MAX_TEXT])
        return repr(found if len(found) <= MAX_TEXT else found[:MAX_TEXT] + "…")
    text = _QUERY.sub(r"\1?…", repr(found))
    limit = MAX_VALUE if attrs.has(type(found)) else MAX_TEXT
    return text if len(text) <= limit else text[:limit] + "…"


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
