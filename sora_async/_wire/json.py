"""
The bytes of a response into JSON, by orjson where it is installed.

orjson is stricter than the standard ``json``: it takes UTF-8 only, and no NaN,
no lone surrogate, no number beyond a float. What it refuses is read again by
``json``, so that both read the same; only a whole number of more than 64 bits
is a float to orjson.

The time to read any body is bounded: what would hold the event loop up is refused
by checks that are linear and run in C.
"""

import codecs
import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

DEEPEST = 100
"""Levels of nesting that are read; real responses have six. More would break a copy of *raw*."""

MAX_VALUES = 60_000
"""Values in a body that are read; to parse more takes longer than 50 ms."""

MAX_DIGITS = 400
"""Digits of a number in a body of more than 60 kB: a float has 309. To parse 8 MB of numbers of
thousands takes 150 ms."""

MAX_TEXT = 1 << 18
"""Characters of a text that is read as JSON itself."""

MAX_LINES = 50
"""Lines at the end of a stream of objects among which the last complete one is looked for."""

_raw_decode = json.JSONDecoder().raw_decode

_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)

_CHARSETS = re.compile(
    r"gbk|gb2312|gb18030|hz|big5\w*|shift_jis\w*|cp932|euc_\w+|iso2022_\w+|johab|cp949|koi8[-_]\w"
    r"|iso8859-\d+|cp125\d|cp874|tis-620|mac-\w+|utf-(16|32)(-[bl]e)?"
)
"""Python's names of the charsets that are read; the time of others may grow with the square."""

_STREAM = re.compile(rb"\s*(?:data|event|id|retry)?:")
"""How a stream of server-sent events begins. Source: the WHATWG standard "HTML", section 9.2."""


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
    if b"\0" in body[:4]:
        body = _to_utf8(body)
    check_bounds(body)
    try:
        value = _parse_fast(body)
    except (ValueError, RecursionError):
        return parse_exactly(body)
    # An error names the type of what is no object, and there a whole number must not be a float.
    return value if isinstance(value, dict) else parse_exactly(body)


def _to_utf8(body: bytes) -> bytes:
    """Return JSON in UTF-16 or UTF-32 in UTF-8: in the others a bracket is no single byte."""
    try:
        return body.decode(json.detect_encoding(body), "surrogatepass").encode(
            "utf-8", "surrogatepass"
        )
    except ValueError:
        return body


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


def parse_text(text: str) -> Any:
    """Return the JSON object or array that a text is, None when it is none."""
    if text[:1] not in ("{", "[") or len(text) > MAX_TEXT:
        return None
    try:
        return parse_json(text.encode())
    except ValueError:
        return None


def parse_part(text: str) -> Any:
    """Return the JSON object that a sentence has in it, None when it has none."""
    start = text.find("{")
    if start < 0 or len(text) > MAX_TEXT:
        return None
    text = text[start:]
    try:
        check_bounds(text.encode())
        return _raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def check_bounds(body: bytes) -> None:
    """
    Refuse a body that takes too long to parse.

    Raises:
        ValueError: It is a web page, nested too deep, or has too many values or too long numbers.
    """
    if is_html(body):
        raise ValueError("a web page")
    objects = body.count(b"{") + body.count(b"[")
    # A body that is shorter cannot have so many.
    if len(body) > MAX_VALUES and objects + body.count(b",") > MAX_VALUES:
        raise ValueError(f"JSON of more than {MAX_VALUES} values")
    if len(body) > MAX_VALUES and _TOO_LONG in body.translate(_DIGITS):
        raise ValueError(f"JSON with a number of more than {MAX_DIGITS} digits")
    if objects > DEEPEST:
        _check_depth(body)


def is_html(body: bytes) -> bool:
    """Return whether a body is a web page, or another kind of markup."""
    return body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


_DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0 for byte in range(256))
_TOO_LONG = b"0" * (MAX_DIGITS + 1)
_NO_MARKS = bytes(set(range(256)) - set(b'[]{}"'))


def _check_depth(body: bytes) -> None:
    """
    Refuse a body in which the brackets outside of texts are nested too deep.

    Raises:
        ValueError: They are, or it has more texts than values that we read.
    """
    if b"\\" in body:  # without the escapes each quote begins or ends a text
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = body.translate(None, _NO_MARKS)
    # Each value is one text at most, and its key another.
    if marks.count(b'"') > 4 * (MAX_VALUES + 1):
        raise ValueError(f"JSON of more than {MAX_VALUES} values")
    level = 0
    for byte in b"".join(marks.split(b'"')[::2]):
        level += 1 if byte in b"[{" else -1
        if level > DEEPEST:
            raise ValueError(f"JSON nested deeper than {DEEPEST} levels")
        if level < 0:
            return  # no JSON goes on here; so at most as many are closed as are opened


def normalise_body(body: bytes, content_type: str) -> bytes:
    """
    Return a body as JSON in UTF-8 where it is something else: another charset, or a stream.

    Args:
        body: As received.
        content_type: The header that names the charset; "" without one. A charset that is not
            known, or that the body is not in, is ignored.
    """
    charset = _CHARSET.search(content_type) if content_type else None
    if charset is not None:
        body = _decode_charset(body, charset.group(1))
    return _last_object(body) or body


def _decode_charset(body: bytes, charset: str) -> bytes:
    if charset.lower() == "utf-8":
        return body
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        return body
    if _CHARSETS.fullmatch(name) is None:
        return body
    if name in ("gb2312", "gbk"):
        name = "gb18030"  # which has all of both; servers name the one and send the other
    try:
        return body.decode(name).encode()
    except ValueError:
        return body


def _last_object(body: bytes) -> bytes | None:
    """
    Return the last complete object of newline-delimited JSON or server-sent events.

    None when a body is neither. The first line tells: that of JSON in several lines is no object.
    """
    if b"\n" not in body.strip():
        return None
    first = body[:MAX_TEXT].lstrip().partition(b"\n")[0]
    if _STREAM.match(first) is None and not _is_object(first):
        return None
    left = MAX_VALUES  # of all lines that are tried
    for line in reversed(body.rsplit(b"\n", MAX_LINES)):
        text = line.strip().removeprefix(b"data:").strip()
        left -= text.count(b"{") + text.count(b"[") + text.count(b",")
        if left < 0:
            return None
        if _is_object(text):
            return text
    return None


def _is_object(line: bytes) -> bool:
    text = line.strip()
    if not (text.startswith(b"{") and text.endswith(b"}")):
        return False
    try:
        return isinstance(parse_json(text), dict)
    except ValueError:
        return False
