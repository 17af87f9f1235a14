"""What the fake must know of a kind of server to be one: a page of data, without its values."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import attrs

from ..answers.http_message import Message, tell_error
from ..server.routes import Routes
from .task_state import TaskFacts, TaskState

RenderTask = Callable[[TaskState, TaskFacts, str | None], dict[str, Any]]
"""A snapshot, what is known of its task, and the URL of the video into the object of a reply."""


class RenderError(Protocol):
    """Make an error; where a server has no place for *param* or *code*, they are dropped."""

    def __call__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> Message: ...


@attrs.frozen(kw_only=True, eq=False)
class ServerProfile:
    """
    What one kind of server offers, and how it says it.

    Attributes:
        routes: Its calls.
        bodies: What it takes a create in.
        names: What it calls a field of an order, where that is not OpenAI's name.
        seconds_type: What the length of a video has to be in JSON; None: text or a number.
        make_id: The number of a task into its id.
        spell: Makes the object that shows a task.
        spell_created: The same in the reply to a create; None: as ever.
        created_status: The status of that reply.
        tells_failure_as_error: Whether a failed task is an HTTP error, with the task as its body.
        tell: Makes its errors.
        wrong_key: What it answers without the right key.
        unknown_task: What it says of an id that it does not know; ``{}`` is the id.
        tell_away: Makes the errors for calls that it does not have; None: *tell* does. What
            stands before a server's own code, such as FastAPI's router, may speak another way.
        no_route: What is said of a path that it does not have; ``{method}`` and ``{path}`` are
            those of the request.
        no_method: The same of a path of its own, asked with another method, which is a 405; None:
            it is a 404 as any other.
        early: Status and text for who asks for the file of a task that is not done.
        lost: The same where the task has failed; None: as *early*.
        elsewhere: The same where the task has a URL, for a server that has no file then.
        page_size: How many tasks a list has where no limit is given; None: all of them.
        has_cursors: Whether a list tells of its first and last id, and whether there is more.
        shows_deleted: Whether a delete is answered by the task, and not by ``video.deleted``.
    """

    routes: Routes
    bodies: frozenset[Literal["form", "json"]] = frozenset({"form", "json"})
    names: Mapping[str, str] = attrs.field(factory=dict)
    seconds_type: type[str] | type[int] | None = None
    make_id: Callable[[int], str]
    spell: RenderTask
    spell_created: RenderTask | None = None
    created_status: int = 200
    tells_failure_as_error: bool = False
    tell: RenderError = tell_error
    wrong_key: Message
    unknown_task: str = "Video not found"
    tell_away: RenderError | None = None
    no_route: str = "Invalid URL ({method} {path})"
    no_method: str | None = "Not allowed to {method} on {path}."
    early: tuple[int, str]
    lost: tuple[int, str] | None = None
    elsewhere: tuple[int, str] | None = None
    page_size: int | None = 20
    has_cursors: bool = True
    shows_deleted: bool = False

    def tell_failed_status(self, code: str | None) -> int:
        """Return the status of a poll's answer about a task that failed with *code*."""
        if not self.tells_failure_as_error:
            return 200
        return int(code) if code in ("400", "500") else 500

    def refuse_file(self, snapshot: TaskState) -> Message | None:
        """Return what is said instead of sending a file; None: it is sent."""
        refusal = self.early
        if snapshot.phase == "failed":
            refusal = self.lost or self.early
        if snapshot.phase == "succeeded":
            if self.elsewhere is None or snapshot.url is None:
                return None
            refusal = self.elsewhere
        return self.tell(*refusal, code="video_not_ready")

    def turn_away(self, method: str, path: str) -> Message:
        """Return the answer to a request for something that this server does not have."""
        tell = self.tell_away or self.tell
        methods = self.routes.methods(path)
        if self.no_method is None or not methods:
            return tell(404, self.no_route.format(method=method, path=path))
        text = self.no_method.format(method=method, path=path)
        refusal = tell(405, text, code="method_not_supported")
        return refusal.with_headers({"Allow": ", ".join(methods)})
