"""
A snapshot as plain data that JSON can carry, and back, by cattrs.

Imported by :meth:`VideoTask.to_dict` and :meth:`VideoTask.from_dict`, never for a poll. Users keep
the data in files and databases: ``tests/models/task.json`` must remain readable.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any, cast

import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from . import Cost, Phase, TaskFailure, VideoTask
from .numbers import is_number, is_whole_number


def task_to_data(task: VideoTask) -> dict[str, Any]:
    """Return a snapshot as plain data; see :meth:`VideoTask.to_dict`."""
    return cast(dict[str, Any], _converter.unstructure(task))


def task_from_data(data: Mapping[str, Any]) -> VideoTask:
    """Return the snapshot that was made plain; see :meth:`VideoTask.from_dict`."""
    if not isinstance(data, Mapping):
        raise _refuse(f"expected a mapping, not {_kind(data)}")
    missing = [name for name in ("id", "phase") if name not in data]
    if missing:  # a service's own response has no phase
        raise _refuse(f"{' and '.join(missing)} missing")
    try:
        return _converter.structure(data, VideoTask)
    except cattrs.ClassValidationError as error:
        faults = cattrs.transform_error(error, path="", format_exception=lambda one, _: str(one))
        raise _refuse("; ".join(map(_turn, faults))) from error


def _refuse(reason: str) -> ValueError:
    return ValueError(f"data: not as VideoTask.to_dict() makes it: {reason}")


def _turn(fault: str) -> str:
    """Return cattrs' sentence with the field before what is wrong with it."""
    reason, _, path = fault.rpartition(" @ ")
    return f"{path.lstrip('._')}: {reason}"


def _write_moment(moment: datetime) -> str:
    return (moment.astimezone(UTC) if moment.tzinfo else moment).isoformat()


def _write_raw(raw: Mapping[str, Any] | bytes) -> Any:
    """Return a copy of a response in JSON that every parser reads."""
    body = raw if isinstance(raw, bytes) else json.dumps(raw, default=str)
    return json.loads(body, parse_constant=lambda _: None, parse_float=_read_finite)


def _read_finite(text: str) -> float | None:
    number = float(text)
    return number if isfinite(number) else None


def _read_text(value: object, _: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"expected a text, not {_kind(value)}")


def _read_number(value: object, _: object) -> float:
    if is_number(value):
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
        if isfinite(number):
            return number
    raise ValueError(f"expected a finite number, not {_kind(value)}")


def _read_whole(value: object, _: object) -> int:
    if is_whole_number(value):
        return value
    raise ValueError(f"expected a whole number, not {_kind(value)}")


def _read_moment(value: object, _: object) -> datetime:
    if isinstance(value, datetime):
        moment = value
    else:
        try:
            moment = datetime.fromisoformat(_read_text(value, str))
        except ValueError:
            raise ValueError(f"expected an ISO 8601 moment, not {_kind(value)}") from None
    if moment.tzinfo is None:
        raise ValueError("expected a moment with its offset from UTC")
    return moment.astimezone(UTC)


def _read_phase(value: object, _: object) -> Phase:
    try:
        return Phase(_read_text(value, str))
    except ValueError:
        raise ValueError(f"expected one of {', '.join(Phase)}, not {_kind(value)}") from None


def _read_mapping(value: object, _: object) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise ValueError(f"expected a mapping, not {_kind(value)}")


def _read_texts(value: object, _: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(_read_text(one, str) for one in value)
    raise ValueError(f"expected a list of texts, not {_kind(value)}")


def _write_usage(usage: Mapping[str, Any] | None) -> Any:
    return None if usage is None else _write_raw(usage)


def _read_usage(value: object, _: object) -> Mapping[str, Any] | None:
    return None if value is None else _read_mapping(value, None)


def _checked(read: Callable[[Mapping[str, Any], Any], Any]) -> Callable[[object, Any], Any]:
    """Return a hook that refuses what is no mapping, where cattrs lets a TypeError out."""
    return lambda value, kind: read(_read_mapping(value, kind), kind)


def _kind(value: object) -> str:
    """Return what was found instead, short, and without what may be the secret of a link."""
    if isinstance(value, str):
        return repr(value) if len(value) <= 20 else "another text"
    return "nothing" if value is None else f"a value of type {type(value).__name__}"


def _is_task(kind: object) -> bool:
    return kind is VideoTask


def _make_converter() -> cattrs.Converter:
    """Return a converter that takes nothing for what it is not, and leaves out what is new."""
    converter = cattrs.Converter()
    converter.register_unstructure_hook(datetime, _write_moment)
    converter.register_unstructure_hook(Phase, lambda phase: phase.value)
    converter.register_structure_hook(str, _read_text)
    converter.register_structure_hook(float, _read_number)
    converter.register_structure_hook(int, _read_whole)
    converter.register_structure_hook(datetime, _read_moment)
    converter.register_structure_hook(Phase, _read_phase)
    for cls in (TaskFailure, Cost):
        converter.register_structure_hook(cls, _checked(make_dict_structure_fn(cls, converter)))
    raw = override(rename="raw", unstruct_hook=_write_raw, struct_hook=_read_mapping)
    urls = override(unstruct_hook=list, struct_hook=_read_texts)
    usage = override(unstruct_hook=_write_usage, struct_hook=_read_usage)
    # Not by the class itself: that resolves all its types, and one is named for checkers only.
    read_task = make_dict_structure_fn(VideoTask, converter, _raw=raw, video_urls=urls, usage=usage)
    converter.register_structure_hook_func(_is_task, read_task)
    write_task = make_dict_unstructure_fn(
        VideoTask, converter, _raw=raw, video_urls=urls, usage=usage
    )
    converter.register_unstructure_hook_func(_is_task, write_task)
    return converter


_converter = _make_converter()
