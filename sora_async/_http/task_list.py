"""The list of tasks of a service, page by page, in the spelling of its dialect."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from .._wire.response import Response
from ..errors import InvalidArgumentError
from .request import RequestSender

Page = TypeVar("Page")

MAX_PAGE_SIZE = 100
"""Tasks that a page of a list may have. Source: OpenAI's API reference, "List videos"."""


class TaskList:
    """
    Requests the pages of one service's list.

    Args:
        requests: Sends the requests, within the rate limit.

    Attributes:
        is_numbered: Whether its pages have numbers; otherwise each names the id after which the
            next one begins.
        can_filter: Whether it can be limited to some tasks.
    """

    def __init__(self, requests: RequestSender) -> None:
        self._requests = requests
        dialect = requests.endpoints.dialect
        self._headers = dialect.list_headers
        self._ids_field = dialect.list_ids_field
        self._name = dialect.name
        self.is_numbered = dialect.list_paging == "number"
        self.can_filter = self._ids_field is not None

    def check(self, *, after: str | None, order: str) -> None:
        """
        Refuse what the list cannot do.

        Raises:
            InvalidArgumentError: It begins with the newest task always.
            UnsupportedOperationError: There is no list.
        """
        self._requests.endpoints.find_path("list_path")
        if self.is_numbered and (after is not None or order != "desc"):
            name = "order" if after is None else "after"
            raise InvalidArgumentError(
                f"{name}: the list of the dialect {self._name!r} begins with the newest task always"
            )

    def find_next(self, number: int, next_after: str | None) -> str | None:
        """
        Return what the page after one is requested with as *after*; None if there is none.

        Args:
            number: The number of that one, from 1 on.
            next_after: What it names itself.
        """
        return str(number + 1) if self.is_numbered else next_after

    async def request_page(
        self,
        decode: Callable[[Response], Page],
        *,
        size: int | None,
        after: str | None = None,
        order: str = "desc",
        ids: Sequence[str] = (),
    ) -> Page:
        """
        Return one page, decoded.

        Args:
            decode: Reads the response.
            size: The number of tasks, at most; None for the service's own.
            after: The id of the task before the first one wanted, or the number of the page.
            order: ``"desc"`` from the newest on, ``"asc"`` from the oldest.
            ids: The tasks to which the list is limited; none for all.

        Raises:
            SoraError: There was no list in the response, or no response.
        """
        if self.is_numbered:
            query = [("page_num", after or "1"), ("page_size", str(size or MAX_PAGE_SIZE))]
        else:
            query = [("order", order)]
            if size is not None:
                query.append(("limit", str(size)))
            if after is not None:
                query.append(("after", after))
        if self._ids_field is not None:
            query += [(self._ids_field, one) for one in ids]
        path = self._requests.endpoints.find_path("list_path")
        return await self._requests.call("GET", path, decode, query=query, headers=self._headers)
