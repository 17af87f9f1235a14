"""The arguments of a create into the fields of a form or into JSON, without the bytes of files."""

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


FormField = tuple[str, str | UploadPart]
"""The name of a field of a form, and its text or its file."""


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
) -> list[bytes]:
    """
    Return the arguments of a create as JSON, cut at each place where the base64 of a file goes.

    Args:
        fields: Plain JSON values by the names of the arguments.
        dialect: How the server spells them.
        references: What goes along; a file goes in as a ``data:`` URL.

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
    texts = []
    for mark in marks:
        before, _, text = text.partition(mark)
        texts.append(before.encode())
    return [*texts, text.encode()]


def encode_form(
    fields: Mapping[str, Any], dialect: Dialect, references: Sequence[ReferenceValue]
) -> list[FormField]:
    """
    Return the arguments of a create as the fields of a form, its files last.

    Args:
        fields: Plain JSON values by the names of the arguments.
        dialect: How the server spells them.
        references: What goes along.

    Raises:
        InvalidArgumentError: Two arguments would have the same field.
    """
    spelled = _spell_fields(fields, dialect, only_prompt=True)
    files: list[FormField] = []
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
    return [*spell_form(spelled), *files]


def _is_list(dialect: Dialect, role: str) -> bool:
    spelling = dialect.spelling(role)
    return spelling is not None and spelling.is_list


def spell_form(fields: Mapping[str, Any]) -> list[FormField]:
    """
    Return fields as those of a form.

    A list is as many parts of one name, a bool is ``true`` or ``false``, and
    an object is its JSON: that is how Go's and Python's frameworks read them.

    Args:
        fields: Plain JSON values, by the names of the service.
    """
    return [(name, one) for name, value in fields.items() for one in _spell(value)]


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
