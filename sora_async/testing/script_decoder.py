"""Decodes plain data, as from JSON or YAML, into the values of this package; errors say where."""

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import attrs

from .answers.answer import ANSWER_FACTORIES, Answer
from .profiles.http_message import Body

FieldPath = tuple[str | int, ...]
"""Where a value is: the keys and indexes that lead to it."""


class ScriptError(ValueError):
    """Data that cannot be decoded; *reason* says what is wrong with it, and *path* where it is."""

    def __init__(self, path: FieldPath, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{format_path(self.path)}: {self.reason}" if self.path else self.reason


def format_path(path: FieldPath) -> str:
    """Return a path as it is written in code: ``tasks[0].script[2]``."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(steps).removeprefix(".")


def decode(data: Any, hint: Any, path: FieldPath = ()) -> Any:
    """
    Return *data* as a value of the type *hint*.

    Text may be given as a number, and the key of a mapping that is a number as text, as JSON needs
    it. A mapping becomes an attrs class by its fields, and text or a mapping an :class:`Answer` by
    the function that makes it. Numbers must not be negative or NaN.

    This is not done by cattrs, whose errors would have to be searched for the place of the first.

    Args:
        data: What JSON or YAML can hold.
        hint: Such as ``Sequence[Answer] | None``.
        path: Where *data* is.

    Raises:
        ScriptError: It cannot be decoded as one.
    """
    if hint not in _SCALARS and type(None) in get_args(hint):
        return None if data is None else decode(data, get_args(hint)[0], path)
    try:
        if hint in _SCALARS:
            return _SCALARS[hint](data)
        if hint is Answer:
            return _decode_answer(data, path)
        if attrs.has(hint):
            return _decode_object(data, hint, path)
        return _GENERIC_TYPES[get_origin(hint)](data, hint, path)
    except ScriptError:
        raise
    except ValueError as error:
        raise ScriptError(path, str(error)) from error


def _decode_fields(
    given: Mapping[Any, Any], hints: Mapping[str, Any], path: FieldPath, *, takes_more: bool = False
) -> dict[str, Any]:
    """Decode values by the types of their names; *takes_more*: other names are any values."""
    for name in given:
        if name not in hints and not takes_more:
            reason = f"there is no such field{_suggest(name, hints)}"
            raise ScriptError((*path, name), reason)
    return {
        name: decode(value, hints.get(name, Any), (*path, name)) for name, value in given.items()
    }


# --- Answers ------------------------------------------------------------------------------------


def _decode_answer(data: Any, path: FieldPath) -> Answer:
    """Decode ``queued``, ``{running: 0.4}`` or ``{http_error: {status: 503, body: gone}}``."""
    if isinstance(data, str):
        data = {data: None}
    if not isinstance(data, Mapping) or len(data) != 1:
        raise ValueError(f"an answer is one name, with its arguments; not {_describe(data)}")
    [(name, given)] = data.items()
    if name not in ANSWER_FACTORIES:
        raise ValueError(f"there is no answer {name!r}{_suggest(name, ANSWER_FACTORIES)}")
    return _call(ANSWER_FACTORIES[name], given, (*path, name))


def _call(make: Callable[..., Answer], given: Any, path: FieldPath) -> Answer:
    """Call *make* with the arguments *given*: none, the first one, or a mapping of them."""
    hints, takes_more = _parameters(make)
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        if not hints:
            raise ScriptError(path, "it takes no arguments")
        given = {next(iter(hints)): given}
    arguments = _decode_fields(given, hints, path, takes_more=takes_more)
    try:
        return make(**arguments)
    except ValueError as error:
        raise ScriptError(path, str(error)) from error
    except TypeError as error:
        _, _, reason = str(error).partition("() ")
        reason = reason.replace("keyword-only ", "").replace("positional ", "")
        raise ScriptError(path, reason or str(error)) from error


@functools.cache
def _parameters(make: Callable[..., Answer]) -> tuple[Mapping[str, Any], bool]:
    """Return the types of the parameters, and whether any other fields are accepted."""
    hints = get_type_hints(make)
    parameters = inspect.signature(make).parameters.values()
    named = {each.name: hints[each.name] for each in parameters if each.kind != each.VAR_KEYWORD}
    return named, len(named) < len(parameters)


# --- Values -------------------------------------------------------------------------------------


def _decode_object(data: Any, cls: Any, path: FieldPath) -> Any:
    if not isinstance(data, Mapping):
        raise ValueError(f"expected fields, got {_describe(data)}")
    fields = attrs.fields(cls)
    values = _decode_fields(data, {field.name: field.type for field in fields}, path)
    for field in fields:
        if field.default is attrs.NOTHING and field.name not in data:
            raise ValueError(f"the field {field.name!r} is missing")
    return cls(**values)


def _decode_mapping(data: Any, hint: Any, path: FieldPath) -> Mapping[Any, Any]:
    if not isinstance(data, Mapping):
        raise ValueError(f"expected a mapping, got {_describe(data)}")
    key_hint, value_hint = get_args(hint)
    is_number = key_hint is int
    keys = [int(key) if is_number and str(key).isdecimal() else key for key in data]
    names = [decode(key, key_hint, (*path, key)) for key in keys]
    values = [decode(value, value_hint, (*path, key)) for key, value in data.items()]
    return dict(zip(names, values, strict=True))


def _decode_list(data: Any, hint: Any, path: FieldPath) -> Sequence[Any]:
    if not isinstance(data, list):
        raise ValueError(f"expected a list, got {_describe(data)}")
    hints = get_args(hint)
    if get_origin(hint) is not tuple:
        hints *= len(data)
    if len(hints) != len(data):
        raise ValueError(f"expected {len(hints)} values, got {len(data)}")
    pairs = enumerate(zip(data, hints, strict=True))
    return tuple(decode(each, one, (*path, index)) for index, (each, one) in pairs)


def _decode_literal(data: Any, hint: Any, _path: FieldPath) -> Any:
    if data in get_args(hint) and not isinstance(data, bool):
        return data
    known = ", ".join(map(str, get_args(hint)))
    suggestion = _suggest(data, map(str, get_args(hint)))
    raise ValueError(f"expected one of {known}; got {_describe(data)}{suggestion}")


def _decode_float(data: Any) -> float:
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    # Written so that NaN, which no comparison holds for, is refused.
    if not is_number or not data >= 0:
        raise ValueError(f"expected a number from 0 on, got {_describe(data)}")
    try:
        return float(data)
    except OverflowError:
        return math.inf


def _decode_int(data: Any) -> int:
    if not _decode_float(data).is_integer():
        raise ValueError(f"expected a whole number, got {_describe(data)}")
    return int(data)


def _decode_text(data: Any) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, int | float) and not isinstance(data, bool):
        return str(data)
    # Such as "no" or a date in YAML.
    advice = "" if data is None or isinstance(data, list | Mapping) else "; quotes make it text"
    raise ValueError(f"expected text, got {_describe(data)}{advice}")


def _decode_flag(data: Any) -> bool:
    if isinstance(data, bool):
        return data
    raise ValueError(f"expected true or false, got {_describe(data)}")


def _decode_body(data: Any) -> Any:
    if data is None or isinstance(data, list | Mapping):
        return data
    try:
        return _decode_text(data)
    except ValueError:
        raise ValueError(f"this cannot be {_describe(data)}") from None


def _suggest(name: object, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(str(name), list(known))
    return f"; is it {found[0]!r}?" if found else ""


def _describe(data: Any) -> str:
    """Return *data* in a few words."""
    match data:
        case None:
            return "nothing"
        case bool():
            return "true" if data else "false"
        case Mapping():
            return "a mapping"
        case list():
            return "a list"
    text = repr(data)
    return text if len(text) <= 40 else f"{text[:40]}…"


_SCALARS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    Any: lambda data: data,
    Body: _decode_body,
    Body | None: _decode_body,
    bool: _decode_flag,
    float: _decode_float,
    int: _decode_int,
    str: _decode_text,
}
_GENERIC_TYPES: Final[Mapping[Any, Callable[[Any, Any, FieldPath], Any]]] = {
    Literal: _decode_literal,
    Mapping: _decode_mapping,
    Sequence: _decode_list,
    tuple: _decode_list,
}
