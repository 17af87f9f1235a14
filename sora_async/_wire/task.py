"""One JSON object to one :class:`~sora_async.VideoTask`; nothing in it can make this raise."""

from collections.abc import Mapping
from typing import Any

from .._units import (
    read_count,
    read_fraction,
    read_label,
    read_mapping,
    read_moment,
    read_percentage,
    read_seconds,
    read_text,
)
from ..models import Phase, VideoTask
from .reasons import read_failure
from .urls import find_video_url
from .words import CALL_WORDS, EXPIRED_WORD, PHASES, normalise

_NAMING_KEYS = ("object", "progress", "model", "created_at", "video_url", "fail_reason", "seconds")
"""Keys of which a body that speaks of a task has one, beside its id and a ``detail`` tree."""

_SHORTEST_ID = 6
"""Characters of an id that can be told from a number by chance."""

_ENVELOPES = ("data", "task", "result", "video")
"""Keys under which a task may be wrapped."""


_WORD_KEYS = ("status", "task_status", "state")
"""Where a server puts its status word; the first that holds a word counts."""


def read_word(body: Mapping[str, Any]) -> str:
    """Return the status word of a task in our spelling, "" where there is none."""
    return next(filter(None, (normalise(body.get(key)) for key in _WORD_KEYS)), "")


def _read_status(body: Mapping[str, Any]) -> str:
    """Return the status word of a task in the server's own spelling."""
    key = next((key for key in _WORD_KEYS if normalise(body.get(key))), "status")
    return read_label(body.get(key)) or ""


def is_described(body: Mapping[str, Any]) -> bool:
    """Return whether a body describes a task, beside its status and its id."""
    is_known = any(body.get(key) is not None for key in _NAMING_KEYS)
    return is_known or isinstance(body.get("detail"), dict)


def is_named(body: Mapping[str, Any]) -> bool:
    """Return whether a body has a sign of a task beside its status: an id or a description."""
    return is_described(body) or bool(_names(body))


def is_named_as(body: Mapping[str, Any], task_id: str) -> bool:
    """Return whether the id in a body is the one asked for, perhaps without its prefix."""
    return any(
        name == task_id
        or (len(name) >= _SHORTEST_ID and (task_id.endswith(name) or name.endswith(task_id)))
        for name in _names(body)
    )


def _names(body: Mapping[str, Any]) -> list[str]:
    return [str(body[key]) for key in ("id", "task_id") if isinstance(body.get(key), str | int)]


def open_envelope(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return the task inside ``{"code", "message", "data": {…}}``, or the body itself.

    A record that names its own task is no envelope: its ``data`` is the upstream's answer.
    """
    for key in _ENVELOPES:
        inner = body.get(key)
        if isinstance(inner, list) and len(inner) == 1 and body.get("object") != "list":
            inner = inner[0]
        if isinstance(inner, dict) and _is_envelope(body, inner):
            return open_envelope(inner)
    return body


def _is_envelope(body: Mapping[str, Any], inner: Mapping[str, Any]) -> bool:
    word = read_word(body)
    if "task_id" in body or ("id" in body and word not in CALL_WORDS):
        return False
    if word in PHASES and word not in CALL_WORDS:
        return False
    return bool(read_word(inner)) or (not word and bool(_names(inner)))


def is_about_the_call(body: Mapping[str, Any]) -> bool:
    """Return whether the status word speaks of the call: ``{"status": "error", "message": …}``."""
    return read_word(body) in CALL_WORDS and not is_named(body)


def decode_task(
    body: Mapping[str, Any],
    *,
    raw: Mapping[str, Any],
    task_id: str,
    url: str,
    poll_after: float | None = None,
) -> VideoTask:
    """
    Return the snapshot that an answer holds.

    Args:
        body: The task, out of its envelope.
        raw: The whole answer; kept, untouched, as the task's *raw*.
        task_id: The id that was asked for, whatever the answer calls the task.
        url: The address that was asked; ``/content`` below it serves the file.
        poll_after: The seconds until the next poll that the reply asked for.
    """
    detail = read_mapping(body.get("detail"))
    pending = read_mapping(detail.get("pending_info"))
    word = read_word(body)
    phase = _read_phase(body, word=word, pending=pending)
    video_url = None
    if phase is not Phase.FAILED:
        video_url = find_video_url(body, url=url, has_succeeded=phase is Phase.SUCCEEDED)
        phase = Phase.SUCCEEDED if video_url is not None else phase
    source = read_mapping(detail.get("input"))
    return VideoTask(
        id=task_id,
        status=_read_status(body),
        phase=phase,
        progress=_read_progress(body, phase=phase, pending=pending),
        video_url=video_url,
        content_url=f"{url}/content" if phase is Phase.SUCCEEDED else None,
        failure=read_failure(body, is_expired=word == EXPIRED_WORD)
        if phase is Phase.FAILED
        else None,
        model=read_text(body.get("model")) or _read_model(body, source),
        prompt=read_text(body.get("prompt")) or read_text(source.get("prompt")),
        enhanced_prompt=read_text(body.get("enhanced_prompt")),
        size=read_text(body.get("size")) or read_text(source.get("size")),
        seconds=read_seconds(body.get("seconds")),
        created_at=_first_moment(body, "created_at", "submit_time")
        or read_moment(pending.get("created_at")),
        completed_at=_first_moment(body, "completed_at", "finished_at", "finish_time"),
        expires_at=read_moment(body.get("expires_at")),
        updated_at=_first_moment(body, "status_update_time", "updated_at"),
        queue_position=read_count(pending.get("progress_pos_in_queue", body.get("queue_position"))),
        poll_after=poll_after,
        raw=raw,
    )


def _read_phase(body: Mapping[str, Any], *, word: str, pending: Mapping[str, Any]) -> Phase:
    """Return the phase: the top word decides an end, ``pending_info`` tells queued from running."""
    phase = PHASES.get(word, Phase.RUNNING if word else Phase.QUEUED)
    is_end = phase in (Phase.SUCCEEDED, Phase.FAILED)
    if is_end and not is_about_the_call(body):
        return phase
    if _is_reason(pending.get("failure_reason")):
        return Phase.FAILED
    inner = normalise(pending.get("status"))
    if inner:
        return Phase.QUEUED if PHASES.get(inner) is Phase.QUEUED else Phase.RUNNING
    return Phase.RUNNING if is_end else phase


def _is_reason(value: object) -> bool:
    return read_text(value) is not None or (isinstance(value, dict) and bool(value))


def _read_progress(
    body: Mapping[str, Any], *, phase: Phase, pending: Mapping[str, Any]
) -> float | None:
    """Return the part done: of no meaning after a failure, whole after a success."""
    if phase is Phase.SUCCEEDED:
        return 1.0
    if phase is Phase.FAILED:
        return None
    fraction = read_fraction(pending.get("progress_pct"))
    if fraction is None:
        fraction = read_fraction(body.get("progress_pct"))
    return read_percentage(body.get("progress")) if fraction is None else fraction


def _read_model(body: Mapping[str, Any], source: Mapping[str, Any]) -> str | None:
    properties = read_mapping(body.get("properties"))
    return read_text(properties.get("origin_model_name")) or read_text(source.get("model"))


def _first_moment(body: Mapping[str, Any], *keys: str) -> Any:
    return next(filter(None, (read_moment(body[key]) for key in keys if key in body)), None)
