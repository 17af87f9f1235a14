"""An order into the body of a request: a form or JSON, with a gap where a file goes."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ..errors import InvalidArgumentError
from ..models.repr import brief
from .dialects import Dialect


@attrs.frozen(kw_only=True)
class UploadPart:
    """
    A file that goes into a body, without its bytes.

    Attributes:
        name: What the server is told that it is called.
        kind: Its content type.
    """

    __repr__ = brief

    name: str
    kind: str


@attrs.frozen(kw_only=True)
class BodyFrame:
    """
    A body around one file, or a whole one.

    Attributes:
        content_type: The header that goes with it.
        head: What comes before the file.
        tail: What comes after it.
        is_base64: Whether the file goes in as base64.
    """

    __repr__ = brief

    content_type: str
    head: bytes = attrs.field(repr=False)
    tail: bytes = attrs.field(default=b"", repr=False)
    is_base64: bool = False


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
                f"got {type(value).__name__}: {error}"
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
        raise InvalidArgumentError(f"seconds: expected a number above 0, got {value!r}")
    return _spell_number(number)


def encode_fields(
    fields: Mapping[str, Any], dialect: Dialect, *, reference: str | None, is_json: bool
) -> dict[str, Any]:
    """
    Return the fields of an order under the names that a server has for them.

    Args:
        fields: By our names; ``seconds`` is a text.
        dialect: How the server wants them.
        reference: The address of the reference, or what stands for it; None without one.
        is_json: Whether the body is to be JSON; in a form a reference is a plain text.

    Raises:
        InvalidArgumentError: Two fields would have the same name.
    """
    spelled: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "seconds" and not dialect.seconds_are_text and isinstance(value, str):
            value = int(value) if value.isdigit() else float(value)
        _put(spelled, dialect.names.get(name, name), value)
    if reference is not None:
        value = _fill(dialect.reference, reference) if is_json else reference
        _put(spelled, reference_name(dialect), value)
    return spelled


def reference_name(dialect: Dialect) -> str:
    """Return what a server calls the field of the reference."""
    return dialect.names.get("input_reference", "input_reference")


def _put(spelled: dict[str, Any], name: str, value: Any) -> None:
    before = spelled.get(name)
    if before is None:
        spelled[name] = value
    elif isinstance(before, list):
        spelled[name] = [*(value if isinstance(value, list) else [value]), *before]
    else:
        raise InvalidArgumentError(f"{name}: was given twice, under two names")


def _fill(template: Any, url: str) -> Any:
    if isinstance(template, str):
        return template.replace("{url}", url)
    if isinstance(template, dict):
        return {name: _fill(value, url) for name, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, url) for value in template]
    return template


def frame_json(fields: Mapping[str, Any], *, mark: str | None = None) -> BodyFrame:
    """
    Return fields as a JSON body.

    Args:
        fields: Plain JSON values.
        mark: A text in them in whose place the file's base64 goes; None without a file.
    """
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    head, found, tail = text.partition(mark) if mark is not None else (text, "", "")
    return BodyFrame(
        content_type="application/json",
        head=head.encode(),
        tail=tail.encode(),
        is_base64=bool(found),
    )


def frame_form(
    fields: Mapping[str, Any], *, boundary: str, field: str = "", file: UploadPart | None = None
) -> BodyFrame:
    """
    Return fields as a form (``multipart/form-data``), with the file as its last part.

    A list is as many parts of one name, a bool is ``true`` or ``false``, and
    an object is its JSON: that is how Go's and Python's frameworks read them.

    Args:
        fields: Plain JSON values.
        boundary: A text that is in none of them.
        field: The name of the file's field.
        file: The file; None without one.

    Source: :rfc:`7578`, and for names the WHATWG standard "HTML".
    """
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quote(name)}"\r\n\r\n{text}\r\n'
        for name, value in fields.items()
        for text in _spell(value)
    ]
    tail = f"--{boundary}--\r\n"
    if file is not None:
        parts.append(
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="{_quote(field)}"; '
            f'filename="{_quote(file.name)}"\r\n'
            f"Content-Type: {file.kind}\r\n\r\n"
        )
        tail = f"\r\n{tail}"
    return BodyFrame(
        content_type=f"multipart/form-data; boundary={boundary}",
        head="".join(parts).encode("utf-8", "replace"),
        tail=tail.encode(),
    )


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
