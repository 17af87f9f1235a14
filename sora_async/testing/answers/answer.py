"""What one request is answered: an :class:`Answer`, and those that show a task's state."""

import asyncio
import functools
import inspect
import reprlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, ParamSpec

import attrs
from aiohttp import web

from ..servers.shapes import tell
from ..servers.task_state import ON_CDN, Shape, TaskFacts, TaskState
from .http_message import Message

if TYPE_CHECKING:
    from ..scenario import Scenario

Delivery = Callable[[web.BaseRequest, Message], Awaitable[web.StreamResponse]]

_P = ParamSpec("_P")

_MADE: Final[dict[str, Callable[..., "Answer"]]] = {}
ANSWERS: Final[Mapping[str, Callable[..., "Answer"]]] = _MADE
"""All functions that make answers, by their names."""


async def deliver_whole(_request: web.BaseRequest, message: Message) -> web.StreamResponse:
    """Answer as a sound server does."""
    return web.Response(status=message.status, headers=message.headers, body=message.body)


async def begin(
    request: web.BaseRequest, message: Message, *, size: int | None
) -> web.StreamResponse:
    """Send status and headers, with *size* as the length of the body; None means chunks."""
    response = web.StreamResponse(status=message.status, headers=message.headers)
    response.content_length = size
    await response.prepare(request)
    return response


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Answer:
    """
    What one request is answered: what is said, how late, and how it gets onto the wire.

    It is a value, made by the functions of this package alone, and may be used any number of
    times and for any task. Its ``repr`` is the call that made it.
    """

    # To users there is nothing to call, and no field to know.
    __signature__: ClassVar = inspect.Signature()

    message: Callable[[TaskFacts], Message]
    deliver: Delivery = deliver_whole
    delay: float = 0.0
    snapshot: TaskState | None = None  # The state of the task that it shows.
    is_accepted: bool = False  # As the answer to a create, it comes after the task was made.
    scenario: "Scenario | None" = None  # What such a task goes through; None: the fake's default.
    label: str = "Answer(...)"

    def __repr__(self) -> str:
        return self.label


async def send(
    answer: Answer, request: web.BaseRequest, facts: TaskFacts, date: str
) -> web.StreamResponse:
    """Answer *request*; *date* is the header of that name, unless the message has its own."""
    if answer.delay:
        await asyncio.sleep(answer.delay)
    message = answer.message(facts)
    dated = attrs.evolve(message, headers={"Date": date}).with_headers(message.headers)
    return await answer.deliver(request, dated)


def named(make: Callable[_P, Answer]) -> Callable[_P, Answer]:
    """Know *make* by its name, and make all its answers say, as their ``repr``, what made them."""

    @functools.wraps(make)
    def make_named(*args: _P.args, **kwargs: _P.kwargs) -> Answer:
        given = [_REPR.repr(value) for value in args]
        given += [f"{name}={_REPR.repr(value)}" for name, value in kwargs.items()]
        return attrs.evolve(make(*args, **kwargs), label=f"{make.__name__}({', '.join(given)})")

    _MADE[make.__name__] = make_named
    return make_named


def say(message: Message) -> Answer:
    """Return the answer that says *message* about any task."""
    return Answer(message=lambda _facts: message)


def show(snapshot: TaskState) -> Answer:
    """Return the answer that shows *snapshot*."""
    return Answer(message=lambda facts: tell(snapshot, facts), snapshot=snapshot, is_accepted=True)


@named
def queued(*, shape: Shape | None = None, **fields: Any) -> Answer:
    """
    Answer that the task has not begun.

    Args:
        shape: The spelling; None means the fake's own.
        fields: Raw fields to add to the reply or to override in it; objects are merged key by
            key, and the value ``ABSENT`` takes a field out. The same for the other snapshots.
    """
    return show(TaskState(phase="queued", shape=shape, fields=fields))


@named
def running(progress: float | None = None, *, shape: Shape | None = None, **fields: Any) -> Answer:
    """
    Answer that the task is being worked on.

    Args:
        progress: The part done, from 0.0 to 1.0; None means that the server sends none.
        shape: The spelling; None means the fake's own.
        fields: As in :func:`queued`.
    """
    return show(TaskState(phase="running", progress=progress, shape=shape, fields=fields))


@named
def completed(url: str | None = ON_CDN, *, shape: Shape | None = None, **fields: Any) -> Answer:
    """
    Answer that the video is there.

    Args:
        url: Where the video is; by default its file on the fake's CDN. None is "not yet": the
            field is null. The shape "openai" has no such field, whatever is given.
        shape: The spelling; None means the fake's own.
        fields: As in :func:`queued`.
    """
    return show(TaskState(phase="succeeded", progress=1.0, url=url, shape=shape, fields=fields))


@named
def failed(
    code: str | None = "internal_error",
    message: str | None = "The video could not be made.",
    *,
    shape: Shape | None = None,
    **fields: Any,
) -> Answer:
    """
    Answer that there will be no video.

    Args:
        code: The server's word for the reason; None means that it gives none.
        message: The server's sentence; None means that it has none.
        shape: The spelling; None means the fake's own.
        fields: As in :func:`queued`.
    """
    snapshot = TaskState(phase="failed", code=code, message=message, shape=shape, fields=fields)
    return show(snapshot)


_REPR: Final = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60
