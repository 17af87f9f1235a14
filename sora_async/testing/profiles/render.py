"""A task's state as the response of one kind of server: the body, its raw fields, the status."""

from collections.abc import Mapping
from typing import Any, Final

from .http_message import Message, make_message
from .known_servers import SERVERS
from .task_state import ABSENT, ON_CDN, TaskFacts, TaskState

CREATING: Final = ("create", "remix", "edit", "extend")
"""The calls that make a task."""


def render_message(state: TaskState, facts: TaskFacts) -> Message:
    """Return the response that shows *state*."""
    server = SERVERS[state.shape or facts.shape]
    status = 200
    if facts.endpoint in CREATING:
        status = server.created_status
    elif facts.endpoint == "poll" and state.phase == "failed":
        status = server.failed_status(state.code)
    return make_message(render_body(state, facts), status=status)


def render_body(state: TaskState, facts: TaskFacts) -> dict[str, Any]:
    """Return the JSON object that shows *state*, with the raw fields merged into the shape's."""
    server = SERVERS[state.shape or facts.shape]
    url = facts.file_url if state.url == ON_CDN else state.url
    render = server.render_task
    if facts.endpoint in CREATING:
        render = server.render_created or render
    body = _merge_fields(render(state, facts, url), state.fields)
    if server.envelope is None or facts.endpoint in ("list", *CREATING):
        return body
    return {server.envelope: body}


def render_unknown_task(facts: TaskFacts) -> Message:
    """Return the response about an unknown task: the server's own, or new-api's 400."""
    if facts.unknown_status == 400:
        body = {"code": "task_not_exist", "message": "task_not_exist", "data": None}
        return make_message(body, status=400)
    server = SERVERS[facts.shape]
    status = facts.unknown_status or server.unknown_status
    text = server.unknown_task.format(facts.task_id)
    return server.render_error(status, text, param="video_id")


def _merge_fields(body: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *body* updated with *fields*: objects key by key, anything else as a whole."""
    merged = dict(body)
    for name, value in fields.items():
        existing = merged.get(name)
        if value is ABSENT:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = _merge_fields(existing if isinstance(existing, Mapping) else {}, value)
        else:
            merged[name] = value
    return merged
