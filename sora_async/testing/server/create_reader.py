"""Reads what a create asks for, as strictly as the kind of server that receives it."""

from typing import Any, Final

from ..profiles.server_profile import ServerProfile
from ..profiles.task_state import CreateCall
from .body_parser import body_format
from .recorded_request import RecordedRequest

ECHOED_FIELDS: Final = ("model", "prompt", "seconds", "size")
"""The fields of a create that responses repeat."""

_WRONG_BODY: Final = {"form": "Invalid JSON body", "json": "the body is no form: Field required"}
"""What a server says that wants the other encoding, by the one of the create."""


class CreateError(ValueError):
    """A create that the server does not accept, with the status of its response."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


def read_create(
    request: RecordedRequest, server: ServerProfile, *, needs_encoding: bool = True
) -> CreateCall:
    """
    Return what a create asks for.

    Args:
        request: The create.
        server: The kind of server; it may accept only forms, or only JSON.
        needs_encoding: Whether that counts; a remix is JSON or a form everywhere.

    Raises:
        CreateError: The server does not accept such a body, cannot read it, or misses the prompt.
    """
    encoding = body_format(request.headers.get("Content-Type", ""))
    if needs_encoding and encoding not in server.accepted_bodies:
        raise CreateError(server.wrong_body_status, _WRONG_BODY[encoding])
    try:
        fields, files = request.decode()
    except ValueError as error:
        raise CreateError(400, str(error)) from error
    given = fields if server.read_create is None else server.read_create(fields)
    if not given.get("prompt"):
        raise CreateError(400, "prompt is required")
    seconds, wanted_type = given.get(server.seconds_field), server.seconds_type
    if encoding == "json" and wanted_type and not isinstance(seconds, wanted_type | None):
        expected = "text" if wanted_type is str else "a whole number"
        raise CreateError(400, f"Invalid type for '{server.seconds_field}': expected {expected}")
    sent = {name: given.get(name) for name in ECHOED_FIELDS} | {"seconds": seconds}
    echoed: Any = {name: str(value) for name, value in sent.items() if value}
    return CreateCall(**echoed, fields=fields, files=files)


def read_source_id(call: CreateCall) -> str | None:
    """Return the id of the video that an edit or an extension is about; None: it is uploaded."""
    if "video" in call.files:
        return None
    video = call.fields.get("video")
    if isinstance(video, dict):
        video = video.get("id")
    # A form has the members of an object as fields of their own.
    video = call.fields.get("video[id]", video)
    if not isinstance(video, str) or not video:
        raise CreateError(400, "video is required: a file, or the id of a completed video")
    return video
