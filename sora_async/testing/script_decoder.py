"""Decodes plain data, as from JSON or YAML, into the values of this package; errors say where."""

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn

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


def decode(data: Any, hint: Any) -> Any:
    """
    Return *data* as a value of the type *hint*.

    Text may be given as a number, and the key of a mapping that is a number as text, as JSON needs
    it. A mapping becomes an attrs class by its fields, and text or a mapping an :class:`Answer` by
    the function that makes it. Numbers must not be negative or NaN.

    Raises:
        ScriptError: It cannot be decoded as one.
    """
    try:
        return _CONVERTER.structure(data, hint)
    except _DECODE_ERRORS as error:
        raise _locate(error) from error


def _locate(error: BaseException) -> ScriptError:
    """Return the first error inside of what cattrs raised, with the path to it."""
    match error:
        case ScriptError():
            return error
        case cattrs.ClassValidationError():
            noted, plain = error.group_exceptions()
            if plain:
                return _locate(plain[0])
            inner, note = noted[0]
            if isinstance(inner, KeyError):
                return ScriptError((), f"the field {note.name!r} is missing")
            return _below(note.name, inner)
        case cattrs.ForbiddenExtraKeysError():
            name = min(error.extra_fields, key=str)
            known = [field.name for field in attrs.fields(error.cl)]
            return ScriptError((name,), f"there is no such field{_suggest(name, known)}")
        case cattrs.StructureHandlerNotFoundError():
            return ScriptError((), "this cannot be given in a file")
    return ScriptError((), str(error))


def _below(step: str | int, error: BaseException) -> ScriptError:
    inner = _locate(error)
    return ScriptError((step, *inner.path), inner.reason)


def _decode_items(items: Iterable[tuple[str | int, Any, Any]]) -> list[Any]:
    """Decode triples of step, value and type; an error gets the step into its path."""
    decoded = []
    for step, value, hint in items:
        try:
            decoded.append(_CONVERTER.structure(value, hint))
        except _DECODE_ERRORS as error:
            raise _below(step, error) from error
    return decoded


# --- Answers ------------------------------------------------------------------------------------


def _decode_answer(data: Any, _hint: Any) -> Answer:
    """Decode ``queued``, ``{running: 0.4}`` or ``{http_error: {status: 503, body: gone}}``."""
    if isinstance(data, str):
        data = {data: None}
    if not isinstance(data, Mapping) or len(data) != 1:
        raise ScriptError((), f"an answer is one name, with its arguments; not {_describe(data)}")
    [(name, given)] = data.items()
    if name not in ANSWER_FACTORIES:
        raise ScriptError((), f"there is no answer {name!r}{_suggest(name, ANSWER_FACTORIES)}")
    try:
        return _call(ANSWER_FACTORIES[name], given)
    except _DECODE_ERRORS as error:
        raise _below(name, error) from error


def _call(make: Callable[..., Answer], given: Any) -> Answer:
    """Call *make* with the arguments *given*: none, the first one, or a mapping of them."""
    hints, takes_more = _parameters(make)
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        if not hints:
            raise ScriptError((), "it takes no arguments")
        given = {next(iter(hints)): given}
    for name in given:
        if name not in hints and not takes_more:
            raise ScriptError((name,), f"there is no such field{_suggest(name, hints)}")
    values = _decode_items((name, value, hints.get(name, Any)) for name, value in given.items())
    try:
        return make(**dict(zip(given, values, strict=True)))
    except TypeError as error:
        _, _, reason = str(error).partition("() ")
        reason = reason.replace("keyword-only ", "").replace("positional ", "")
        raise ScriptError((), reason or str(error)) from error


@functools.cache
def _parameters(make: Callable[..., Answer]) -> tuple[Mapping[str, Any], bool]:
    """Return the types of the parameters, and whether any other fields are accepted."""
    hints = get_type_hints(make)
    parameters = inspect.signature(make).parameters.values()
    named = {each.name: hints[each.name] for each in parameters if each.kind != each.VAR_KEYWORD}
    return named, len(named) < len(parameters)


