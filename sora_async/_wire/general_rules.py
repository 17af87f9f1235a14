"""
Rules for services that no table knows: by what a key is called, and what a value looks like.

They are asked where the tables of :mod:`~sora_async._wire.vocabulary` give nothing, and are built
so that none of them ends a task that is going on: an address counts after a success only, and a
word means an end only where the list of words says so.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..models.json_fields import read_label, read_url
from .json import parse_text
from .vocabulary import OK_CODES


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


MAX_NODES = 2000
"""Values of a response that are looked at."""

MAX_DEPTH = 12

MAX_TEXTS = 4
"""Texts that are opened as JSON."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_ID_KEY = re.compile(
    r"((task|job|video|generation|gen|prediction|operation|run|render|execution|invocation|work"
    r"|workflow|clip|movie|creation)s?_?)*(id|uuid|guid|arn)"
)
"""Keys that name a task: an id, of nothing else than what is made."""

_REQUEST_KEY = re.compile(r"(http_|req_|request_)+(id|uuid)")
"""Keys of the id of an HTTP request."""

_STATUS_KEY = re.compile(
    r"((current|overall|final|task|job|video|generation|generate|gen|prediction|operation|run|render"
    r"|rendering|process|processing|work|workflow|execution|clip|movie)_)*"
    r"(status|state|phase|stage)(_(name|text|code|word|str|desc))?"
)
"""Keys of a status; that of a payment, an account or a webhook is another's."""

_MESSAGE_KEY = re.compile(
    r"(last_)?(fail|failed|failure|err|error|exception|reject|rejection|block|blocked|moderation|refusal)"
    r"(_\w+)*|(\w+_)?(msg|message|reason|reasons|cause|description|detail|details)"
)
_NO_MESSAGE = frozenset(
    ("url", "uri", "callback", "webhook", "count", "id", "time", "at", "prompt", "rate", "retry")
)
_CODE_KEY = re.compile(
    r"(fail|failed|failure|err|error|reject|rejection)_(code|no|type)|errno|failure_reason"
)
_ANY_CODE_KEY = re.compile(r"((status|sub|reason|result|ret)_)?code")

_FOREIGN = word_set(
    """
    input inputs request req param params parameters config args image images user account owner
    webhook callback error errors parent source reference metadata
    """
)
"""Words of objects whose ids are not the task's."""

Path = tuple[str | int, ...]


def split_key(key: str) -> str:
    """Return a key in lower case with ``_`` between its words: ``taskId`` is ``task_id``."""
    return _HUMP.sub("_", key[:64]).replace("-", "_").replace(" ", "_").lower()


def nodes(value: object) -> Iterator[tuple[Path, Any]]:
    """Yield all values inside a response with the keys that lead to them, in document order."""
    left, texts = MAX_NODES, MAX_TEXTS
    stack = _inner((), value, most=left)
    while stack and left:
        left -= 1
        path, inner = stack.pop()
        yield path, inner
        if len(path) < MAX_DEPTH:
            if texts and isinstance(inner, str) and inner[:1] in ("{", "["):
                texts -= 1
                inner = parse_text(inner)
            if isinstance(inner, dict | list):
                stack += _inner(path, inner, most=left)


def _inner(path: Path, value: object, *, most: int) -> list[tuple[Path, Any]]:
    """Return the first so many values inside one, the last of them first."""
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [((*path, key), inner) for key, inner in itertools.islice(items, most)][::-1]


def is_id(value: object) -> bool:
    """Return whether a value is an id; a number of more than 64 bits is not the same to all."""
    if isinstance(value, str):
        return 0 < len(value.strip()) <= 1024
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**64


def guess_ids(response: object) -> Iterator[Any]:
    """Yield what may be the id of a task, the outermost first; ids of requests come last."""
    ids: list[tuple[int, Any]] = []
    requests: list[Any] = []
    for path, value in nodes(response):
        key = split_key(path[-1]) if isinstance(path[-1], str) else ""
        if not is_id(value) or _leads_elsewhere(path):
            continue
        if _ID_KEY.fullmatch(key) or is_operation(key, value):
            ids.append((len(path), value))
        elif _REQUEST_KEY.fullmatch(key):
            requests.append(value)
    yield from (value for _, value in sorted(ids, key=lambda one: one[0]))
    yield from requests


def is_operation(key: str, value: object) -> bool:
    """Return whether a value is the name of a long-running operation."""
    return key == "name" and isinstance(value, str) and "operations/" in value


def guess_names(body: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the ids of a task under its own keys, that of the request left out."""
    for key, value in body.items():
        if is_id(value) and (_ID_KEY.fullmatch(split_key(key)) or is_operation(key, value)):
            yield value


def has_request_id(body: Mapping[str, Any]) -> bool:
    """Return whether a body has the id of a request, which may be that of a task."""
    return any(_REQUEST_KEY.fullmatch(split_key(key)) and is_id(body[key]) for key in body)


def guess_status(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts under keys of a task that are called like a status."""
    for key, value in body.items():
        if isinstance(value, str) and _STATUS_KEY.fullmatch(split_key(key)):
            yield value


def guess_message(response: object, *, code: str | None) -> str | None:
    """
    Return the text under a key that names a reason: ``fail*``, ``error*``, ``*_msg``, ``detail``.

    The first sentence is better than a word before it.

    Args:
        response: A task, or a whole response.
        code: What is known already, and is no message.
    """
    found: list[str] = []
    for path, value in nodes(response):
        key = split_key(_name_of(path))
        if not isinstance(value, str) or not _NO_MESSAGE.isdisjoint(key.split("_")):
            continue
        label = read_label(value) if _MESSAGE_KEY.fullmatch(key) else None
        if label is not None and label != code and label.lower() not in OK_CODES:
            found.append(label)
    messages = [label for label in found if read_url(label) is None]
    sentences = (label for label in messages if " " in label or not label.isascii())
    return next(sentences, messages[0] if messages else None)


def guess_code(response: object) -> str | None:
    """Return the value under a key that names the code of an error, before any other code."""
    other: str | None = None
    for path, value in nodes(response):
        key = split_key(_name_of(path))
        label = read_label(value)
        if label is None or label.lower() in OK_CODES or " " in label or not label.isascii():
            continue
        if _CODE_KEY.fullmatch(key):
            return label
        if other is None and _ANY_CODE_KEY.fullmatch(key):
            other = label
    return other


def _name_of(path: Path) -> str:
    """Return the last key of a path; an item of a list has the key of the list."""
    return next((key for key in reversed(path) if isinstance(key, str)), "")


def _leads_elsewhere(path: Path) -> bool:
    return not _FOREIGN.isdisjoint(
        word for key in path[:-1] if isinstance(key, str) for word in split_key(key).split("_")
    )
