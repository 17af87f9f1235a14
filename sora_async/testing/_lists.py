"""Lists in pages: which tasks a page holds, and how a server wraps them."""

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import parse_qs

import attrs

from ._kinds import Server
from ._tasks import Task


@attrs.frozen(kw_only=True)
class Page:
    """What a list was asked for; *limit* is None where all of it is wanted."""

    limit: int | None
    after: str | None
    order: Literal["asc", "desc"]

    def cut(self, tasks: Sequence[Task]) -> tuple[Sequence[Task], bool]:
        """Return the tasks of this page, of all from the oldest on, and whether more follow."""
        found = list(tasks) if self.order == "asc" else list(reversed(tasks))
        if self.after is not None:
            ids = [task.id for task in found]
            # After one that is not there comes nothing, as with vLLM-Omni and SGLang.
            found = found[ids.index(self.after) + 1 :] if self.after in ids else []
        limit = len(found) if self.limit is None else self.limit
        return found[:limit], len(found) > limit


def read_page(query: str, page_size: int | None) -> Page:
    """
    Return the page that *query* asks for.

    Raises:
        ValueError: The limit is not from 1 to 100, or the order is none.
    """
    given = {name: values[-1] for name, values in parse_qs(query).items()}
    limit = given.get("limit")
    if limit is not None and limit not in map(str, range(1, 101)):
        raise ValueError("limit is from 1 to 100")
    match given.get("order", "desc"):
        case "asc" | "desc" as order:
            size = page_size if limit is None else int(limit)
            return Page(limit=size, after=given.get("after"), order=order)
    raise ValueError("order is asc or desc")


def wrap(server: Server, bodies: Sequence[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    """Return the list of *bodies* as *server* sends it."""
    listed: dict[str, Any] = {"object": "list", "data": bodies}
    if not server.has_cursors:
        return listed
    ids = [body["id"] for body in bodies] or [None]
    return {**listed, "first_id": ids[0], "last_id": ids[-1], "has_more": has_more}