# --- Values -------------------------------------------------------------------------------------


def _decode_object(cls: type, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    decode_fields: Callable[[Any, Any], Any] = make_dict_structure_fn(
        cls, converter, _cattrs_forbid_extra_keys=True
    )

    def decode_object(data: Any, hint: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValueError(f"expected fields, got {_describe(data)}")
        return decode_fields(data, hint)

    return decode_object


def _decode_mapping(data: Any, hint: Any) -> Mapping[Any, Any]:
    if not isinstance(data, Mapping):
        raise ValueError(f"expected a mapping, got {_describe(data)}")
    key_hint, value_hint = get_args(hint)
    is_number = key_hint is int
    keys = [int(key) if is_number and str(key).isdecimal() else key for key in data]
    names = _decode_items((key, key, key_hint) for key in keys)
    values = _decode_items((key, value, value_hint) for key, value in data.items())
    return dict(zip(names, values, strict=True))


def _decode_list(data: Any, hint: Any) -> Sequence[Any]:
    if not isinstance(data, list):
        raise ValueError(f"expected a list, got {_describe(data)}")
    hints = get_args(hint)
    if get_origin(hint) is not tuple:
        hints *= len(data)
    if len(hints) != len(data):
        raise ValueError(f"expected {len(hints)} values, got {len(data)}")
    return tuple(_decode_items(zip(range(len(data)), data, hints, strict=True)))


def _decode_literal(data: Any, hint: Any) -> Any:
    if data in get_args(hint) and not isinstance(data, bool):
        return data
    known = ", ".join(map(str, get_args(hint)))
    suggestion = _suggest(data, map(str, get_args(hint)))
    raise ValueError(f"expected one of {known}; got {_describe(data)}{suggestion}")


def _decode_float(data: Any, _hint: Any) -> float:
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    # Written so that NaN, which no comparison holds for, is refused.
    if not is_number or not data >= 0:
        raise ValueError(f"expected a number from 0 on, got {_describe(data)}")
    try:
        return float(data)
    except OverflowError:
        return math.inf


def _decode_int(data: Any, hint: Any) -> int:
    if not _decode_float(data, hint).is_integer():
        raise ValueError(f"expected a whole number, got {_describe(data)}")
    return int(data)


def _decode_text(data: Any, _hint: Any) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, int | float) and not isinstance(data, bool):
        return str(data)
    # Such as "no" or a date in YAML.
    advice = "" if data is None or isinstance(data, list | Mapping) else "; quotes make it text"
    raise ValueError(f"expected text, got {_describe(data)}{advice}")


def _decode_flag(data: Any, _hint: Any) -> bool:
    if isinstance(data, bool):
        return data
    raise ValueError(f"expected true or false, got {_describe(data)}")


def _decode_body(data: Any, hint: Any) -> Any:
    if data is None or isinstance(data, list | Mapping):
        return data
    try:
        return _decode_text(data, hint)
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


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_structure_hook_factory(attrs.has, _decode_object)
    for origin, decode_generic in (
        (Mapping, _decode_mapping),
        (Sequence, _decode_list),
        (tuple, _decode_list),
        (Literal, _decode_literal),
    ):
        is_such = functools.partial(lambda origin, hint: get_origin(hint) is origin, origin)
        converter.register_structure_hook_func(is_such, decode_generic)
    converter.register_structure_hook_func(lambda hint: hint in (Body, Body | None), _decode_body)
    converter.register_structure_hook(float, _decode_float)
    converter.register_structure_hook(int, _decode_int)
    converter.register_structure_hook(str, _decode_text)
    converter.register_structure_hook(bool, _decode_flag)
    converter.register_structure_hook(Answer, _decode_answer)
    return converter


_CONVERTER: Final = _make_converter()
_DECODE_ERRORS: Final = (
    cattrs.BaseValidationError,
    cattrs.StructureHandlerNotFoundError,
    TypeError,
    ValueError,
)
