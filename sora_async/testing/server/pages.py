"""Lists of tasks in pages, and the objects that they are sent in."""

from collections.abc import Callable, Sequence
from typing import Any, Literal
from urllib.parse import parse_qs

import attrs

from ..profiles.http_message import Message, make_message
from ..profiles.server_profile import ServerProfile
from .task_store import FakeTask

Body = dict[str, Any]


@attrs.frozen(kw_only=True)
class FakePage:
    """The parameters of a list; *limit* None means all tasks."""

    limit: int | None
    after: str | None
    order: Literal["asc", "desc"]

    def select(self, tasks: Sequence[FakeTask]) -> Sequence[FakeTask]:
        """Return the tasks from this page on, of *tasks* sorted from the oldest."""
        found = list(tasks) if self.order == "asc" else list(reversed(tasks))
        if self.after is None:
            return found
        ids = [task.id for task in found]
        # After an unknown id there is nothing, as in vLLM-Omni and SGLang.
        return found[ids.index(self.after) + 1 :] if self.after in ids else []


def list_tasks(
    server: ServerProfile,
    query: str,
    tasks: Sequence[FakeTask],
    show: Callable[[FakeTask], Body | None],
) -> Message:
    """
    Return the page that *query* asks for.

    Args:
        server: The kind of server.
        query: What followed the question mark.
        tasks: All tasks, from the oldest on.
        show: Makes the object of a task; None for one that is not visible yet.
    """
    try:
        page = _read_page(query, server.page_size)
    except ValueError as error:
        return server.render_error(400, str(error))
    shown: list[Body] = []
    for task in page.select(tasks):
        body = show(task)
        if body is None:
            continue
        if len(shown) == page.limit:
            return _wrap(server, shown, has_more=True)
        shown.append(body)
    return _wrap(server, shown, has_more=False)


def _read_page(query: str, page_size: int | None) -> FakePage:
    given = {name: values[-1] for name, values in parse_qs(query).items()}
    limit = given.get("limit")
    if limit is not None and limit not in map(str, range(1, 101)):
        raise ValueError("limit is from 1 to 100")
    match given.get("order", "desc"):
        case "asc" | "desc" as order:
            size = page_size if limit is None else int(limit)
            return FakePage(limit=size, after=given.get("after"), order=order)
    raise ValueError("order is asc or desc")


def _wrap(server: ServerProfile, bodies: Sequence[Body], *, has_more: bool) -> Message:
    listed: Body = {"object": "list", "data": bodies}
    if server.has_cursors:
        ids = [body.get("id") for body in bodies] or [None]
        listed |= {"first_id": ids[0], "last_id": ids[-1], "has_more": has_more}
    return make_message(listed)
