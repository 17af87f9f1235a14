"""One HTTP response to a :class:`~sora_async.VideoTask`, or to the error that says what to do."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from ..errors import InvalidResponseError, ResponseError
from ..models import Cost, TaskFailure, VideoTask
from ..models.json_fields import read_label, read_mapping
from ..models.repr import brief
from .error_decoder import error_from, has_error_code, is_error_word
from .json import is_html, normalise_body, parse_exactly, parse_json, parse_part
from .redaction import MAX_TEXT, may_hold, redact, redact_body, redact_value
from .retry_after import read_poll_after
from .task_decoder import (
    decode_task,
    has_call_word,
    is_about_the_call,
    is_described,
    is_named,
    is_named_as,
    is_task,
    open_envelope,
    read_word,
)
from .vocabulary import CALL_WORDS, FAILED, OK_CODES, VOCABULARY, Vocabulary

_STATUSES_OF_A_TASK = frozenset({400, 410, 422, 500})
"""Statuses under which a failed task itself was seen. Source: vLLM-Omni's video endpoint."""

_STATUSES_OF_AN_ERROR = frozenset({401, 402, 403, 404, 408, 425, 429})
"""Statuses that speak of the call, whatever task their body repeats."""

_STATUSES_OF_A_PAGE = frozenset({403, 404})
"""Statuses with which a web page is no answer of the service. A gateway sends one with 403 as a
challenge, which a browser would pass; the service's own 403 is JSON or plain text."""

_NOT_MODIFIED = 304

NOT_MODIFIED_PAUSE = 10.0
"""Seconds to the next poll after a 304 without a hint: there is nothing new, and polls come often.

Source: aigateway's documentation.
"""

MAX_SHOWN = 500
"""Characters of a body that an error shows."""


