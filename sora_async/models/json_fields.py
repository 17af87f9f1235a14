"""
Reads single JSON fields: lengths in seconds, moments in UTC, progress as 0.0 to 1.0.

Every function takes any value that JSON can hold. What it cannot read is
treated as a field that is missing: None, or an empty mapping.
Types are compared exactly: JSON has no others, and so a bool is no number.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite

MILLISECONDS_FROM = 1e11
"""A moment above this number is in milliseconds: as seconds it would lie beyond the year 5138."""

MAX_TEXT = 500
"""Characters of a server's text that we keep in an error: no full body enters a message."""

_HTTP_URL = re.compile(
    r"https?://[^\s/?#\\@%][^\s/?#\\%]*(?:[/?#][^\s\\]*)?", re.IGNORECASE | re.ASCII
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]+")


def read_number(value: object) -> float | None:
    """Return a finite number from a number or its text, None for anything else."""
    if type(value) is str and len(value) <= 64:
        value = value.strip()
    elif type(value) is not int and type(value) is not float:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def read_count(value: object) -> int | None:
    """Return a whole number of things, None for anything else and for negative ones."""
    number = read_number(value)
    if number is None or number < 0 or not number.is_integer():
        return None
    return int(number)


def read_seconds(value: object) -> float | None:
    """Return a length in seconds (``10``, ``"10"``, ``"10s"``), None if there is no such length."""
    if type(value) is str:
        value = value.strip().removesuffix("s")
    number = read_number(value)
    return number if number is not None and number >= 0 else None


def read_fraction(value: object) -> float | None:
    """
    Return a part done from a field whose scale is 0.0 to 1.0.

    A number above 1 can only be a percentage, and is read as one.
    """
    number = read_number(value)
    if number is None or not 0 <= number <= 100:
        return None
    return number if number <= 1 else number / 100


def read_percentage(value: object) -> float | None:
    """
    Return a part done, 0.0 to 1.0, from a field whose scale is 0 to 100.

    Some servers put a fraction here: a number with a decimal point below 1 is
    one. A 1 is one per cent, however it is written: read the other way, the
    first per cent of a slow task would look like its end.
    """
    if type(value) is str:
        text = value.strip()
        is_fraction = "." in text and not text.endswith("%")
        number = read_number(text.removesuffix("%"))
    else:
        is_fraction = type(value) is float
        number = read_number(value)
    if number is None or not 0 <= number <= 100:
        return None
    return number if is_fraction and number < 1 else number / 100


def read_moment(value: object) -> datetime | None:
    """
    Return a moment in UTC from seconds, milliseconds or ISO 8601 text.

    Zero means "not yet" and reads as None. Text without an offset is UTC.
    """
    if type(value) is str and value[4:5] == "-" and value[:4].isdigit():
        return _read_iso(value)  # with a year and a hyphen, it is no number
    number = value if type(value) is int else read_number(value)
    if number is None:
        return _read_iso(value) if type(value) is str else None
    if number <= 0:
        return None
    try:
        return datetime.fromtimestamp(number / 1000 if number > MILLISECONDS_FROM else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _read_iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is UTC:
            return moment
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_text(value: object) -> str | None:
    """Return a text as it is, None for an empty one or for another type."""
    return value if type(value) is str and value.strip() else None


def read_label(value: object) -> str | None:
    """Return a short text for people: a text or number without what no screen can show."""
    if type(value) is int and abs(value) < 10**18:
        return str(value)
    if type(value) is not str:
        return None
    if len(value) <= MAX_TEXT and value.isprintable():
        return value.strip() or None
    label = _UNPRINTABLE.sub(" ", value[: 4 * MAX_TEXT]).strip()
    return (label[:MAX_TEXT] + "…" if len(label) > MAX_TEXT else label) or None


def read_url(value: object) -> str | None:
    """Return an absolute http(s) URL, None for anything else."""
    if type(value) is not str or "://" not in value:
        return None
    url = value.strip().replace(" ", "%20")
    if _HTTP_URL.fullmatch(url) is None:
        return None
    return url if url.isprintable() or _UNPRINTABLE.search(url) is None else None


def read_mapping(value: object) -> Mapping[str, object]:
    """Return a JSON object as it is, an empty one for anything else: a path can be followed."""
    return value if isinstance(value, dict) else {}
