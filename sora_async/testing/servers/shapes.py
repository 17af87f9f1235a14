"""A snapshot as one kind of server tells it: the body, its raw fields, and the status."""

from collections.abc import Mapping
from typing import Any

from ..answers.http_message import Message, make_message
from .profiles import SERVERS
from .task_state import ABSENT, ON_CDN, TaskFacts, TaskState


def tell(snapshot: TaskState, facts: TaskFacts) -> Message:
    """Return the message that shows *snapshot*."""
    server = SERVERS[snapshot.shape or facts.shape]
    status = 200
    if facts.endpoint in ("create", "remix"):
        status = server.created_status
    elif facts.endpoint == "poll" and snapshot.phase == "failed":
        status = server.tell_failed_status(snapshot.code)
    return make_message(spell(snapshot, facts), status=status)


def spell(snapshot: TaskState, facts: TaskFacts) -> dict[str, Any]:
    """Return the JSON object that shows *snapshot*, its raw fields laid over those of the shape."""
    server = SERVERS[snapshot.shape or facts.shape]
    url = facts.file_url if snapshot.url == ON_CDN else snapshot.url
    spelling = server.spell
    if facts.endpoint in ("create", "remix"):
        spelling = server.spell_created or spelling
    return _overlay(spelling(snapshot, facts, url), snapshot.fields)


def tell_unknown_task(facts: TaskFacts) -> Message:
    """Return the answer about a task that is not known: the server's 404, or new-api's 400."""
    if facts.unknown_status == 400:
        body = {"code": "task_not_exist", "message": "task_not_exist", "data": None}
        return make_message(body, status=400)
    server = SERVERS[facts.shape]
    return server.tell(404, server.unknown_task.format(facts.task_id), param="video_id")


def _overlay(body: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *body* with *fields* laid over it: objects key by key, anything else as a whole."""
    merged = dict(body)
    for name, value in fields.items():
        below = merged.get(name)
        if value is ABSENT:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = _overlay(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[name] = value
    return merged
