"""One HTTP reply to a :class:`~sora_async.VideoTask`, or to the error that says what to do."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from ..errors import InvalidResponseError, ResponseError
from ..models import TaskFailure, VideoTask
from ..models.json_fields import read_label, read_mapping
from ..models.repr import brief
from .error_decoder import OK_CODES, error_from
from .json import is_html, parse_exactly, parse_json
from .redaction import hide_in_body, hide_in_text
from .retry_after import read_poll_after
from .status_words import CALL_WORDS, FAILED, PHASE_WORDS
from .task_decoder import (
    decode_task,
    is_about_the_call,
    is_described,
    is_named,
    is_named_as,
    open_envelope,
    read_word,
)

_STATUSES_OF_A_TASK = frozenset({400, 410, 422, 500})
"""Statuses under which a failed task itself was seen. Source: vLLM-Omni's video endpoint."""

_STATUSES_OF_AN_ERROR = frozenset({401, 402, 403, 404, 408, 425, 429})
"""Statuses that speak of the call, whatever task their body repeats."""


@attrs.frozen(kw_only=True)
class Response:
    """
    One HTTP answer, read to its end.

    Attributes:
        url: What was asked for, without the key.
        status: The HTTP status.
        headers: The look-up ignores case.
        body: Decompressed.
        received: When it came, by our clock, in UTC.
    """

    __repr__ = brief

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)
    received: datetime


def decode_response(
    response: Response,
    *,
    task_id: str,
    secrets: tuple[str, ...] = (),
    previous: VideoTask | None = None,
    content: str | None = None,
) -> VideoTask:
    """
    Return the task that a reply holds.

    A body that is not 2xx but is the task itself is read as the task: some
    services send a failed task as HTTP 400 or 500.

    Args:
        response: The reply to a poll.
        task_id: The id that was asked for.
        secrets: The key, and what else the request was sent with that must
            not be shown. An error says when there was nothing; where a
            service sends one back it is cut out, of *raw* too; only the
            video's URL keeps it, which would be of no use without.
        previous: The snapshot of the same task, from the same address, that
            came before. A service that repeats itself gives it once more,
            and then nothing is read anew.
        content: Where the service itself serves a file, with ``{id}`` in the
            place of the id; None where it does not.

    Raises:
        InvalidResponseError: It is no JSON object, or another endpoint's.
        ResponseError: The service answered with an error; the class says which.
    """
    if previous is not None and _is_repeated(previous, response):
        return previous
    body = hide_in_body(response.body, secrets)
    if body == response.body:
        return _decode(response, task_id=task_id, secrets=secrets, content=content)
    safe = attrs.evolve(response, body=body)
    task = _decode(safe, task_id=task_id, secrets=secrets, content=content)
    if task.video_url is None:
        return task
    whole = _decode(response, task_id=task_id, secrets=secrets, content=content)
    return attrs.evolve(task, video_url=whole.video_url)


def _is_repeated(previous: VideoTask, response: Response) -> bool:
    """Return whether a good reply is, byte for byte, the one a snapshot was read from."""
    is_good = 200 <= response.status < 300
    is_same = is_good and previous._raw == response.body
    return is_same and previous.poll_after == read_poll_after(response.headers)


def read_error(response: Response, *, secrets: tuple[str, ...]) -> ResponseError | None:
    """
    Return the error that the reply to any call is, None when it is a good one of JSON.

    Raises:
        InvalidResponseError: It is neither.
    """
    is_good = 200 <= response.status < 300
    value = _parse(response, is_needed=is_good)
    body = open_envelope(read_mapping(value))
    is_error = isinstance(value, dict) and "deleted" not in body and _is_error(body, task_id="")
    return None if is_good and not is_error else _error(response, value, secrets=secrets)


def _error(response: Response, value: Any, *, secrets: tuple[str, ...]) -> ResponseError:
    return error_from(
        value,
        url=response.url,
        status=response.status,
        headers=response.headers,
        received=response.received,
        text=None if value is not None else _text(response),
        secrets=secrets,
    )


