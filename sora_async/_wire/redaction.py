"""
Cutting our own secrets out of everything that becomes text for people.

What a server sends back is redacted after it is decoded, and so it does not matter how the body
spelled it: as JSON escapes, in another charset, or in a text that is encoded once more.
"""

import functools
import html
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, AnyStr, TypeVar
from urllib.parse import quote, unquote

import attrs

HIDDEN = "[key]"

PIECE = 6
"""A secret is searched for in blocks of so many characters: any run of eleven or more of its
characters holds a whole block, and is found."""

SHORTEST_PART = 8
"""Characters of a part of a secret that is cut out."""

SHORTEST_ENCODED = 6
"""Characters of base64 that are looked for, and bytes in hexadecimal; fewer may be in any word."""

SHORTEST = 3
"""Characters of a secret that is looked for; a shorter one is a part of any word."""

MAX_TEXT = 1 << 14
"""Characters of a text that is searched for parts and other spellings of a secret; in a longer one,
which is no text for people, only the whole secret is looked for."""

_PARTS = re.compile(r"[;,\s]+")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\(.)", re.DOTALL)
_PERCENT_ENCODED = re.compile(r"%[0-9a-fA-F]{2}")
_TOKEN = re.compile(r"\S+")

Value = TypeVar("Value")


def without_query(url: str) -> str:
    """Return a URL for people: what follows the path of a signed link is a secret."""
    if url.startswith("data:"):
        return url.partition(",")[0]
    return url.partition("?")[0].partition("#")[0]


@attrs.frozen(repr=False)
class _Sought:
    """
    How one secret is found.

    Attributes:
        whole: The secret itself.
        spellings: The secret as it is in a URL, and in JSON that escapes slashes.
        pieces: Parts of it, side by side: any long enough part of it has one of them whole.
        encoded: The middle of its base64, at each of the three alignments, and of its hexadecimal
            digits.
    """

    whole: str
    spellings: tuple[str, ...]
    pieces: tuple[str, ...]
    encoded: tuple[str, ...]


@functools.lru_cache(maxsize=16)
def _seek(secrets: tuple[str, ...]) -> tuple[_Sought, ...]:
    """Return how to find secrets: each as it is, and each part of one such as a cookie."""
    parts: dict[str, None] = {}
    for secret in secrets:
        parts[secret] = None
        for pair in _PARTS.split(secret):
            parts |= {pair: None, pair.partition("=")[2]: None, _read_password(pair): None}
    return tuple(_describe(part) for part in parts if len(part) >= SHORTEST)


def _read_password(credentials: str) -> str:
    """Return the password in the value of HTTP Basic, "" in any other. Source: :rfc:`7617`."""
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _describe(secret: str) -> _Sought:
    is_long = len(secret) >= 2 * PIECE - 1
    pieces = _cut(secret, PIECE) if is_long else ()
    encoded: list[str] = []
    for shift in range(3):
        text = b64encode(b"\0" * shift + secret.encode()).decode().rstrip("=")
        middle = _middle(text[(shift * 8 + 5) // 6 : -1], 2 * PIECE)
        if len(middle) >= SHORTEST_ENCODED:
            encoded += {middle, middle.replace("+", "-").replace("/", "_")}
    digits = _middle(secret.encode(), 2 * PIECE).hex()
    if len(digits) >= 2 * SHORTEST_ENCODED:
        encoded += {digits, digits.upper()}
    spellings = {quote(secret, safe=""), quote(secret), secret.replace("/", "\\/")} - {secret}
    return _Sought(secret, tuple(spellings), tuple(pieces), tuple(encoded))


def _middle(text: AnyStr, size: int) -> AnyStr:
    start = max(0, len(text) // 2 - size // 2)
    return text[start : start + size]


def _cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text) - size + 1, size)]


def redact(text: str | None, secrets: tuple[str, ...]) -> str | None:
    """
    Return a text without any secret, or any longer part of one, in any spelling.

    A short secret is cut out where it stands alone. A spelling that does not show the secret as it
    is (percent-encoding, base64, hexadecimal, escapes) is cut out with the word around it.

    Args:
        text: For people; None stays None.
        secrets: The values of headers that give access to something.
    """
    if not text:
        return text
    for sought in _seek(secrets):
        if len(text) <= MAX_TEXT:
            text = _redact_one(text, sought)
        elif sought.pieces:
            text = text.replace(sought.whole, HIDDEN)
    return text


def _redact_one(text: str, sought: _Sought) -> str:
    if not sought.pieces:
        is_plain = sought.whole in text
        if any(map(text.__contains__, sought.encoded)) or (not is_plain and _is_encoded(text)):
            text = _redact_words(text, sought)
        if not is_plain:
            return text
        return re.sub(rf"(?<![\w-]){re.escape(sought.whole)}(?![\w-])", HIDDEN, text)
    for spelling in sought.spellings:
        text = text.replace(spelling, HIDDEN)
    if _is_encoded(text) or any(map(text.__contains__, sought.encoded)):
        text = _redact_words(text, sought)
    if any(map(text.__contains__, sought.pieces)):
        text = _cut_runs(text, sought)
    return text


