"""
The bytes of a reply into JSON, by orjson where it is installed.

orjson is stricter than the standard ``json``: it takes UTF-8 only, and no NaN,
no lone surrogate, no number beyond a float. What it refuses is read again by
``json``, so that both read the same; only a whole number of more than 64 bits
is a float to orjson.
"""

import contextlib
import json
from collections.abc import Callable
from typing import Any

DEEPEST = 100
"""Levels of nesting that are read; real answers have six. More would break who copies *raw*."""

_raw_decode = json.JSONDecoder().raw_decode


def _parse_plainly(body: bytes) -> Any:
    """Return the JSON of a body of UTF-8, as nearly all are; ``json.loads`` looks for more."""
    text = body.decode().strip(" \t\r\n")
    value, end = _raw_decode(text)
    if end != len(text):
        raise ValueError("more than one JSON value")
    return value


_parse_fast: Callable[[bytes], Any] = _parse_plainly
with contextlib.suppress(ImportError):
    import orjson

    _parse_fast = orjson.loads


def parse_json(body: bytes) -> Any:
    """
    Return what a body holds.

    Raises:
        ValueError: It is no JSON that we read; the text says what it is instead.
    """
    if is_html(body):
        raise ValueError("a web page")
    # To take some brackets out is four times as fast as to count them all.
    flat = body.replace(b"[", b"", DEEPEST + 1).replace(b"{", b"", DEEPEST + 1)
    if len(body) - len(flat) > DEEPEST and not _is_shallow(body):
        raise ValueError(f"JSON nested deeper than {DEEPEST} levels")
    try:
        value = _parse_fast(body)
    except (ValueError, RecursionError):
        return parse_exactly(body)
    # An error names the type of what is no object, and there a whole number must not be a float.
    return value if isinstance(value, dict) else parse_exactly(body)


def parse_exactly(body: bytes) -> Any:
    """
    Return the JSON of a body in any of JSON's encodings, with all that Python takes for JSON.

    Raises:
        ValueError: It is no JSON; the text says what it is instead.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        reason = "a body that is no JSON" if body.strip() else "an empty body"
    raise ValueError(reason)


def is_html(body: bytes) -> bool:
    """Return whether a body is a web page, or another kind of markup."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _is_shallow(body: bytes) -> bool:
    """Return whether the brackets outside of texts are nested no deeper than we read."""
    level, is_text, is_escaped = 0, False, False
    for byte in body:
        if is_text:
            is_text = is_escaped or byte != 0x22
            is_escaped = byte == 0x5C and not is_escaped
        elif byte == 0x22:
            is_text = True
        elif byte in b"[{":
            level += 1
            if level > DEEPEST:
                return False
        elif byte in b"]}":
            level -= 1
    return True
