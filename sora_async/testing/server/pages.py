"""Lists of tasks in pages, and the objects that they are sent in."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs

from ..profiles.http_message import Message, make_message
from ..profiles.server_profile import ServerProfile
from .recorded_request import RecordedRequest
from .task_store import FakeTask

Body = dict[str, Any]
Show = Callable[[FakeTask], Body | None]
"""Makes the object of a task; None for one that is not visible yet."""


def list_tasks(
    server: ServerProfile, record: RecordedRequest, tasks: Sequence[FakeTask], show: Show
) -> Message:
    """Return the page that *record* asks for, of all *tasks* from the oldest on."""
    if server.list_header is not None and server.list_header not in record.headers:
        return server.render_error(400, f"The header {server.list_header} is required.")
    query = {name: values for name, values in parse_qs(record.query).items() if values}
    try:
        if server.list_style == "whole":
            return _wrap(list(_show_all(reversed(tasks), show)), has_more=False)
        if server.list_style == "numbered":
            return _list_numbered(query, tasks, show)
        return _list_after_cursor(query, server.page_size, tasks, show)
    except ValueError as error:
        return server.render_error(400, str(error))


def _show_all(tasks: Iterable[FakeTask], show: Show) -> Iterator[Body]:
    shown = (show(task) for task in tasks)
    return (body for body in shown if body is not None)


def _list_after_cursor(
    query: dict[str, list[str]], page_size: int | None, tasks: Sequence[FakeTask], show: Show
) -> Message:
    given = {name: values[-1] for name, values in query.items()}
    limit, after, order = given.get("limit"), given.get("after"), given.get("order", "desc")
    if limit is not None and limit not in map(str, range(101)):
        raise ValueError("limit is from 0 to 100")
    if order not in ("asc", "desc"):
        raise ValueError("order is asc or desc")
    found = list(tasks if order == "asc" else reversed(tasks))
    if after is not None:
        ids = [task.id for task in found]
        # After an unknown id there is nothing, as in vLLM-Omni and SGLang.
        found = found[ids.index(after) + 1 :] if after in ids else []
    bodies = _show_all(found, show)
    shown = list(itertools.islice(bodies, page_size if limit is None else int(limit)))
    return _wrap(shown, has_more=next(bodies, None) is not None)


def _wrap(bodies: Sequence[Body], *, has_more: bool) -> Message:
    ids = [body.get("id") for body in bodies] or [None]
    return make_message(
        {
            "object": "list",
            "data": bodies,
            "first_id": ids[0],
            "last_id": ids[-1],
            "has_more": has_more,
        }
    )


def _list_numbered(query: dict[str, list[str]], tasks: Sequence[FakeTask], show: Show) -> Message:
    """Return a page of Ark's list: it has numbers, and filters by ids and by status."""
    number = _read_number(query, "page_num", default=1)
    size = _read_number(query, "page_size", default=10)
    ids, words = query.get("filter.task_ids"), query.get("filter.status")
    wanted = [task for task in reversed(tasks) if ids is None or task.id in ids]
    found = [body for body in _show_all(wanted, show) if words is None or body["status"] in words]
    items = found[(number - 1) * size : number * size]
    return make_message({"items": items, "total": len(found)})


def _read_number(query: dict[str, list[str]], name: str, *, default: int) -> int:
    text = query.get(name, [str(default)])[-1]
    if not text.isdecimal() or not 1 <= int(text) <= 500:
        raise ValueError(f"{name} is from 1 to 500")
    return int(text)
