"""One JSON object to one :class:`~sora_async.VideoTask`; nothing in it can make this raise."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..models import Phase, VideoTask
from ..models.json_fields import (
    read_count,
    read_fraction,
    read_label,
    read_mapping,
    read_moment,
    read_percentage,
    read_seconds,
    read_text,
)
from .error_decoder import read_failure
from .status_words import (
    CALL_WORDS,
    EXPIRED_WORD,
    FAILED,
    PHASE_WORDS,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    normalise,
)
from .urls import fill_in
from .video_url import find_video_url

_NAMING_KEYS = ("object", "progress", "model", "created_at", "video_url", "fail_reason", "seconds")
"""Keys of which a body that speaks of a task has one, beside its id and a ``detail`` tree."""

_SHORTEST_ID = 6
"""Characters of an id that can be told from a number by chance."""

_ENVELOPES = ("data", "task", "result", "video")
"""Keys under which a task may be wrapped."""

_WORD_KEYS = ("status", "task_status", "state")
"""Where a server puts its status word; the first that holds a word counts."""

_KNOWN_WORDS = {word: word for word in PHASE_WORDS}

_CREATED_KEYS = ("created_at", "submit_time")
_COMPLETED_KEYS = ("completed_at", "finished_at", "finish_time")
_UPDATED_KEYS = ("status_update_time", "updated_at")


def read_word(body: Mapping[str, Any]) -> str:
    """Return the status word of a task in our spelling, "" where there is none."""
    return _read_status(body)[0]


def _read_status(body: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the status word of a task in our spelling, and what the server sent."""
    for key in _WORD_KEYS:
        word = normalise(body.get(key))
        if word:
            return word, body[key]
    return "", body.get("status")


def is_described(body: Mapping[str, Any]) -> bool:
    """Return whether a body describes a task, beside its status and its id."""
    for key in _NAMING_KEYS:
        if body.get(key) is not None:
            return True
    return isinstance(body.get("detail"), dict)


def is_named(body: Mapping[str, Any]) -> bool:
    """Return whether a body has a sign of a task beside its status: an id or a description."""
    return _is_name(body.get("id")) or _is_name(body.get("task_id")) or is_described(body)


def is_named_as(body: Mapping[str, Any], task_id: str) -> bool:
    """Return whether the id in a body is the one asked for, perhaps without its prefix."""
    return any(
        name == task_id
        or (len(name) >= _SHORTEST_ID and (task_id.endswith(name) or name.endswith(task_id)))
        for name in _names(body)
    )


def _names(body: Mapping[str, Any]) -> list[str]:
    return [str(body[key]) for key in ("id", "task_id") if _is_name(body.get(key))]


def _is_name(value: object) -> bool:
    """Return whether a value is an id; a number of more than 64 bits is not the same to all."""
    return isinstance(value, str) or (isinstance(value, int) and -(2**63) <= value < 2**64)


