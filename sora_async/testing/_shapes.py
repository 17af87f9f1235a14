"""A snapshot spelled as one of three kinds of server spells it."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from ._page import spell_page
from ._snapshots import ABSENT, ON_CDN, Facts, Phase, Shape, Snapshot


def spell(snapshot: Snapshot, facts: Facts) -> dict[str, Any]:
    """Return the JSON object that shows *snapshot*, its raw fields laid over those of the shape."""
    url = facts.file_url if snapshot.url == ON_CDN else snapshot.url
    body = _SPELLINGS[snapshot.shape or facts.shape](snapshot, facts, url)
    return _overlay(body, snapshot.fields)


def make_id(shape: Shape, number: int) -> str:
    """Return the id of the fake's task *number*, as long as a real one of that shape."""
    if shape == "page":
        return f"sora-2:task_01fake{number:020d}"
    return f"video_{uuid.UUID(int=number)}" if shape == "relay" else f"video_{number:048x}"


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


def _spell_relay(snapshot: Snapshot, facts: Facts, url: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": facts.task_id,
        "object": "video",
        "model": facts.order.model,
        "status": _WORDS[snapshot.phase],
        **_spell_progress(snapshot),
        "created_at": int(facts.created),
        "seconds": facts.order.seconds,
        "size": facts.order.size,
        "video_url": url,
    }
    if snapshot.phase == "succeeded":
        body["completed_at"] = int(facts.ended)
    if snapshot.phase == "failed":
        body["error"] = {"code": snapshot.code, "message": snapshot.message}
    return body


def _spell_openai(snapshot: Snapshot, facts: Facts, _url: str | None) -> dict[str, Any]:
    is_done = snapshot.phase == "succeeded"
    error = {"code": snapshot.code, "message": snapshot.message}
    return {
        "id": facts.task_id,
        "completed_at": int(facts.ended) if is_done else None,
        "created_at": int(facts.created),
        "error": error if snapshot.phase == "failed" else None,
        "expires_at": int(facts.ended) + 3600 if is_done else None,
        "model": facts.order.model,
        "object": "video",
        **_spell_progress(snapshot),
        "prompt": facts.order.prompt,
        "remixed_from_video_id": None,
        "seconds": facts.order.seconds,
        "size": facts.order.size,
        "status": _WORDS[snapshot.phase],
    }


def _spell_progress(snapshot: Snapshot) -> dict[str, int]:
    """Return the field ``progress`` from 0 to 100; none where a running task has none."""
    if snapshot.phase == "running" and snapshot.progress is None:
        return {}
    return {"progress": round((snapshot.progress or 0.0) * 100)}


_WORDS: Final[Mapping[Phase, str]] = {
    "queued": "queued",
    "running": "in_progress",
    "succeeded": "completed",
    "failed": "failed",
}

_SPELLINGS: Final[Mapping[Shape, Callable[[Snapshot, Facts, str | None], dict[str, Any]]]] = {
    "page": spell_page,
    "relay": _spell_relay,
    "openai": _spell_openai,
}
