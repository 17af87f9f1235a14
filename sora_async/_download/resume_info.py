"""
The note beside a part file: where its bytes are from, and how many of them are sound.

Its first line is the origin. Each write to the part file adds a line: how many bytes there are
then, and the checksum of all of them. So whatever a crash or a stranger has damaged is found out,
in the note as well as in the file, and what was written before the damage is still of use.
"""

import contextlib
import json
from typing import Any

import attrs
from attrs.validators import instance_of, optional


def _check_header(_: object, __: object, text: Any) -> None:
    """Let nothing out of a damaged note into a request."""
    if not isinstance(text, str) or not (text.isascii() and text.isprintable()):
        raise ValueError("a validator that is none")


@attrs.frozen(kw_only=True)
class ResumeInfo:
    """Where the bytes of a part file are from; see :class:`~sora_async._download.state.Course`."""

    source: str = attrs.field(validator=instance_of(str))
    place: str = attrs.field(default="", validator=instance_of(str))
    validator: str | None = attrs.field(default=None, validator=optional(_check_header))
    total: int | None = attrs.field(default=None, validator=optional(instance_of(int)))


def write_origin(origin: ResumeInfo) -> bytes:
    """Return the first line of a note."""
    return _line({"version": 1, **attrs.asdict(origin)})


def write_mark(size: int, checksum: int) -> bytes:
    """Return the line that so many bytes, with this checksum, are there."""
    return _line([size, checksum])


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


@attrs.frozen
class Checkpoint:
    """How many bytes there were, and their checksum; its line in the note has this end."""

    size: int = attrs.field(validator=instance_of(int))
    checksum: int = attrs.field(validator=instance_of(int))
    end: int


def read_note(text: bytes) -> tuple[ResumeInfo, list[Checkpoint]]:
    """
    Return what a note tells, up to the first line that cannot be one: a crash may cut it off.

    Raises:
        ValueError: It tells nothing; a TypeError, KeyError or RecursionError says the same.
    """
    first, *lines = text.split(b"\n")
    told = json.loads(first)
    if told.pop("version") != 1:
        raise ValueError("a note of another version")
    origin, marks, end = ResumeInfo(**told), list[Checkpoint](), len(first) + 1
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        for line in lines[:-1]:
            end += len(line) + 1
            size, checksum = json.loads(line)
            marks.append(Checkpoint(size, checksum, end))
    return origin, marks
