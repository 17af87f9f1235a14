"""Characters: created from an uploaded video, to be named in prompts."""

from typing import Any

import attrs

from ..profiles.http_message import Message, make_message
from ..profiles.server_profile import ServerProfile
from .body_parser import body_format
from .recorded_request import RecordedRequest


@attrs.define(eq=False)
class Characters:
    """The characters of one fake, as its responses show them, by id."""

    _characters: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def add(self, name: str, character_id: str | None, now: float) -> str:
        """Add a character, replacing one of the same id, and return its id."""
        character_id = character_id or f"char_{len(self._characters) + 1:024x}"
        self._characters[character_id] = {"id": character_id, "created_at": int(now), "name": name}
        return character_id

    def answer(self, record: RecordedRequest, server: ServerProfile, now: float) -> Message:
        """Return the response to a request that creates a character, or gets one."""
        if record.method == "GET":
            character = self._characters.get(record.task_id or "")
            if character is None:
                return server.render_error(404, f"Character with id '{record.task_id}' not found.")
            return make_message(character)
        try:
            name = _read_name(record)
        except ValueError as error:
            return server.render_error(400, str(error))
        return make_message(self._characters[self.add(name, None, now)])


def _read_name(record: RecordedRequest) -> str:
    if body_format(record.headers.get("Content-Type", "")) != "form":
        raise ValueError("a character is created with a form")
    name = record.fields.get("name")
    if not isinstance(name, str) or not name or "video" not in record.files:
        raise ValueError("name and video are required")
    return name