def open_envelope(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return the task inside ``{"code", "message", "data": {…}}``, or the body itself.

    A record that names its own task is no envelope: its ``data`` is the upstream's answer.
    """
    for key in _ENVELOPES:
        if key not in body:
            continue
        inner = body[key]
        if isinstance(inner, list) and len(inner) == 1 and body.get("object") != "list":
            inner = inner[0]
        if isinstance(inner, dict) and _is_envelope(body, inner):
            return open_envelope(inner)
    return body


def _is_envelope(body: Mapping[str, Any], inner: Mapping[str, Any]) -> bool:
    word = read_word(body)
    if "task_id" in body or ("id" in body and word not in CALL_WORDS):
        return False
    if word in PHASE_WORDS and word not in CALL_WORDS:
        return False
    return bool(read_word(inner)) or (not word and bool(_names(inner)))


def is_about_the_call(body: Mapping[str, Any]) -> bool:
    """Return whether the status word speaks of the call: ``{"status": "error", "message": …}``."""
    return read_word(body) in CALL_WORDS and not is_named(body)


def decode_task(
    body: Mapping[str, Any],
    *,
    raw: Mapping[str, Any] | bytes,
    task_id: str,
    url: str,
    content: str | None,
    poll_after: float | None = None,
) -> VideoTask:
    """
    Return the snapshot that a response holds.

    Args:
        body: The task, out of its envelope.
        raw: The whole response, kept as the task's *raw*.
        task_id: The id that was asked for, whatever the response calls the task.
        url: The address that was asked.
        content: Where the service serves a file, with ``{id}``; None where it does not.
        poll_after: The seconds until the next poll that the response asks for.
    """
    detail = read_mapping(body.get("detail"))
    pending = read_mapping(detail.get("pending_info"))
    source = read_mapping(detail.get("input"))
    word, status = _read_status(body)
    phase = _read_phase(body, word=word, pending=pending)
    video_url = content_url = None
    if phase is not FAILED:
        video_url = find_video_url(body, url=url, has_succeeded=phase is SUCCEEDED)
        phase = SUCCEEDED if video_url is not None else phase
    if phase is SUCCEEDED and content is not None:
        content_url = fill_in(content, task_id)
    return VideoTask(
        id=task_id,
        status=_read_status_text(status),
        phase=phase,
        progress=_read_progress(body, phase=phase, pending=pending),
        video_url=video_url,
        content_url=content_url,
        failure=read_failure(body, is_expired=word == EXPIRED_WORD) if phase is FAILED else None,
        model=_read_model(body, source),
        prompt=read_text(body.get("prompt")) or read_text(source.get("prompt")),
        enhanced_prompt=read_text(body.get("enhanced_prompt")),
        size=read_text(body.get("size")) or read_text(source.get("size")),
        seconds=read_seconds(body.get("seconds")),
        created_at=_first_moment(body, _CREATED_KEYS) or read_moment(pending.get("created_at")),
        completed_at=_first_moment(body, _COMPLETED_KEYS),
        expires_at=read_moment(body.get("expires_at")),
        updated_at=_first_moment(body, _UPDATED_KEYS),
        queue_position=read_count(pending.get("progress_pos_in_queue", body.get("queue_position"))),
        poll_after=poll_after,
        raw=raw,
    )


def _read_status_text(status: object) -> str:
    """Return the server's status word; thousands of snapshots share our copy of a known one."""
    text = read_label(status) or ""
    return _KNOWN_WORDS.get(text, text)


def _read_phase(body: Mapping[str, Any], *, word: str, pending: Mapping[str, Any]) -> Phase:
    """Return the phase: the top word decides an end, ``pending_info`` tells queued from running."""
    phase = PHASE_WORDS.get(word, RUNNING if word else QUEUED)
    if phase is SUCCEEDED or phase is FAILED:
        if word not in CALL_WORDS or is_named(body):
            return phase
        phase = RUNNING  # the word speaks of the call
    reason = pending.get("failure_reason")
    if read_text(reason) is not None or read_mapping(reason):
        return FAILED
    inner = normalise(pending.get("status"))
    if not inner:
        return phase
    return QUEUED if PHASE_WORDS.get(inner) is QUEUED else RUNNING


def _read_progress(
    body: Mapping[str, Any], *, phase: Phase, pending: Mapping[str, Any]
) -> float | None:
    """Return the part done: of no meaning after a failure, whole after a success."""
    if phase is SUCCEEDED:
        return 1.0
    if phase is FAILED:
        return None
    fraction = read_fraction(pending.get("progress_pct"))
    if fraction is None:
        fraction = read_fraction(body.get("progress_pct"))
    return read_percentage(body.get("progress")) if fraction is None else fraction


def _read_model(body: Mapping[str, Any], source: Mapping[str, Any]) -> str | None:
    model = read_text(body.get("model"))
    if model is None and "properties" in body:
        model = read_text(read_mapping(body["properties"]).get("origin_model_name"))
    return model or read_text(source.get("model"))


def _first_moment(body: Mapping[str, Any], keys: tuple[str, ...]) -> datetime | None:
    for key in keys:
        if key in body:
            moment = read_moment(body[key])
            if moment is not None:
                return moment
    return None