@attrs.frozen(kw_only=True)
class Response:
    """
    One HTTP response, read to its end.

    Attributes:
        url: The address of the request, without the key.
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

    @property
    def is_good(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300


def decode_response(
    response: Response,
    *,
    task_id: str,
    secrets: tuple[str, ...] = (),
    previous: VideoTask | None = None,
    content: str | None = None,
    vocabulary: Vocabulary = VOCABULARY,
) -> VideoTask:
    """
    Return the task that a response holds.

    A body that is not 2xx but is the task itself is read as the task: some
    services send a failed task as HTTP 400 or 500.

    Args:
        response: The response to a poll.
        task_id: The id that was asked for.
        secrets: The key, and what else the request was sent with that must
            not be shown. An error tells when there was nothing. What a server
            sends back of them is cut out of all texts, and of *raw*; only the
            video's URL keeps it, which does not work without.
        previous: The snapshot of the same task, from the same address, that
            came before. A service that repeats itself gives it once more,
            and then nothing is decoded.
        content: Where the service itself serves a file, with ``{id}`` in the
            place of the id; None where it does not.
        vocabulary: How services spell a task.

    Raises:
        InvalidResponseError: It is no JSON object, or no task.
        ResponseError: The service answered with an error; the class says which.
    """
    hint = read_poll_after(response.headers, received=response.received)
    if previous is not None:
        if response.status == _NOT_MODIFIED:
            return attrs.evolve(previous, poll_after=NOT_MODIFIED_PAUSE if hint is None else hint)
        if response.is_good and previous._raw == response.body and previous.poll_after == hint:
            return previous
    body, value = parse_response(response)
    return decode_parsed(
        response,
        body,
        value,
        task_id=task_id,
        secrets=secrets,
        content=content,
        vocabulary=vocabulary,
        poll_after=hint,
    )


def parse_response(response: Response) -> tuple[bytes, Any]:
    """
    Return the body of a response in UTF-8, and its JSON.

    The JSON is None where there is none and the status alone can tell what to do.

    Raises:
        InvalidResponseError: A good response is no JSON; or it is a web page for a 403 or 404.
    """
    body = normalise_body(response.body, response.headers.get("Content-Type", ""))
    try:
        return body, parse_json(body)
    except ValueError as error:
        reason = str(error)
    is_page = is_html(body)
    if response.is_good or (is_page and response.status in _STATUSES_OF_A_PAGE):
        raise InvalidResponseError(response.url, response.status, reason, is_page)
    return body, None


def decode_parsed(
    response: Response,
    body: bytes,
    value: Any,
    *,
    task_id: str,
    secrets: tuple[str, ...],
    content: str | None,
    vocabulary: Vocabulary = VOCABULARY,
    poll_after: float | None = None,
) -> VideoTask:
    """
    Return the task that a response holds which was parsed already; see :func:`decode_response`.

    Args:
        response: The response.
        body: Its body in UTF-8.
        value: The JSON of that.
        task_id: The id that was asked for.
        secrets: What must not be shown.
        content: Where the service itself serves a file.
        vocabulary: How services spell a task.
        poll_after: The seconds until the next poll that the headers ask for.

    Raises:
        InvalidResponseError: It is no JSON object, or no task.
        ResponseError: The service answered with an error; the class says which.
    """
    if response.is_good:
        task = _find_task(response, value, task_id=task_id, vocabulary=vocabulary)
        raw: Mapping[str, Any] | bytes = body
    else:
        value = _find_failed_task(value)
        task = open_envelope(read_mapping(value), vocabulary)
        if not _is_task_under_error(task, task_id=task_id, status=response.status):
            task = None
        raw = read_mapping(_find_failed_task(parse_exactly(body))) if task is not None else {}
    if task is None:
        raise _error(response, value, body, secrets=secrets)
    decoded = decode_task(
        task,
        response=read_mapping(value),
        raw=raw,
        task_id=task_id,
        url=response.url,
        content=content,
        poll_after=poll_after,
        vocabulary=vocabulary,
    )
    is_suspect = may_hold(body, secrets)
    if not is_suspect and len(body) <= MAX_TEXT:
        return decoded  # nothing that was read from it has a secret
    return redact_task(decoded, secrets, is_suspect=is_suspect)


def redact_task(task: VideoTask, secrets: tuple[str, ...], *, is_suspect: bool) -> VideoTask:
    """
    Return a snapshot without any secret in what becomes text for people.

    Args:
        task: As decoded.
        secrets: What must not be shown.
        is_suspect: Whether the body may have a secret in it, in any spelling.
    """
    if not secrets:
        return task
    changes: dict[str, Any] = {}
    for name in ("status", "model", "prompt", "enhanced_prompt", "size"):
        text = getattr(task, name)
        safe = redact(text, secrets)
        if safe != text:
            changes[name] = safe
    if task.failure is not None:
        failure = task.failure
        changes["failure"] = TaskFailure(
            redact(failure.code, secrets), redact(failure.message, secrets)
        )
    if task.cost is not None and task.cost.unit is not None:
        changes["cost"] = Cost(task.cost.amount, redact(task.cost.unit, secrets))
    if task.usage is not None:
        changes["usage"] = redact_value(task.usage, secrets)
    if is_suspect:
        changes["raw"] = redact_body(task._raw, secrets)
    return attrs.evolve(task, **changes) if changes else task


def read_error(response: Response, *, secrets: tuple[str, ...]) -> ResponseError | None:
    """
    Return the error that the response to any call is, None when it is a good one of JSON.

    Raises:
        InvalidResponseError: It is neither.
    """
    return find_error(response, *parse_response(response), secrets=secrets)


def find_error(
    response: Response, body: bytes, value: Any, *, secrets: tuple[str, ...]
) -> ResponseError | None:
    """
    Return the error that a response is which was parsed already, None when it is a good one.

    Args:
        response: The response.
        body: Its body in UTF-8.
        value: The JSON of that.
        secrets: What must not be shown.
    """
    inner = open_envelope(read_mapping(value))
    is_error = isinstance(value, dict) and "deleted" not in inner and is_error_body(inner)
    if response.is_good and not is_error:
        return None
    return _error(response, value, body, secrets=secrets)


def _error(
    response: Response, value: Any, body: bytes, *, secrets: tuple[str, ...]
) -> ResponseError:
    text = None
    if value is None and not is_html(body):
        text = read_label(body[:2000].decode("utf-8", "replace"))
    return error_from(
        value,
        url=response.url,
        status=response.status,
        headers=response.headers,
        received=response.received,
        text=text,
        secrets=secrets,
    )


def _find_task(
    response: Response, value: Any, *, task_id: str, vocabulary: Vocabulary
) -> Mapping[str, Any] | None:
    """
    Return the task in the JSON of a good response, None where that is an error of the service.

    Raises:
        InvalidResponseError: It is no task.
    """
    if not isinstance(value, dict):
        kind = "null" if value is None else type(value).__name__
        raise InvalidResponseError(response.url, response.status, f"JSON that is no object: {kind}")
    if value.get("object") == "list" or value.get("deleted") is True:
        reason = "another endpoint's answer, not a task"
        raise InvalidResponseError(response.url, response.status, reason)
    word = read_word(value, vocabulary)
    if word in vocabulary.words and word not in CALL_WORDS and isinstance(value.get("id"), str):
        return value  # as most are; what follows would come to the same
    body = open_envelope(value, vocabulary)
    if is_error_body(body, task_id=task_id, vocabulary=vocabulary):
        nested = read_mapping(_find_failed_task(body))
        has_failed = vocabulary.words.get(read_word(nested, vocabulary)) is FAILED
        return nested if has_failed and nested is not body else None
    if not is_task(body, vocabulary):
        raise InvalidResponseError(response.url, response.status, "JSON that is no task")
    return body


def is_error_body(
    body: Mapping[str, Any], *, task_id: str = "", vocabulary: Vocabulary = VOCABULARY
) -> bool:
    """Return whether a 2xx body is an error: it has a sign of one and no status of a task."""
    word = read_word(body, vocabulary)
    if has_call_word(body, vocabulary):
        return _is_failed_call(body, task_id=task_id, vocabulary=vocabulary)
    if word and is_named(body, vocabulary):
        return False
    if body.get("done") is True:
        return False  # the error is that of an operation which has ended
    if _has_error(body) or body.get("success") is False:
        return not word
    if is_named(body, vocabulary) or word in vocabulary.words:
        return False
    if isinstance(body.get("errors"), list) and body["errors"]:
        return True
    # A text beside a word that is neither of a task nor of an error tells of a task that goes on.
    has_text = not word or is_error_word(word)
    return _has_code_or_text(body) if has_text else _has_code_or_text(body, texts=())


def _is_failed_call(body: Mapping[str, Any], *, task_id: str, vocabulary: Vocabulary) -> bool:
    """Return whether a status such as "error" is that of the call, and the call has failed."""
    is_foreign = bool(body.get("id")) and not is_named_as(body, task_id, vocabulary)
    is_of_call = is_about_the_call(body, vocabulary) or (is_foreign and not is_described(body))
    if not is_of_call:
        return False
    has_failed = vocabulary.words.get(read_word(body, vocabulary)) is FAILED
    return has_failed or bool(body.get("error")) or _has_code_or_text(body, texts=())


def _has_error(body: Mapping[str, Any]) -> bool:
    """Return whether a body has an error that says more than "no error"."""
    return has_error_code(body) if isinstance(body.get("error"), dict) else bool(body.get("error"))


def _has_code_or_text(
    body: Mapping[str, Any], texts: tuple[str, ...] = ("message", "msg", "detail")
) -> bool:
    """Return whether a body without a task has a code or a text, as an error has."""
    if has_error_code(body):
        return True
    code = read_label(body.get("code"))
    if code is not None:
        return code.lower() not in OK_CODES and body.get("success") is not True
    return body.get("success") is not True and any(_is_text(body.get(key)) for key in texts)


def _is_text(value: object) -> bool:
    return bool(value.strip() if isinstance(value, str) else isinstance(value, list) and value)


def _find_failed_task(value: object) -> object:
    """
    Return a task from inside the error around it, and anything else as it is.

    FastAPI has it under ``detail``; LiteLLM has the upstream's JSON as text in the message.
    """
    if not isinstance(value, dict) or "status" in value:
        return value
    inner = value.get("detail")
    if isinstance(inner, dict) and isinstance(inner.get("status"), str):
        return inner
    message = read_reason_text(value)
    nested = parse_part(message) if message is not None else None
    if isinstance(nested, dict) and nested.get("object") == "video" and read_word(nested):
        return nested
    return value


def read_reason_text(value: Mapping[str, Any]) -> str | None:
    """Return the message of an error body, whole."""
    error = value.get("error")
    message = error.get("message") if isinstance(error, dict) else value.get("message")
    return message if isinstance(message, str) else None


def _is_task_under_error(body: Mapping[str, Any], *, task_id: str, status: int) -> bool:
    """Return whether a body under an error status is the task, not an error with a word."""
    word = read_word(body)
    if status in _STATUSES_OF_AN_ERROR or word not in VOCABULARY.words or has_call_word(body):
        return False
    if VOCABULARY.words[word] is FAILED and status not in _STATUSES_OF_A_TASK:
        return False  # a gateway's word for its own failure
    if body.get("object") == "video":
        return True
    is_plausible = status in _STATUSES_OF_A_TASK and is_described(body)
    return is_plausible or is_named_as(body, task_id)


def show_body(response: Response, secrets: tuple[str, ...]) -> str:
    """Return the beginning of a body for people: without secrets, and on one line."""
    text = response.body[: 4 * MAX_SHOWN].decode("utf-8", "replace")
    return read_label((redact(text, secrets) or "")[:MAX_SHOWN]) or "an empty body"
