"""The arguments of a create into the body of a request: a form or JSON, with gaps for files."""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from ..errors import InvalidArgumentError
from ..models.repr import brief, shorten
from .dialects import REFERENCE_ROLES, Dialect, FieldSpelling, ReferenceRole


@attrs.frozen(kw_only=True)
class UploadPart:
    """
    A file that goes into a body, without its bytes.

    Attributes:
        name: The file name that the server is told.
        kind: Its content type.
    """

    __repr__ = brief

    name: str
    kind: str


@attrs.frozen(kw_only=True)
class ReferenceValue:
    """
    A reference of a create, as far as the body's text needs it.

    Attributes:
        role: What it is for.
        url: Its address; None for a file.
        file: What the server is told of the file; None for an address.
    """

    __repr__ = brief

    role: ReferenceRole
    url: str | None = None
    file: UploadPart | None = None


@attrs.frozen
class FileGap:
    """
    The place of a file in a body.

    Attributes:
        index: Which of the files.
        is_base64: Whether it goes in as base64.
    """

    index: int
    is_base64: bool = False


@attrs.frozen(kw_only=True)
class BodyFrame:
    """
    A body, as text with gaps for files.

    Attributes:
        content_type: The header that goes with it.
        segments: Bytes and gaps, in order.
    """

    __repr__ = brief

    content_type: str
    segments: tuple[bytes | FileGap, ...] = attrs.field(repr=False)


