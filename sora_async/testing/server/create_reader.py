"""Reads what a create asks for, as strictly as the kind of server that receives it."""

from typing import Any, Final

from ..profiles.server_profile import ServerProfile
from ..profiles.task_state import CreateCall
from .body_parser import body_format
from .recorded_request import RecordedRequest

ECHOED_FIELDS: Final = ("model", "prompt", "seconds", "size")
"""The fields of a create that responses repeat."""


def read_create(
    request: RecordedRequest, server: ServerProfile, *, is_remix: bool = False
) -> CreateCall:
    """
    Return what a create asks for.

    Args:
        request: The create.
        server: The kind of server; it may accept only forms, or only JSON.
        is_remix: Whether it is a remix, which is JSON or a form everywhere.

    Raises:
        ValueError: The server does not accept such a body, cannot read it, or misses the prompt.
    """
    encoding = body_format(request.headers.get("Content-Type", ""))
    if encoding not in server.accepted_bodies and not is_remix:
        wanted = "form" if encoding == "json" else "JSON"
        raise ValueError(f"the body is no {wanted}: Field required")
    fields = request.fields
    if not fields.get("prompt"):
        raise ValueError("prompt is required")
    sent = {name: fields.get(server.field_names.get(name, name)) for name in ECHOED_FIELDS}
    wanted_type = server.seconds_type
    if encoding == "json" and wanted_type and not isinstance(sent["seconds"], wanted_type | None):
        name = server.field_names.get("seconds", "seconds")
        expected = "text" if wanted_type is str else "a whole number"
        raise ValueError(f"Invalid type for '{name}': expected {expected}")
    echoed: Any = {name: str(value) for name, value in sent.items() if value}
    return CreateCall(**echoed, fields=fields, files=request.files)
