"""
Decode the ``detail`` tree with cattrs; a value of another type reads as None.

Imported at the first access to :attr:`VideoTask.detail`, never for a poll:
structuring the whole tree takes longer than all other decoding of a response.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn

from .detail import Detail
from .json_fields import read_moment, read_number


def _read_whole(value: object, _: object) -> int | None:
    number = read_number(value)
    return int(number) if number is not None and number.is_integer() else None


def _typed_tuple(
    converter: cattrs.Converter, item: type
) -> Callable[[object, object], tuple[Any, ...]]:
    def structure(value: object, _: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            return ()
        items: list[Any] = [converter.structure(one, item) for one in value]
        return tuple(one for one in items if one is not None)

    return structure


def _typed_mapping(
    converter: cattrs.Converter, item: Any
) -> Callable[[object, object], dict[str, Any]]:
    def structure(value: object, _: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            return {}
        return {key: converter.structure(one, item) for key, one in value.items()}

    return structure


def _typed_class(converter: cattrs.Converter, cls: type[Any]) -> Callable[[object, object], Any]:
    names = {field.name for field in attrs.fields(cls)} - {"extra"}
    structure_known = make_dict_structure_fn(cls, converter, _cattrs_detailed_validation=False)

    def structure(value: object, _: object) -> Any:
        if not isinstance(value, dict):
            return None
        known: dict[str, Any] = {key: one for key, one in value.items() if key in names}
        known["extra"] = {key: one for key, one in value.items() if key not in names}
        return structure_known(known, cls)

    return structure


def _make_converter() -> cattrs.Converter:
    """Return a converter for which a value of the wrong type is a value that is not there."""
    converter = cattrs.Converter(detailed_validation=False)
    converter.register_structure_hook(
        str, lambda value, _: value if isinstance(value, str) else None
    )
    converter.register_structure_hook(
        bool, lambda value, _: value if isinstance(value, bool) else None
    )
    converter.register_structure_hook(int, _read_whole)
    converter.register_structure_hook(float, lambda value, _: read_number(value))
    converter.register_structure_hook(datetime, lambda value, _: read_moment(value))
    converter.register_structure_hook_factory(attrs.has, lambda cls: _typed_class(converter, cls))
    converter.register_structure_hook_factory(
        lambda kind: getattr(kind, "__origin__", None) is tuple,
        lambda kind: _typed_tuple(converter, kind.__args__[0]),
    )
    converter.register_structure_hook_factory(
        lambda kind: getattr(kind, "__origin__", None) is Mapping,
        lambda kind: _typed_mapping(converter, kind.__args__[1]),
    )
    return converter


_converter = _make_converter()

MAX_ENVELOPES = 3
"""Objects around a task in which its ``detail`` is looked for."""


def structure_detail(value: object) -> Detail:
    """Return the typed tree for the value of ``detail``, an empty one where there is none."""
    return cast(Detail | None, _converter.structure(value, Detail)) or Detail()


def find_detail(response: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return the ``detail`` object of a response: the one nearest to its top.

    The task may be in an envelope such as ``{"code", "message", "data": {...}}``. An object
    with an id is the task itself: what is inside it belongs to the upstream's task.
    """
    level = [response]
    for _ in range(1 + MAX_ENVELOPES):
        for body in level:
            if isinstance(body.get("detail"), dict):
                return cast(Mapping[str, Any], body["detail"])
        envelopes = [body for body in level if not body.keys() & {"id", "task_id"}]
        level = [inner for body in envelopes for inner in _inner_objects(body)]
    return {}


def _inner_objects(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for value in body.values():
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(inner, dict):
            yield inner
