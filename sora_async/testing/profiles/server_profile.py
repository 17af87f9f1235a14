"""What the fake must know of a kind of server to imitate it: a record of data and functions."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import attrs

from .http_message import Message, openai_error
from .routes import Routes
from .task_state import TaskFacts, TaskState

RenderTask = Callable[[TaskState, TaskFacts, str | None], dict[str, Any]]
"""Makes a response's object of a state, what is known of its task, and the URL of the video."""


class RenderError(Protocol):
    """Makes an error; a server that has no field for *param* or *code* drops them."""

    def __call__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> Message:
        """Return the error with this status and message."""


@attrs.frozen(kw_only=True, eq=False)
class ServerProfile:
    """
    What one kind of server offers, and how it spells it.

    Attributes:
        routes: Its calls.
        accepted_bodies: The encodings that it accepts for a create.
        wrong_body_status: The status of its response to a create in another encoding.
        seconds_field: Its name of the field with the length of a video.
        read_create: Makes OpenAI's fields of a create's; None: they are fields of the body.
        seconds_type: The type that the length of a video must have in JSON; None: text or a number.
        make_id: Makes the id of the n-th task.
        render_task: Makes the object that shows a task.
        render_created: The same in the response to a create; None: *render_task*.
        created_status: The status of that response.
        failure_is_http_error: Whether a failed task is an HTTP error, with the task as its body.
        render_error: Makes its errors.
        wrong_key: The response to a request without the right key.
        unknown_task: The message about an unknown id; ``{}`` is the id.
        unknown_status: The status of that response, unless the test chooses another one.
        render_routing_error: Makes the errors for calls that do not exist; None: *render_error*.
            A router in front of the server's own code, such as FastAPI's, has its own format.
        no_route: The message about a path that does not exist; ``{method}`` and ``{path}`` are
            those of the request.
        no_method: The message about a path that exists with another method, a 405; None: it is a
            404 like any other.
        not_ready: Status and message of a download before the task is done.
        no_file_after_failure: The same for a task that has failed; None: *not_ready*.
        file_is_at_url: The same for a task that has a URL, on a server that keeps no file then.
        page_size: How many tasks a list has when no limit is given; None: all of them.
        list_style: How a list is asked for and sent: "cursors" has ``after`` and ``last_id``,
            "numbered" has ``page_num`` and ``items``, and "whole" knows no parameters.
        list_header: The header without which a list is refused; None: none is needed.
        list_shows_last_poll: Whether a list shows the state that the newest poll showed.
        make_list_id: Makes the id in a list of a task's id; None: it is the same.
        shows_deleted: Whether the response to a delete is the task, and not ``video.deleted``.
        render_removed: Makes the response to a delete where that cancels a queued task and is
            refused for a running one, of the id and of "cancelled" or "deleted"; None: a delete
            deletes.
        envelope: The key under which a poll has the task; None: it is the body.
        cancel_error: Status, message and code of the response to a cancel of a task that runs or
            has ended; None: a running task can be cancelled, too.
        deduplicates: Whether creates with the same ``Idempotency-Key`` make one task.
    """

    routes: Routes
    accepted_bodies: frozenset[Literal["form", "json"]] = frozenset({"form", "json"})
    wrong_body_status: int = 400
    seconds_field: str = "seconds"
    read_create: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    seconds_type: type[str] | type[int] | None = None
    make_id: Callable[[int], str]
    render_task: RenderTask
    render_created: RenderTask | None = None
    created_status: int = 200
    failure_is_http_error: bool = False
    render_error: RenderError = openai_error
    wrong_key: Message
    unknown_task: str = "Video not found"
    unknown_status: int = 404
    render_routing_error: RenderError | None = None
    no_route: str = "Not Found"
    no_method: str | None = None
    not_ready: tuple[int, str] = (404, "Not Found")
    no_file_after_failure: tuple[int, str] | None = None
    file_is_at_url: tuple[int, str] | None = None
    page_size: int | None = 20
    list_style: Literal["cursors", "numbered", "whole"] = "cursors"
    list_header: str | None = None
    list_shows_last_poll: bool = False
    make_list_id: Callable[[str], str] | None = None
    shows_deleted: bool = False
    render_removed: Callable[[str, str], dict[str, Any]] | None = None
    envelope: str | None = None
    cancel_error: tuple[int, str, str] | None = None
    deduplicates: bool = False

    def failed_status(self, code: str | None) -> int:
        """Return the status of the response to a poll of a task that failed with *code*."""
        if not self.failure_is_http_error:
            return 200
        return int(code) if code in ("400", "500") else 500

    def file_error(self, state: TaskState, *, is_url_late: bool) -> Message | None:
        """
        Return the error that a download gets in this state; None: it gets the file.

        A file whose URL is still to come is not there before it.
        """
        error = self.not_ready
        if state.phase == "failed":
            error = self.no_file_after_failure or self.not_ready
        if state.phase == "succeeded" and not is_url_late:
            if self.file_is_at_url is None or state.url is None:
                return None
            error = self.file_is_at_url
        return self.render_error(*error, code="video_not_ready")

    def no_such_call(self, method: str, path: str) -> Message:
        """Return the 404 or 405 for a call that this server does not have."""
        render = self.render_routing_error or self.render_error
        methods = self.routes.methods(path)
        if self.no_method is None or not methods:
            return render(404, self.no_route.format(method=method, path=path))
        text = self.no_method.format(method=method, path=path)
        error = render(405, text, code="method_not_supported")
        return error.with_headers({"Allow": ", ".join(methods)})
