"""The calls of a server as data, and the match of a request with one of them."""

import functools
import re
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import parse_qs, quote, unquote

import attrs

Endpoint = Literal[
    "poll",
    "create",
    "content",
    "list",
    "delete",
    "cancel",
    "remix",
    "edit",
    "extend",
    "character",
    "other",
]
"""
Which call a request is: "character" both creates and gets one, and "other" is whatever the server
does not offer.
"""


@attrs.frozen
class Route:
    """
    One call.

    Attributes:
        method: Such as "GET".
        target: Its path, and its query if the id is there; ``{id}`` stands for the id.
        path: The path as a pattern.
        id_field: The field of the query that holds the id; "" where none does.
        endpoint: Which call it is.
    """

    method: str
    target: str
    path: re.Pattern[str]
    id_field: str
    endpoint: Endpoint


@attrs.frozen(eq=False)
class Routes:
    """The calls of one server. Of two that match a request, the first one is taken."""

    routes: tuple[Route, ...]

    def find(self, method: str, path: str, query: str) -> "Found":
        """
        Return *path*, the endpoint, and the decoded id, None without one.

        The path is the same object for equal requests, of which a long test keeps a million.

        Args:
            method: Such as "GET".
            path: The path as it was sent: it is split before an id in it is decoded.
            query: What followed the question mark.
        """
        return _find(self, method, path, query if self._has_id_fields else "")

    def methods(self, path: str) -> list[str]:
        """Return the methods of *path*; none where there is no such path."""
        return sorted({route.method for route in self.routes if route.path.fullmatch(path)})

    def poll_target(self, task_id: str) -> str:
        """Return the path and query at which the task is polled."""
        return self.target("poll").replace("{id}", quote(task_id, safe=":="))

    def target(self, endpoint: Endpoint) -> str:
        """Return the path, and the query if the id is there, of a call."""
        return next(route.target for route in self.routes if route.endpoint == endpoint)

    @functools.cached_property
    def _has_id_fields(self) -> bool:
        return any(route.id_field for route in self.routes)


NO_ROUTES: Final = Routes(())


def make_routes(calls: Mapping[str, Endpoint]) -> Routes:
    """
    Return the routes of *calls*, such as ``{"GET /v1/videos/{id}": "poll"}``.

    The id may be in the query, too: ``GET /v1/video/query?id={id}``.
    """
    return Routes(tuple(_make_route(call, endpoint) for call, endpoint in calls.items()))


def _make_route(call: str, endpoint: Endpoint) -> Route:
    method, _, target = call.partition(" ")
    path, _, query = target.partition("?")
    pattern = re.escape(path).replace(r"\{id\}", "([^/]+)")
    return Route(method, target, re.compile(pattern), query.removesuffix("={id}"), endpoint)


Found = tuple[str, Endpoint, str | None]


@functools.lru_cache(maxsize=4096)
def _find(routes: Routes, method: str, path: str, query: str) -> Found:
    for route in routes.routes:
        found = route.path.fullmatch(path) if route.method == method else None
        if found is None:
            continue
        if route.id_field:
            ids = parse_qs(query, keep_blank_values=True).get(route.id_field, [""])
            return path, route.endpoint, ids[0]
        return path, route.endpoint, unquote(found[1]) if found.groups() else None
    return path, "other", None