def _is_encoded(text: str) -> bool:
    """Return whether a text has signs of another spelling; the ``%`` of "30%" alone is none."""
    if "\\" in text or "&" in text:
        return True
    return "%" in text and _PERCENT_ENCODED.search(text) is not None


def _cut_runs(text: str, sought: _Sought) -> str:
    """Replace each longest part of a text that is a part of the secret."""
    secret = sought.whole
    for piece in sought.pieces:
        start = text.find(piece)
        while start >= 0:
            first, last = _extend(text, start, secret, secret.index(piece))
            if last - first >= SHORTEST_PART:
                text = text[:first] + HIDDEN + text[last:]
                start = text.find(piece, first + len(HIDDEN))
            else:
                start = text.find(piece, start + 1)
    return text


def _extend(text: str, start: int, secret: str, at: int) -> tuple[int, int]:
    """Return from where to where a text is a part of a secret, around a piece that both have."""
    first, low = start, at
    while first > 0 and low > 0 and text[first - 1] == secret[low - 1]:
        first, low = first - 1, low - 1
    last, high = start + PIECE, at + PIECE
    while last < len(text) and high < len(secret) and text[last] == secret[high]:
        last, high = last + 1, high + 1
    return first, last


def _redact_words(text: str, sought: _Sought) -> str:
    """Replace the words of a text that are the secret in another spelling."""
    return _TOKEN.sub(lambda word: HIDDEN if _hides(word[0], sought) else word[0], text)


def _hides(word: str, sought: _Sought) -> bool:
    if any(map(word.__contains__, sought.encoded)):
        return True
    plain = word
    for _ in range(3):
        plain = html.unescape(unquote(_ESCAPE.sub(_unescape, plain)))
        if plain == word:
            return False
        if sought.whole in plain or any(map(plain.__contains__, sought.pieces)):
            return True
        word = plain
    return False


def _unescape(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    return chr(int(code, 16)) if code else escape[3]


def redact_value(value: Value, secrets: tuple[str, ...]) -> Value:
    """
    Return a JSON value with all texts in it redacted; the same one where there is no secret.

    One of many texts loses the whole secrets only.
    """
    texts = find_texts(value)
    text = "\n".join(texts)
    if sum(map(len, texts)) > MAX_TEXT:
        wholes = [one.whole for one in _seek(secrets) if one.whole in text]
        return _replace(value, wholes) if wholes else value
    if not _may_show(text, secrets):
        return value
    redacted: Any = _redact_any(value, secrets)
    return value if redacted == value else redacted


def find_texts(value: Any) -> list[str]:
    """Return all texts in a JSON value, in any order."""
    texts: list[str] = []
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            texts.append(one)
        elif isinstance(one, Mapping):
            left += (*one, *one.values())
        elif isinstance(one, list):
            left += one
    return texts


def _redact_any(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, Mapping):
        return {redact(key, secrets): _redact_any(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redact_any(inner, secrets) for inner in value]
    return value


def _replace(value: Any, wholes: list[str]) -> Any:
    if isinstance(value, str):
        for whole in wholes:
            value = value.replace(whole, HIDDEN)
        return value
    if isinstance(value, Mapping):
        return {_replace(key, wholes): _replace(inner, wholes) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replace(inner, wholes) for inner in value]
    return value


def redact_body(
    body: Mapping[str, Any] | bytes, secrets: tuple[str, ...]
) -> Mapping[str, Any] | bytes:
    """
    Return a body of a JSON object without secrets.

    A long one is not parsed for it, and loses the whole secrets only.
    """
    if not isinstance(body, bytes):
        return redact_value(body, secrets)
    if len(body) <= MAX_TEXT:
        value = json.loads(body)
        redacted = redact_value(value, secrets)
        return body if redacted is value else redacted
    for one in _seek(secrets):
        body = body.replace(one.whole.encode(), HIDDEN.encode())
    return body


def may_hold(body: bytes, secrets: tuple[str, ...]) -> bool:
    """
    Return whether a body may have a secret in it, in any spelling; most have none.

    In a long body only the whole secret is looked for.
    """
    if len(body) > MAX_TEXT:
        return any(one.whole.encode() in body for one in _seek(secrets))
    # A text is searched in less time than bytes.
    return _may_show(body.decode("utf-8", "replace"), secrets)


def _may_show(text: str, secrets: tuple[str, ...]) -> bool:
    """Return whether a text has a part of a secret, or signs of another spelling."""
    needles = _needles(secrets)
    return bool(needles) and (_is_encoded(text) or any(map(text.__contains__, needles)))


@functools.lru_cache(maxsize=16)
def _needles(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a text has that has a secret; NUL is a sign of UTF-16 and UTF-32."""
    parts: list[str] = []
    for one in _seek(secrets):
        parts += one.pieces or (one.whole,)  # a whole one that is long has a piece in it
        parts += one.encoded
    return ("\0", *parts) if parts else ()