def _decode(
    response: Response, *, task_id: str, secrets: tuple[str, ...], content: str | None
) -> VideoTask:
    is_good = 200 <= response.status < 300
    value = _parse(response, is_needed=is_good)
    if is_good:
        if not isinstance(value, dict):
            reason = f"JSON that is no object: {_sketch(value)}"
            raise InvalidResponseError(response.url, response.status, reason)
        if value.get("object") == "list" or value.get("deleted") is True:
            reason = "another endpoint's answer, not a task"
            raise InvalidResponseError(response.url, response.status, reason)
        body = open_envelope(value)
        is_task = not _is_error(body, task_id=task_id)
    else:
        value = _out_of_detail(value)
        body = open_envelope(read_mapping(value))
        is_task = _is_task(body, task_id=task_id, status=response.status)
    if not is_task:
        raise _error(response, value, secrets=secrets)
    hint = read_poll_after(response.headers)
    raw = response.body if is_good else read_mapping(_out_of_detail(parse_exactly(response.body)))
    task = decode_task(
        body, raw=raw, task_id=task_id, url=response.url, content=content, poll_after=hint
    )
    return task if task.failure is None else _hide_in_failure(task, task.failure, secrets)


def _hide_in_failure(task: VideoTask, failure: TaskFailure, secrets: tuple[str, ...]) -> VideoTask:
    code, message = (hide_in_text(text, secrets) for text in (failure.code, failure.message))
    safe = TaskFailure(code, message)
    return task if safe == failure else attrs.evolve(task, failure=safe)


def _parse(response: Response, *, is_needed: bool) -> Any:
    """Return the body's JSON; None where it is none and the status alone can tell what to do."""
    try:
        return parse_json(response.body)
    except ValueError as error:
        reason = str(error)
    is_page = is_html(response.body)
    if is_needed or (is_page and response.status == 404):
        raise InvalidResponseError(response.url, response.status, reason, is_page)
    return None


def _is_error(body: Mapping[str, Any], *, task_id: str) -> bool:
    """Return whether a 200 body is an error: it has a sign of one and no status of a task."""
    word = read_word(body)
    if word in CALL_WORDS:
        is_foreign = bool(body.get("id")) and not is_named_as(body, task_id)
        if is_about_the_call(body) or (is_foreign and not is_described(body)):
            return PHASE_WORDS[word] is FAILED or bool(body.get("error"))
        return False
    if word and is_named(body):
        return False
    if body.get("error") or body.get("success") is False:
        return not word
    if is_named(body) or word in PHASE_WORDS:
        return False
    code = read_label(body.get("code"))
    is_fine = body.get("success") is True or (code is not None and code.lower() in OK_CODES)
    texts = (body.get(key) for key in ("message", "msg", "detail"))
    return not is_fine and (code is not None or any(map(_is_text, texts)))


def _is_text(value: object) -> bool:
    return bool(value.strip() if isinstance(value, str) else isinstance(value, list) and value)


def _out_of_detail(value: object) -> object:
    """Return a task from FastAPI's ``{"detail": {…}}``, and anything else as it is."""
    if isinstance(value, dict) and "status" not in value:
        inner = value.get("detail")
        if isinstance(inner, dict) and isinstance(inner.get("status"), str):
            return inner
    return value


def _is_task(body: Mapping[str, Any], *, task_id: str, status: int) -> bool:
    """Return whether a body under an error status is the task, not an error with a word."""
    word = read_word(body)
    if status in _STATUSES_OF_AN_ERROR or word not in PHASE_WORDS or word in CALL_WORDS:
        return False
    if PHASE_WORDS[word] is FAILED and status not in _STATUSES_OF_A_TASK:
        return False  # a gateway's word for its own failure
    if body.get("object") == "video":
        return True
    is_plausible = status in _STATUSES_OF_A_TASK and is_described(body)
    return is_plausible or is_named_as(body, task_id)


def _text(response: Response) -> str | None:
    return (
        None
        if is_html(response.body)
        else read_label(response.body[:2000].decode("utf-8", "replace"))
    )


def _sketch(value: object) -> str:
    return "null" if value is None else type(value).__name__
