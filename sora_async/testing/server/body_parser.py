"""Decodes the body of a request: a form with its files, or a JSON object."""

import json
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value
from typing import Any, Literal

from ..profiles.task_state import UploadedFile

Fields = dict[str, Any]
Files = dict[str, UploadedFile]


def body_format(content_type: str) -> Literal["form", "json"]:
    """Return the encoding of a body: a form where its type says so, and JSON otherwise."""
    return "form" if _parse(content_type).get_content_type() == "multipart/form-data" else "json"


def read_body(content_type: str, body: bytes) -> tuple[Fields, Files]:
    """
    Return the fields and the files of a body.

    Raises:
        ValueError: The body is neither a form nor a JSON object.
    """
    if body_format(content_type) == "json":
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the body is neither a form nor JSON: {error}") from error
        if not isinstance(fields, dict):
            raise ValueError("the body is not a JSON object")
        return fields, {}
    boundary = _parse(content_type).get_param("boundary")
    if not isinstance(boundary, str):
        raise ValueError("the form has no boundary")
    return _sort_parts(body, boundary.encode())


def _sort_parts(body: bytes, boundary: bytes) -> tuple[Fields, Files]:
    fields: Fields = {}
    files: Files = {}
    for head, value in _split(body, boundary):
        name, file_name = _read_param(head, "name"), _read_param(head, "filename")
        if name is None:
            raise ValueError("a part of the form has no name")
        if file_name is not None:
            content_type = head.get_content_type() if "Content-Type" in head else ""
            files[name] = UploadedFile(name=file_name, content_type=content_type, body=value)
        elif name not in fields:
            fields[name] = value.decode()
        elif isinstance(fields[name], list):
            fields[name].append(value.decode())
        else:
            fields[name] = [fields[name], value.decode()]
    return fields, files


def _split(body: bytes, boundary: bytes) -> Iterator[tuple[Message, bytes]]:
    """
    Yield the headers and the content of each part of a multipart body.

    Raises:
        ValueError: The end is missing, as in a body that was cut off.
    """
    *parts, end = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if not end.startswith(b"--"):
        raise ValueError("the form has no end")
    for part in parts[1:]:
        head, _, value = part.partition(b"\r\n\r\n")
        yield HeaderParser().parsestr(head.decode().lstrip()), value


def _read_param(head: Message, name: str) -> str | None:
    """Return a parameter of Content-Disposition, plain or as in RFC 2231."""
    value: Any = head.get_param(name, header="Content-Disposition")
    return None if value is None else collapse_rfc2231_value(value)


def _parse(content_type: str) -> Message:
    message = Message()
    message["Content-Type"] = content_type
    return message
