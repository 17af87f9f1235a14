"""The responses to all calls but polls: what a create made, a page of a list, a character."""

import re
from collections.abc import Mapping
from typing import Any

import attrs

from ..errors import (
    InvalidResponseError,
    ResponseError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from ..models import Character, VideoTask
from ..models.json_fields import read_label, read_mapping, read_moment, read_text
from ..models.repr import brief
from .general_rules import guess_ids, is_id
from .list_decoder import find_items, find_next_page
from .redaction import may_hold, redact, redact_value
from .response import (
    Response,
    decode_parsed,
    find_error,
    is_error_body,
    parse_response,
    redact_task,
    show_body,
)
from .retry_after import read_poll_after
from .task_decoder import decode_task, is_task, open_envelope, read_names
from .urls import fill_in, read_server_id
from .vocabulary import OK_CODES, VOCABULARY, Vocabulary

_NO_SUCH_CALL = re.compile(
    r"not found\.?|404 page not found|invalid url\b.*|cannot (get|post|delete) /.*|no route\b.*"
    r"|method not allowed\.?|not implemented\.?",
    re.IGNORECASE | re.DOTALL,
)
"""What frameworks answer where they have no such path; a task that is not there has other words."""


def decode_created(
    response: Response,
    *,
    secrets: tuple[str, ...],
    content: str | None,
    is_about_one: bool = False,
    vocabulary: Vocabulary = VOCABULARY,
) -> tuple[VideoTask, Mapping[str, Any]]:
    """
    Return the task that a create, or a remix, has made, and the body that tells of it.

    Args:
        response: The response; all 2xx are alike.
        secrets: As in :func:`decode_response`.
        content: As in :func:`decode_response`.
        is_about_one: Whether the id of another task was in the path.
        vocabulary: How services spell a task.

    Raises:
        InvalidResponseError: It does not say what was made; the error has the body.
        UnsupportedOperationError: The server has no such call.
        ResponseError: The service has refused; the class says why.
    """
    try:
        return _decode_created(response, vocabulary, secrets=secrets, content=content)
    except ResponseError as refusal:
        raise _as_not_offered(refusal, is_about_one=is_about_one) from None
    except InvalidResponseError as error:
        raise attrs.evolve(error, body=show_body(response, secrets)) from None


def _decode_created(
    response: Response, vocabulary: Vocabulary, *, secrets: tuple[str, ...], content: str | None
) -> tuple[VideoTask, Mapping[str, Any]]:
    raw, parsed = parse_response(response)
    if isinstance(parsed, list) and len(parsed) == 1:
        parsed = parsed[0]  # Creatomate
    value = read_mapping(parsed)
    body = open_envelope(value, vocabulary)
    task_id = _read_new_id(body, value, vocabulary, secrets=secrets)
    if task_id is None:
        guess = _guess_new_id(value, secrets=secrets) if response.is_good else None
        if guess is None or is_error_body(body) or value.get("object") == "list":
            error = find_error(response, raw, parsed, secrets=secrets)
            if error is not None and guess is None:
                raise error
            raise InvalidResponseError(response.url, response.status, "no id of a task")
        task_id = guess
    if response.is_good and not (is_task(body, vocabulary) or is_error_body(body)):
        return _decode_unknown(response, value, task_id, secrets=secrets), body
    task = decode_parsed(
        response,
        raw,
        parsed,
        task_id=task_id,
        secrets=secrets,
        content=content,
        vocabulary=vocabulary,
        poll_after=read_poll_after(response.headers, received=response.received),
    )
    return task, body


def _decode_unknown(
    response: Response, value: Mapping[str, Any], task_id: str, *, secrets: tuple[str, ...]
) -> VideoTask:
    """Return the task that a create has made which tells nothing of it but an id."""
    task = decode_task(
        {}, response=value, raw=value, task_id=task_id, url=response.url, content=None
    )
    return redact_task(task, secrets, is_suspect=True)


def _read_new_id(
    body: Mapping[str, Any],
    outer: Mapping[str, Any],
    vocabulary: Vocabulary,
    *,
    secrets: tuple[str, ...],
) -> str | None:
    """Return the id of a task at the places of the table, None when there is none to ask for."""
    names = [*read_names(body, vocabulary), *read_names(outer, vocabulary)]
    if str(outer.get("code", "")).lower() in OK_CODES or outer.get("success") is True:
        found = [outer.get("data"), outer.get("result")]
        found += [one[0] for one in found if isinstance(one, list) and len(one) == 1]
        names += [one for one in found if _looks_like_id(one, vocabulary)]
    requests = [body.get(key) or outer.get(key) for key in vocabulary.request_ids]
    guessed = [] if names or not any(requests) else [*guess_ids(outer)]
    for name in (*names, *guessed, *requests):
        task_id = read_server_id(name)
        if task_id is not None and redact(task_id, secrets) == task_id:
            return task_id
    return None


def _looks_like_id(value: object, vocabulary: Vocabulary) -> bool:
    """Return whether a value under a key of anything is an id, and no word such as "success"."""
    word = str(value).lower()
    return is_id(value) and word not in OK_CODES and word not in vocabulary.words


def _guess_new_id(value: Mapping[str, Any], *, secrets: tuple[str, ...]) -> str | None:
    """Return the id of a task under a key that no table has, None when no key says so."""
    names = map(read_server_id, guess_ids(value))
    return next((name for name in names if name and redact(name, secrets) == name), None)


@attrs.frozen(kw_only=True)
class TaskPage:
    """
    One page of a list.

    Attributes:
        tasks: In the server's order; those without an id to ask for are left out.
        next_after: What to ask the next page with; None when this is the last one.
    """

    __repr__ = brief

    tasks: tuple[VideoTask, ...]
    next_after: str | None


def decode_page(
    response: Response, *, secrets: tuple[str, ...], poll: str, content: str | None
) -> TaskPage:
    """
    Return one page of the list of tasks.

    Args:
        response: The response.
        secrets: As in :func:`decode_response`.
        poll: The address of a poll, with ``{id}``.
        content: As in :func:`decode_response`.

    Raises:
        InvalidResponseError: It is no list.
        UnsupportedOperationError: The server has no list.
        ResponseError: The service has refused; the class says why.
    """
    value = _open(response, secrets=secrets, is_about_one=False)
    is_suspect = may_hold(response.body, secrets)
    tasks: list[VideoTask] = []
    for item in find_items(response, value):
        if not isinstance(item, dict):
            continue
        body = open_envelope(item)
        task_id = _read_new_id(body, item, VOCABULARY, secrets=secrets)
        if task_id is not None:
            url = fill_in(poll, task_id)
            task = decode_task(
                body, response=item, raw=item, task_id=task_id, url=url, content=content
            )
            tasks.append(redact_task(task, secrets, is_suspect=is_suspect))
    after = find_next_page(value, tasks[-1].id if tasks else None)
    return TaskPage(tasks=tuple(tasks), next_after=after)


def decode_deleted(response: Response, *, secrets: tuple[str, ...]) -> None:
    """
    Return when a task was deleted; an empty response of a good status says so, too.

    Raises:
        TaskNotFoundError: There is no such task.
        UnsupportedOperationError: The server deletes nothing.
        ResponseError: The service has refused; the class says why.
    """
    if response.is_good and not response.body.strip():
        return
    value = read_mapping(_open(response, secrets=secrets, is_about_one=True))
    if value.get("deleted") is False:
        raise ResponseError(response.url, response.status, None, "the task was not deleted")


def decode_cancelled(response: Response, *, secrets: tuple[str, ...]) -> None:
    """
    Return when a task was cancelled: a good status says so, with the task in the body or nothing.

    Raises:
        TaskNotFoundError: There is no such task.
        UnsupportedOperationError: The server cancels nothing.
        ResponseError: The service has refused; the class says why.
    """
    if not response.is_good or response.body.strip():
        _open(response, secrets=secrets, is_about_one=True)


def decode_character(response: Response, *, secrets: tuple[str, ...], is_new: bool) -> Character:
    """
    Return a character.

    Raises:
        InvalidResponseError: It is none.
        UnsupportedOperationError: The server knows no characters.
        ResponseError: The service has refused; the class says why.
    """
    value = _open(response, secrets=secrets, is_about_one=not is_new)
    body = open_envelope(read_mapping(value))
    name = body.get("id")
    if not isinstance(name, str) or not name:
        raise InvalidResponseError(response.url, response.status, "no id of a character")
    return Character(
        id=name,
        name=redact(read_text(body.get("name")), secrets),
        created_at=read_moment(body.get("created_at")),
        raw=redact_value(read_mapping(value), secrets),
    )


def _open(response: Response, *, secrets: tuple[str, ...], is_about_one: bool) -> Any:
    """Return the JSON of a response, or raise the error that it is."""
    body, value = parse_response(response)
    error = find_error(response, body, value, secrets=secrets)
    if error is not None:
        raise _as_not_offered(error, is_about_one=is_about_one)
    return value


def _as_not_offered(error: ResponseError, *, is_about_one: bool) -> ResponseError:
    """
    Return an error as that of a call which the server does not have, if that is what it says.

    Args:
        error: The error of the response.
        is_about_one: Whether an id was in the path: a 404 may then be about that.
    """
    is_missing = error.status in (405, 501)
    # A 404 with words about the path is a plain ResponseError.
    if error.status == 404 and type(error) in (TaskNotFoundError, ResponseError):
        words = read_label(error.message)
        is_missing = not is_about_one or (
            words is not None and _NO_SUCH_CALL.fullmatch(words) is not None
        )
    if not is_missing:
        return error
    return UnsupportedOperationError(
        error.url, error.status, error.code, error.message, error.request_id, error.retry_after
    )
