"""Plain data, as from JSON or YAML, into the values of this package; errors say where."""

import difflib
import functools
import inspect
import math
import types
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from .answers.answer import ANSWERS, Answer

Place = tuple[str | int, ...]
"""Where something is: the keys and indexes that lead to it."""


class MisreadError(ValueError):
    """
    Data that cannot be read.

    Attributes:
        place: Where it is.
        reason: What is wrong with it.
    """

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"{spell_place(self.place)}: {self.reason}" if self.place else self.reason


def spell_place(place: Place) -> str:
    """Return a place as it is written in code: ``tasks[0].script[2]``."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in place]
    return "".join(steps).removeprefix(".")


def read(data: Any, hint: Any, place: Place = ()) -> Any:
    """
    Return *data* as a value of the type *hint*.

    Text may be given as a number, and the key of a mapping that is a number as text, as JSON wants
    it. A mapping becomes an attrs class by its fields, and text or a mapping an :class:`Answer` by
    the function that makes it. No number here may be negative, or none at all.

    Raises:
        MisreadError: It is none.
    """
    if hint is Any:
        return data
    if hint is Answer:
        return _read_answer(data, place)
    if isinstance(hint, type) and attrs.has(hint):
        return _read_fields(data, hint, _fields(hint), place)
    read_kind = _KINDS.get(get_origin(hint) or hint)
    if read_kind is None:
        raise MisreadError(place, "this cannot be given in a file")
    return read_kind(data, hint, place)


def _read_answer(data: Any, place: Place) -> Answer:
    """Read ``queued``, ``{running: 0.4}`` or ``{http_error: {status: 503, body: gone}}``."""
    if isinstance(data, str):
        data = {data: None}
    if not isinstance(data, Mapping) or len(data) != 1:
        raise MisreadError(place, f"an answer is one name, with its arguments; not {_show(data)}")
    [(name, given)] = data.items()
    make = ANSWERS.get(name)
    if make is None:
        raise MisreadError(place, f"there is no answer {name!r}{_suggest(name, ANSWERS)}")
    hints = _arguments(name)
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        if not hints:
            raise MisreadError((*place, name), "it takes no arguments")
        given = {next(iter(hints)): given}
    answer: Answer = _read_fields(given, make, hints, (*place, name))
    return answer


def _read_fields(data: Any, make: Any, hints: Mapping[str, Any], place: Place) -> Any:
    """Call *make* with the fields of *data*, each read as its type."""
    if not isinstance(data, Mapping):
        raise MisreadError(place, f"expected fields, got {_show(data)}")
    takes_more = any(hint is _MORE for hint in hints.values())
    values = {}
    for name, value in data.items():
        hint = Any if takes_more and name not in hints else hints.get(name)
        if hint is None:
            raise MisreadError((*place, name), f"there is no such field{_suggest(name, hints)}")
        values[name] = read(value, hint, (*place, name))
    try:
        return make(**values)
    except (TypeError, ValueError) as error:
        raise MisreadError(place, _explain(error)) from error


def _explain(error: TypeError | ValueError) -> str:
    """Return what a call has said, without the name that Python gives to it."""
    _, call, rest = str(error).partition("() ")
    return rest.replace("keyword-only ", "").replace("positional ", "") if call else str(error)


@functools.cache
def _fields(cls: type) -> Mapping[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in attrs.fields(cls) if field.init}


@functools.cache
def _arguments(name: str) -> Mapping[str, Any]:
    """Return the arguments of an answer with their types; *_MORE* where it takes any others."""
    make = ANSWERS[name]
    from .scenario import Scenario

    hints = get_type_hints(make, localns={"Scenario": Scenario})
    found = inspect.signature(make).parameters.values()
    return {
        each.name: _MORE if each.kind is each.VAR_KEYWORD else hints[each.name] for each in found
    }


def _read_union(data: Any, hint: Any, place: Place) -> Any:
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    if data is None and len(kinds) < len(get_args(hint)):
        return None
    if len(kinds) == 1:
        return read(data, kinds[0], place)
    for kind in kinds:
        try:
            return read(data, kind, place)
        except MisreadError:
            continue
    raise MisreadError(place, f"this cannot be {_show(data)}")


def _read_literal(data: Any, hint: Any, place: Place) -> Any:
    if data in get_args(hint) and not isinstance(data, bool):
        return data
    known = ", ".join(map(str, get_args(hint)))
    raise MisreadError(place, f"expected one of {known}; got {_show(data)}")


def _read_number(data: Any, hint: Any, place: Place) -> float:
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    # Not a number is less than nothing, and not more than it either.
    if not is_number or not data >= 0:
        raise MisreadError(place, f"expected a number from 0 on, got {_show(data)}")
    if hint is float:
        try:
            return float(data)
        except OverflowError:
            return math.inf
    if data != data // 1 or math.isinf(data):
        raise MisreadError(place, f"expected a whole number, got {_show(data)}")
    return int(data)


def _read_text(data: Any, _hint: Any, place: Place) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, int | float) and not isinstance(data, bool):
        return str(data)
    # Such as "no" or a date in YAML.
    hint = "" if data is None or isinstance(data, list | Mapping) else "; quotes make it text"
    raise MisreadError(place, f"expected text, got {_show(data)}{hint}")


def _read_flag(data: Any, _hint: Any, place: Place) -> bool:
    if isinstance(data, bool):
        return data
    raise MisreadError(place, f"expected true or false, got {_show(data)}")


def _read_mapping(data: Any, hint: Any, place: Place) -> Mapping[Any, Any]:
    if not isinstance(data, Mapping):
        raise MisreadError(place, f"expected a mapping, got {_show(data)}")
    key_hint, value_hint = get_args(hint)
    read_values = {}
    for key, value in data.items():
        is_digits = key_hint is int and isinstance(key, str) and key.isdecimal()
        name = read(int(key) if is_digits else key, key_hint, (*place, key))
        read_values[name] = read(value, value_hint, (*place, key))
    return read_values


def _read_list(data: Any, hint: Any, place: Place) -> Sequence[Any]:
    if not isinstance(data, list):
        raise MisreadError(place, f"expected a list, got {_show(data)}")
    kinds = get_args(hint)
    if get_origin(hint) is not tuple or kinds[-1] is ...:
        kinds = (kinds[0],) * len(data)
    if len(kinds) != len(data):
        raise MisreadError(place, f"expected {len(kinds)} values, got {len(data)}")
    pairs = zip(data, kinds, strict=True)
    return tuple(read(item, kind, (*place, number)) for number, (item, kind) in enumerate(pairs))


def _read_bytes(data: Any, _hint: Any, place: Place) -> bytes:
    raise MisreadError(place, f"a file holds no bytes, only {_show(data)}")


def _suggest(name: object, known: Mapping[str, Any]) -> str:
    found = difflib.get_close_matches(str(name), [each for each in known if known[each] != _MORE])
    return f"; is it {found[0]!r}?" if found else ""


def _show(data: Any) -> str:
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


_MORE: Final = "more"
_KINDS: Final[Mapping[Any, Any]] = {
    Union: _read_union,
    types.UnionType: _read_union,
    Literal: _read_literal,
    float: _read_number,
    int: _read_number,
    str: _read_text,
    bool: _read_flag,
    bytes: _read_bytes,
    Mapping: _read_mapping,
    Sequence: _read_list,
    tuple: _read_list,
}
