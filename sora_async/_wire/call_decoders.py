"""The replies to all calls but polls: what a create made, a page of a list, a character."""

import re
from collections.abc import Mapping
from typing import Any

import attrs

from ..errors import (
    InvalidArgumentError,
    InvalidResponseError,
    ResponseError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from ..models import Character, VideoTask
from ..models.json_fields import read_label, read_mapping, read_moment, read_text
from ..models.repr import brief
from .error_decoder import OK_CODES
from .json import parse_json
from .redaction import hide_in_body
from .response import Response, decode_response, read_error
from .task_decoder import decode_task, open_envelope
from .urls import check_task_id, fill_in

_NO_SUCH_CALL = re.compile(
    r"not found\.?|404 page not found|invalid url\b.*|cannot (get|post|delete) /.*|no route\b.*"
    r"|method not allowed\.?|not implemented\.?",
    re.IGNORECASE | re.DOTALL,
)
"""What frameworks answer where they have no such path; a task that is not there has other words."""

_LISTS = ("data", "videos", "items", "list", "records")
"""Where the tasks of a page may be."""


def decode_created(
    response: Response, *, secrets: tuple[str, ...], content: str | None, is_about_one: bool = False
) -> tuple[VideoTask, Mapping[str, Any]]:
    """
    Return the task that a create, or a remix, has made, and the body that tells of it.

    Args:
        response: The reply; 200, 201 and 202 are alike.
        secrets: As in :func:`decode_response`.
        content: As in :func:`decode_response`.
        is_about_one: Whether the id of another task was in the path.

    Raises:
        InvalidResponseError: It does not say what was made.
        UnsupportedOperationError: The server has no such call.
        ResponseError: The service has refused; the class says why.
    """
    safe = attrs.evolve(response, body=hide_in_body(response.body, secrets))
    value = _parse(safe)
    body = open_envelope(read_mapping(value))
    task_id = _read_new_id(body, read_mapping(value))
    if task_id is None:
        error = read_error(safe, secrets=secrets)
        if error is None:
            raise InvalidResponseError(response.url, response.status, "no id of a task")
        raise _as_not_offered(error, is_about_one=is_about_one)
    try:
        task = decode_response(response, task_id=task_id, secrets=secrets, content=content)
    except ResponseError as refusal:
        raise _as_not_offered(refusal, is_about_one=is_about_one) from None
    return task, body


def _parse(response: Response) -> Any:
    try:
        return parse_json(response.body)
    except ValueError:
        return None


def _read_new_id(body: Mapping[str, Any], outer: Mapping[str, Any]) -> str | None:
    """Return the id of what was made, None when the reply has none that can be asked for."""
    names = [body.get("id"), body.get("task_id"), outer.get("task_id")]
    if str(outer.get("code", "")).lower() in OK_CODES:
        names.append(outer.get("data"))
    for name in names:
        try:
            if isinstance(name, str | int) and not isinstance(name, bool):
                return check_task_id(str(name))
        except InvalidArgumentError:
            continue
    return None


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
        response: The reply.
        secrets: As in :func:`decode_response`.
        poll: The address of a poll, with ``{id}``.
        content: As in :func:`decode_response`.

    Raises:
        InvalidResponseError: It is no list.
        UnsupportedOperationError: The server has no list.
        ResponseError: The service has refused; the class says why.
    """
    value = _open(response, secrets=secrets, is_about_one=False)
    items = _find_items(value)
    if items is None:
        raise InvalidResponseError(response.url, response.status, "JSON that is no list of tasks")
    tasks = [
        decode_task(body, raw=item, task_id=task_id, url=fill_in(poll, task_id), content=content)
        for item in items
        if isinstance(item, dict)
        for body in (open_envelope(item),)
        for task_id in (_read_new_id(body, item),)
        if task_id is not None
    ]
    around = read_mapping(value)
    has_more = around.get("has_more") is True and bool(tasks)
    last = around.get("last_id")
    after = last if isinstance(last, str) and last else tasks[-1].id if tasks else None
    return TaskPage(tasks=tuple(tasks), next_after=after if has_more else None)


def _find_items(value: Any) -> list[Any] | None:
    if isinstance(value, list):
        return value
    for key in _LISTS:
        inner = read_mapping(value).get(key)
        if isinstance(inner, list):
            return inner
        if isinstance(inner, dict):
            found = _find_items(inner)
            if found is not None:
                return found
    return None


def decode_deleted(response: Response, *, secrets: tuple[str, ...]) -> None:
    """
    Return when a task was deleted; an empty reply of a good status says so, too.

    Raises:
        TaskNotFoundError: There is no such task.
        UnsupportedOperationError: The server deletes nothing.
        ResponseError: The service has refused; the class says why.
    """
    if 200 <= response.status < 300 and not response.body.strip():
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
    if not 200 <= response.status < 300 or response.body.strip():
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
        name=read_text(body.get("name")),
        created_at=read_moment(body.get("created_at")),
        raw=read_mapping(value),
    )


def _open(response: Response, *, secrets: tuple[str, ...], is_about_one: bool) -> Any:
    """Return the JSON of a reply, or raise the error that it is."""
    safe = attrs.evolve(response, body=hide_in_body(response.body, secrets))
    error = read_error(safe, secrets=secrets)
    if error is not None:
        raise _as_not_offered(error, is_about_one=is_about_one)
    return parse_json(safe.body)


def _as_not_offered(error: ResponseError, *, is_about_one: bool) -> ResponseError:
    """
    Return an error as that of a call which the server does not have, if that is what it says.

    Args:
        error: The error of the reply.
        is_about_one: Whether an id was in the path: a 404 may then be about that.
    """
    is_missing = error.status in (405, 501)
    if isinstance(error, TaskNotFoundError) and error.status == 404:
        words = read_label(error.message)
        is_missing = not is_about_one or (
            words is not None and _NO_SUCH_CALL.fullmatch(words) is not None
        )
    if not is_missing:
        return error
    return UnsupportedOperationError(
        error.url, error.status, error.code, error.message, error.request_id, error.retry_after
    )
