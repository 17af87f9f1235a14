"""Characters: made from an uploaded video, to be named in prompts."""

from typing import Any

import attrs

from ..answers.http_message import Message, make_message
from ..servers.server_profile import ServerProfile
from .body_parser import read_kind
from .recorded_request import RecordedRequest


@attrs.define(eq=False)
class Characters:
    """The characters of one fake, as its replies show them, by their ids."""

    _made: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def answer(self, record: RecordedRequest, server: ServerProfile, now: float) -> Message:
        """Return the answer to a request that makes a character, or asks for one."""
        if record.method == "GET":
            character = self._made.get(record.task_id or "")
            if character is None:
                return server.tell(404, f"Character with id '{record.task_id}' not found.")
            return make_message(character)
        try:
            name = _read_name(record)
        except ValueError as error:
            return server.tell(400, str(error))
        character_id = f"char_{len(self._made) + 1:024x}"
        self._made[character_id] = {"id": character_id, "created_at": int(now), "name": name}
        return make_message(self._made[character_id])


def _read_name(record: RecordedRequest) -> str:
    if read_kind(record.headers.get("Content-Type", "")) != "form":
        raise ValueError("a character is made with a form")
    name = record.fields.get("name")
    if not isinstance(name, str) or not name or "video" not in record.files:
        raise ValueError("name and video are required")
    return name
