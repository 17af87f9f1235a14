"""The URL of each call: the dialect's paths on the service, and tasks that are polled elsewhere."""

from collections.abc import Mapping
from typing import Any

from yarl import URL

from .._wire.dialects import Dialect
from .._wire.urls import fill_in, find_poll_address
from ..errors import UnsupportedOperationError

MAX_ADDRESSES = 10_000
"""Tasks for which a polling URL of their own is kept; the oldest is dropped."""


class Endpoints:
    """
    The addresses of one service.

    Args:
        base_url: The service's address, with what begins the path of every call.
        dialect: What calls it offers, and their paths.

    Attributes:
        dialect: What calls the service offers.
        base: The service's address.
        root: What begins the path of every call.
        content: Where the service itself serves files, with ``{id}``; None where it does not.
        poll_template: Where tasks are polled, with ``{id}``.
    """

    def __init__(self, base_url: str, dialect: Dialect) -> None:
        self.dialect = dialect
        self._base_url = base_url
        self.base = URL(base_url, encoded=True)
        self.root = self.base.raw_path.rstrip("/")
        self.content = dialect.content_path and base_url + dialect.content_path
        self.poll_template = base_url + dialect.poll_path
        self._poll = self.root + dialect.poll_path
        self._elsewhere: dict[str, str] = {}

    def locate(self, path: str) -> URL:
        """Return the address of an encoded path, which may have a query."""
        path, is_asking, query = path.partition("?")
        url = self.base.with_path(path, encoded=True)
        if not is_asking:
            return url
        return URL.build(
            scheme=url.scheme,
            authority=url.raw_authority,
            path=path,
            query_string=query,
            encoded=True,
        )

    def find_path(self, name: str) -> str:
        """
        Return a path of the dialect.

        Raises:
            UnsupportedOperationError: It has none.
        """
        path: str | None = getattr(self.dialect, name)
        if path is None:
            call = name.removesuffix("_path").replace("_", " ")
            message = f"the dialect {self.dialect.name!r} does not offer the call {call!r}"
            raise UnsupportedOperationError(self._base_url, 0, None, message)
        return path

    def locate_poll(self, task_id: str) -> URL:
        """Return where a task is polled."""
        # Made anew each time: a URL that is kept takes six times the memory of its text.
        return self.locate(self._elsewhere.get(task_id) or fill_in(self._poll, task_id))

    def locate_content(self, task_id: str) -> URL:
        """Return where the service serves the file of a task; it has such an address."""
        assert self.content is not None
        return URL(fill_in(self.content, task_id), encoded=True)

    def learn(self, task_id: str, body: Mapping[str, Any], *, url: str) -> None:
        """
        Keep where a new task is polled, if the service says so, and it is not where its id says.

        Args:
            task_id: The task.
            body: The answer to its create.
            url: Where that came from.
        """
        named = self.dialect.polling_url and body.get(self.dialect.polling_url)
        address = find_poll_address(url, named)
        if address is None or address == fill_in(self._poll, task_id):
            return
        if len(self._elsewhere) >= MAX_ADDRESSES:
            del self._elsewhere[next(iter(self._elsewhere))]
        self._elsewhere[task_id] = address