def check_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a copy of fields as plain JSON values; those that are None are left out.

    Raises:
        InvalidArgumentError: A value is none of JSON's; it says of which field.
    """
    kept = {name: value for name, value in fields.items() if value is not None}
    for name, value in kept.items():
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
            f"{name}{text}".encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidArgumentError(
                f"{name}: expected a value that JSON has (text, number, bool, list, dict), "
                f"got {shorten(value)}: {error!s:.80}"
            ) from error
        kept[name] = json.loads(text)
    return kept


def read_seconds(value: object) -> str | None:
    """
    Return the length of a video as a text of a number.

    Raises:
        InvalidArgumentError: It is no number above 0.
    """
    if value is None:
        return None
    try:
        number = float(value) if isinstance(value, str | int | float) else 0.0
    except (ValueError, OverflowError):
        number = 0.0
    if isinstance(value, bool) or not 0 < number < 1e9:
        raise InvalidArgumentError(f"seconds: expected a number above 0, got {shorten(value)}")
    return _spell_number(number)


def check_references(
    dialect: Dialect, references: Sequence[ReferenceValue], *, is_json: bool
) -> None:
    """
    Check that a service takes these references in this encoding.

    Raises:
        InvalidArgumentError: It does not; the error says what it takes.
    """
    for one in references:
        spelling = dialect.spelling(one.role)
        if spelling is None:
            taken = ", ".join(dialect.references) or "no reference at all"
            raise InvalidArgumentError(
                f"{one.role}: the dialect {dialect.name!r} does not take it; it takes {taken}"
            )
        if is_json and spelling.json is None:
            raise InvalidArgumentError(
                f"{one.role}: the dialect {dialect.name!r} takes it in a form only"
            )
        if not is_json:
            _check_in_form(dialect, one, spelling)


def _check_in_form(dialect: Dialect, one: ReferenceValue, spelling: FieldSpelling) -> None:
    if one.url is not None and spelling.url_field is None:
        advice = "" if spelling.json is None else ", or send JSON (as_json=True)"
        raise InvalidArgumentError(
            f"{one.role}: a form of the dialect {dialect.name!r} carries no address; download it "
            f"and pass the file{advice}"
        )
    if one.file is not None and spelling.file_field is None:
        raise InvalidArgumentError(
            f"{one.role}: a form of the dialect {dialect.name!r} carries no file of this kind; "
            "send JSON (as_json=True)"
        )


def encode_json(
    fields: Mapping[str, Any], dialect: Dialect, references: Sequence[ReferenceValue]
) -> BodyFrame:
    """
    Return the arguments of a create as a JSON body.

    A file goes in as a ``data:`` URL; its base64 is filled in as the body is sent.

    Args:
        fields: Plain JSON values by the names of the arguments.
        dialect: How the server spells them.
        references: What goes along; each that is a file leaves a gap, in the order of the files.

    Raises:
        InvalidArgumentError: Two arguments would have the same field.
    """
    spelled = _spell_fields(fields, dialect, only_prompt=True)
    marks: list[str] = []
    for one in references:
        spelling = dialect.spelling(one.role)
        assert spelling is not None
        value = one.url
        if one.file is not None:
            marks.append(uuid.uuid4().hex)
            value = f"data:{one.file.kind};base64,{marks[-1]}"
        _put(spelled, spelling, _fill(spelling.json, value))
    for name, value in _spell_fields(fields, dialect, only_prompt=False).items():
        _put(spelled, FieldSpelling(name=name), value)
    text = json.dumps(spelled, ensure_ascii=False, separators=(",", ":"))
    segments: list[bytes | FileGap] = []
    for index, mark in enumerate(marks):
        before, _, text = text.partition(mark)
        segments += [before.encode(), FileGap(index, is_base64=True)]
    segments.append(text.encode())
    return BodyFrame(content_type="application/json", segments=tuple(segments))


def encode_form(
    fields: Mapping[str, Any], dialect: Dialect, references: Sequence[ReferenceValue]
) -> BodyFrame:
    """
    Return the arguments of a create as a form (``multipart/form-data``), its files last.

    Args:
        fields: Plain JSON values by the names of the arguments.
        dialect: How the server spells them.
        references: What goes along; each that is a file leaves a gap, in the order of the files.

    Raises:
        InvalidArgumentError: Two arguments would have the same field.
    """
    spelled = _spell_fields(fields, dialect, only_prompt=True)
    files: list[tuple[str, UploadPart]] = []
    for one in references:
        spelling = dialect.spelling(one.role)
        assert spelling is not None
        if one.file is not None:
            files.append((spelling.file_field or spelling.name, one.file))
        else:
            name = spelling.url_field or spelling.name
            _put(spelled, FieldSpelling(name=name, is_list=spelling.is_list), one.url)
    for name, value in _spell_fields(fields, dialect, only_prompt=False).items():
        _put(spelled, FieldSpelling(name=name), value)
    names = [name for name, _ in files]
    if len(set(names)) < len(names) and not all(_is_list(dialect, one.role) for one in references):
        raise InvalidArgumentError(f"{names[0]}: the dialect {dialect.name!r} takes one file only")
    return frame_form(spelled, files)


def _is_list(dialect: Dialect, role: str) -> bool:
    spelling = dialect.spelling(role)
    return spelling is not None and spelling.is_list


def frame_form(
    fields: Mapping[str, Any],
    files: Sequence[tuple[str, UploadPart]] = (),
    *,
    boundary: str | None = None,
) -> BodyFrame:
    """
    Return fields and files as a form.

    A list is as many parts of one name, a bool is ``true`` or ``false``, and
    an object is its JSON: that is how Go's and Python's frameworks read them.

    Args:
        fields: Plain JSON values, by the names of the service.
        files: The name of each file's field, and what the server is told of it.
        boundary: A text that is in none of them; a random one when None.

    Source: :rfc:`7578`, and for names the WHATWG standard "HTML".
    """
    boundary = boundary or uuid.uuid4().hex
    segments: list[bytes | FileGap] = []
    text = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quote(name)}"\r\n\r\n{one}\r\n'
        for name, value in fields.items()
        for one in _spell(value)
    )
    for index, (name, file) in enumerate(files):
        text += (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="{_quote(name)}"; '
            f'filename="{_quote(file.name)}"\r\n'
            f"Content-Type: {file.kind}\r\n\r\n"
        )
        segments += [text.encode("utf-8", "replace"), FileGap(index)]
        text = "\r\n"
    segments.append(f"{text}--{boundary}--\r\n".encode("utf-8", "replace"))
    return BodyFrame(
        content_type=f"multipart/form-data; boundary={boundary}", segments=tuple(segments)
    )


def _spell_fields(
    fields: Mapping[str, Any], dialect: Dialect, *, only_prompt: bool
) -> dict[str, Any]:
    """Return the prompt, or all else: in a list that they share, references are in between."""
    spelled: dict[str, Any] = {}
    for name, value in fields.items():
        if (name == "prompt") != only_prompt:
            continue
        if name == "seconds" and not dialect.seconds_are_text and isinstance(value, str):
            value = int(value) if value.isdigit() else float(value)
        # A reference as plain text, in a remix for instance, goes as it is.
        is_plain = name in REFERENCE_ROLES
        spelling = FieldSpelling(name=name) if is_plain else dialect.spelling(name)
        assert spelling is not None
        _put(spelled, spelling, _fill(spelling.json, value))
    return spelled


def _put(spelled: dict[str, Any], spelling: FieldSpelling, value: Any) -> None:
    """Put a value into its field, behind those that are in a list of it already."""
    before = spelled.get(spelling.name)
    if before is None:
        spelled[spelling.name] = [value] if spelling.is_list else value
    elif isinstance(before, list) and (spelling.is_list or isinstance(value, list)):
        spelled[spelling.name] = [*before, *(value if isinstance(value, list) else [value])]
    else:
        raise InvalidArgumentError(f"{spelling.name}: was given twice, under two names")


def _fill(template: Any, value: Any) -> Any:
    """Return a template with a value in the place of ``{value}``; alone, it keeps its type."""
    if template == "{value}":
        return value
    if isinstance(template, str):
        return template.replace("{value}", str(value))
    if isinstance(template, dict):
        return {name: _fill(one, value) for name, one in template.items()}
    if isinstance(template, list):
        return [_fill(one, value) for one in template]
    return template


def _quote(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _spell(value: Any) -> Iterator[str]:
    """Yield the texts of a field of a form."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one
        elif isinstance(one, float):
            yield _spell_number(one)
        else:
            yield json.dumps(one, ensure_ascii=False)


def _spell_number(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)


def encode_base64(left: bytes, chunk: bytes, *, is_last: bool = False) -> tuple[bytes, bytes]:
    """
    Return base64 of bytes that come in chunks, and the bytes that have to wait for the next one.

    Args:
        left: What had to wait.
        chunk: The next bytes.
        is_last: Whether no more will come.
    """
    data = left + chunk
    end = len(data) if is_last else len(data) - len(data) % 3
    return base64.b64encode(data[:end]), data[end:]
