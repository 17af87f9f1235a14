"""A page of the list of tasks, as far as a wait needs it: ids, status words, and what has ended."""

from collections.abc import Mapping
from typing import Any

import attrs

from ..errors import InvalidResponseError
from ..models import Phase, VideoTask
from ..models.json_fields import read_label, read_mapping, read_moment
from ..models.repr import brief
from .response import Response, find_error, parse_response, redact_task
from .task_decoder import decode_task, normalise
from .urls import fill_in
from .vocabulary import IDS, PHASE_WORDS

_LISTS = ("data", "items", "videos", "tasks", "list", "records")
"""Where the tasks of a page may be."""


@attrs.frozen
class ListEntry:
    """
    One task in a list.

    Attributes:
        id: Its id.
        phase: What its status word means; None for a word that is not known.
        created_at: When it was created, in seconds since the epoch; None if not named.
        item: The task as it is in the list.
    """

    __repr__ = brief

    id: str
    phase: Phase | None
    created_at: float | None
    item: Mapping[str, Any] = attrs.field(repr=False)


@attrs.frozen
class ListPage:
    """
    One page of a list.

    Attributes:
        entries: The tasks, in the order of the page.
        next_after: The id to ask for the next page with; None at the end of the list.
    """

    __repr__ = brief

    entries: tuple[ListEntry, ...] = attrs.field(repr=False)
    next_after: str | None

    @property
    def moments(self) -> list[float]:
        """When the tasks were created, in seconds since the epoch, as far as it is named."""
        return [entry.created_at for entry in self.entries if entry.created_at is not None]


def decode_list_page(response: Response, *, secrets: tuple[str, ...]) -> ListPage:
    """
    Return one page of the list; of its tasks, ids, words and moments are decoded.

    Raises:
        InvalidResponseError: It is no list.
        ResponseError: The service has refused; the class says why.
    """
    body, value = parse_response(response)
    error = find_error(response, body, value, secrets=secrets)
    if error is not None:
        raise error
    entries = tuple(
        entry for item in find_items(response, value) if (entry := _decode_entry(item)) is not None
    )
    return ListPage(entries, find_next_page(value, entries[-1].id if entries else None))


def find_items(response: Response, value: Any) -> list[Any]:
    """
    Return the tasks of a page: the page itself, or a list under one of its keys.

    Raises:
        InvalidResponseError: It is no list.
    """
    items = _find_list(value)
    if items is None:
        raise InvalidResponseError(response.url, response.status, "JSON that is no list of tasks")
    return items


def _find_list(value: Any) -> list[Any] | None:
    if not isinstance(value, dict):
        return value if isinstance(value, list) else None
    found = (_find_list(value.get(key)) for key in _LISTS)
    return next((items for items in found if items is not None), None)


def find_next_page(page: Any, last_id: str | None) -> str | None:
    """
    Return the id to ask for the next page with, None at the end of the list.

    Args:
        page: The JSON of the page.
        last_id: The id of its last task; None without one.
    """
    around = read_mapping(page)
    if last_id is None or around.get("has_more") is not True:
        return None
    named = around.get("last_id")
    return named if isinstance(named, str) and named else last_id


def _decode_entry(item: Any) -> ListEntry | None:
    task = read_mapping(item)
    task_id = next(filter(None, (read_label(task.get(name)) for name in IDS)), None)
    if task_id is None:
        return None
    created_at = read_moment(task.get("created_at"))
    return ListEntry(
        task_id,
        PHASE_WORDS.get(normalise(task.get("status"))),
        None if created_at is None else created_at.timestamp(),
        task,
    )


def decode_entry(
    entry: ListEntry, *, poll: str, content: str | None, secrets: tuple[str, ...]
) -> VideoTask:
    """
    Return the snapshot that an entry is.

    Args:
        entry: Of a page.
        poll: The address of a poll, with ``{id}``.
        content: Where the service serves a file, with ``{id}``; None where it does not.
        secrets: What must not be shown.
    """
    url = fill_in(poll, entry.id)
    item = entry.item
    task = decode_task(item, response=item, raw=item, task_id=entry.id, url=url, content=content)
    return redact_task(task, secrets, is_suspect=True)
