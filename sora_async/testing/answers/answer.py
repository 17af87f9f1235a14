"""The response to one request: an :class:`Answer`, and the functions that make whole ones."""

import asyncio
import functools
import inspect
import json
import reprlib
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final, ParamSpec, Protocol

import attrs
from aiohttp import web

from ..profiles.http_message import JSON_TYPE, Body, Message, make_message, status_error
from ..profiles.render import render_message, render_unknown_task
from ..profiles.task_state import ON_CDN, Shape, TaskFacts, TaskState

Delivery = Callable[[web.BaseRequest, Message], Awaitable[web.StreamResponse]]

_P = ParamSpec("_P")

_FACTORIES: Final[dict[str, Callable[..., "Answer"]]] = {}
ANSWER_FACTORIES: Final[Mapping[str, Callable[..., "Answer"]]] = _FACTORIES
"""All functions that make answers, by name."""


class ScenarioRun(Protocol):
    """What decides how a task is answered: a scenario by the clock, or a script by polls."""

    @property
    def duration(self) -> float | None:
        """The age at which the task ends; None where only an answer can tell."""

    def answer(self, age: float, poll: int) -> "Answer":
        """Return the answer to poll number *poll*, from 1, at *age*, in seconds."""

    def state_at(self, age: float, polls: int) -> TaskState | None:
        """Return the state at *age*, after so many polls; None: the id is not known yet."""

    def is_url_late(self, age: float, polls: int) -> bool:
        """Return whether the task has succeeded and its URL is still to come."""


async def deliver_whole(_request: web.BaseRequest, message: Message) -> web.StreamResponse:
    """Send the whole message, as a sound server does."""
    return web.Response(status=message.status, headers=message.headers, body=message.body)


async def start_response(
    request: web.BaseRequest, message: Message, *, size: int | None
) -> web.StreamResponse:
    """Send status and headers, with *size* as the length of the body; None means chunked."""
    response = web.StreamResponse(status=message.status, headers=message.headers)
    response.content_length = size
    await response.prepare(request)
    return response


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Answer:
    """
    The response to one request: its content, its delay, and how it is sent.

    It is a value, made only by the functions of this package, and may be used any number of times
    and for any task. Its ``repr`` is the call that made it.
    """

    # To users there is nothing to call, and no field to know.
    __signature__: ClassVar = inspect.Signature()

    message: Callable[[TaskFacts], Message]
    deliver: Delivery = deliver_whole
    delay: float = 0.0
    state: TaskState | None = None  # The state of the task that it shows.
    is_accepted: bool = False  # As the answer to a create, it is sent after the task was made.
    scenario: ScenarioRun | None = None  # Of a task made by a create; None: the fake's default.
    label: str = "Answer(...)"

    def __repr__(self) -> str:
        return self.label


async def send(
    answer: Answer, request: web.BaseRequest, facts: TaskFacts, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Answer *request*, with *headers* unless the message has its own of the same name."""
    if answer.delay:
        await asyncio.sleep(answer.delay)
    message = answer.message(facts)
    complete = attrs.evolve(message, headers=headers).with_headers(message.headers)
    return await answer.deliver(request, complete)


def answer_factory(make: Callable[_P, Answer]) -> Callable[_P, Answer]:
    """Register *make* by its name, and give its answers the call that made them as ``repr``."""

    @functools.wraps(make)
    def make_labelled(*args: _P.args, **kwargs: _P.kwargs) -> Answer:
        given = [_REPR.repr(value) for value in args]
        given += [f"{name}={_REPR.repr(value)}" for name, value in kwargs.items()]
        return attrs.evolve(make(*args, **kwargs), label=f"{make.__name__}({', '.join(given)})")

    _FACTORIES[make.__name__] = make_labelled
    return make_labelled


def fixed_answer(message: Message) -> Answer:
    """Return the answer that is *message*, whatever the task."""
    return Answer(message=lambda _facts: message)


def state_answer(state: TaskState) -> Answer:
    """Return the answer that shows *state*."""
    return Answer(message=lambda facts: render_message(state, facts), state=state, is_accepted=True)


@answer_factory
def queued(*, shape: Shape | None = None, **fields: Any) -> Answer:
    """
    Answer that the task has not started.

    Args:
        shape: The kind of server that spells it; None means the fake's own.
        fields: Raw fields to add to the response or to override in it; objects are merged key by
            key, and the value ``ABSENT`` removes a field.
    """
    return state_answer(TaskState(phase="queued", shape=shape, fields=fields))


@answer_factory
def running(progress: float | None = None, *, shape: Shape | None = None, **fields: Any) -> Answer:
    """
    Answer that the task is running.

    Args:
        progress: The part done, from 0.0 to 1.0; None means that the server sends none.
        shape: The kind of server that spells it; None means the fake's own.
        fields: As in :func:`queued`.
    """
    state = TaskState(phase="running", progress=progress, shape=shape, fields=fields)
    return state_answer(state)


@answer_factory
def completed(url: str | None = ON_CDN, *, shape: Shape | None = None, **fields: Any) -> Answer:
    """
    Answer that the video is finished.

    Args:
        url: The URL of the video; by default its file on the fake's CDN. None is "not yet": the
            field is null. The shape "openai" has no such field, whatever is given.
        shape: The kind of server that spells it; None means the fake's own.
        fields: As in :func:`queued`.
    """
    state = TaskState(phase="succeeded", progress=1.0, url=url, shape=shape, fields=fields)
    return state_answer(state)


@answer_factory
def failed(
    code: str | None = "internal_error",
    message: str | None = "The video could not be made.",
    *,
    shape: Shape | None = None,
    **fields: Any,
) -> Answer:
    """
    Answer that the task has failed.

    Args:
        code: The server's code for the reason; None means that it sends none.
        message: The server's message; None means that it sends none.
        shape: The kind of server that spells it; None means the fake's own.
        fields: As in :func:`queued`.
    """
    state = TaskState(phase="failed", code=code, message=message, shape=shape, fields=fields)
    return state_answer(state)


@answer_factory
def unknown_task() -> Answer:
    """Answer that the id is unknown; the fake's *unknown_status* says with which status."""
    return Answer(message=render_unknown_task)


@answer_factory
def http_error(
    status: int, body: Body | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """
    Answer with an HTTP status.

    Args:
        status: The status, 200 too.
        body: Bytes, text, or anything else as JSON; None means OpenAI's error object.
        headers: Headers to add or override, such as ``{"Retry-After": "20"}``.
    """
    message = status_error(status) if body is None else make_message(body, status=status)
    return fixed_answer(message.with_headers(headers or {}))


@answer_factory
def html(status: int = 200) -> Answer:
    """Answer with a web page, as behind a wrong base URL (200) or from a gateway (502)."""
    page = make_message(_PAGE, status=status, content_type="text/html; charset=UTF-8")
    return fixed_answer(page)


@answer_factory
def raw(body: Body, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """
    Answer with any body labelled as JSON, valid or not: ``raw(b'{"progress": NaN}')``.

    Once a poll has shown a task whose ``status`` is ``completed``, ``/content`` serves its file.

    Args:
        body: Bytes, text, or anything else as JSON.
        status: The status.
        headers: Headers to add or override.
    """
    message = make_message(body, status=status, content_type=JSON_TYPE)
    answer = fixed_answer(message.with_headers(headers or {}))
    has_file = isinstance(body, Mapping) and body.get("status") == "completed"
    return attrs.evolve(answer, state=completed().state) if has_file else answer


@answer_factory
def redirect(location: str, status: int = 307) -> Answer:
    """
    Answer with a redirect.

    Args:
        location: A path on the same origin, or a URL; one on the fake's *cdn_url* is on another
            origin, whose *cdn_requests* show what a client sent there.
        status: 301, 302, 303, 307 or 308.
    """
    return fixed_answer(make_message(b"", status=status).with_headers({"Location": location}))


@answer_factory
def gzipped(answer: Answer) -> Answer:
    """Answer as *answer* does, compressed with gzip whether the client accepts it or not."""
    return attrs.evolve(answer, message=lambda facts: answer.message(facts).compressed())


@answer_factory
def slow(seconds: float, answer: Answer) -> Answer:
    """Answer as *answer* does, after a delay of *seconds*."""
    return attrs.evolve(answer, delay=answer.delay + seconds)


@answer_factory
def with_headers(
    headers: Mapping[str, str], answer: Answer | None = None, *, status: int | None = None
) -> Answer:
    """
    Answer as *answer* does, with other headers or another status.

    ``with_headers({"Retry-After": "20"}, running(0.3), status=202)`` is a good response that says
    when to poll next.

    Args:
        headers: Headers to add or override.
        answer: What is answered; None means :func:`running`.
        status: The status; None means that of *answer*.
    """
    inner = answer or running()

    def make(facts: TaskFacts) -> Message:
        message = inner.message(facts).with_headers(headers)
        return message if status is None else attrs.evolve(message, status=status)

    return attrs.evolve(inner, message=make)


@answer_factory
def not_modified(headers: Mapping[str, str] | None = None) -> Answer:
    """
    Answer 304 without a body: nothing has changed since the last poll.

    Args:
        headers: Headers to add, such as ``{"Retry-After": "20"}``.
    """
    message = Message(304, dict(headers or {}), b"")
    return fixed_answer(message)


@answer_factory
def encoded(charset: str, answer: Answer | None = None) -> Answer:
    """
    Answer as *answer* does, with the body in another charset, which Content-Type names.

    Args:
        charset: Such as "gbk", or "utf-8-sig" for UTF-8 with a byte order mark.
        answer: What is answered; None means :func:`running`.
    """
    inner = answer or running()

    def make(facts: TaskFacts) -> Message:
        message = inner.message(facts)
        # Escaped, JSON is ASCII in every charset.
        text = json.dumps(json.loads(message.body), ensure_ascii=False)
        named = {"Content-Type": f"{JSON_TYPE}; charset={charset}"}
        return attrs.evolve(message, body=text.encode(charset)).with_headers(named)

    return attrs.evolve(inner, message=make)


@answer_factory
def gzip_bomb(size: int) -> Answer:
    """
    Answer with a gzip body of about a thousandth of its decompressed size.

    Decompressed it is valid JSON: white space, and an empty object at the end. It is made while
    it is sent, a mebibyte at a time, so the fake itself never holds it.

    Args:
        size: The decompressed size in bytes, 2 at least.
    """

    async def deliver(request: web.BaseRequest, message: Message) -> web.StreamResponse:
        zipped = message.with_headers({"Content-Encoding": "gzip"})
        response = await start_response(request, zipped, size=None)
        packer = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
        for start in range(0, size - len(_EMPTY_OBJECT), _BLOCK):
            blank = b" " * min(_BLOCK, size - len(_EMPTY_OBJECT) - start)
            await response.write(packer.compress(blank) + packer.flush(zlib.Z_SYNC_FLUSH))
            # So little is written that write() alone would never let other tasks run.
            await asyncio.sleep(0)
        await response.write(packer.compress(_EMPTY_OBJECT) + packer.flush())
        return response

    return attrs.evolve(fixed_answer(make_message(b"")), deliver=deliver)


_REPR: Final = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60
_PAGE: Final = (
    '<!doctype html><html lang="zh"><head><meta charset="utf-8"/><title>New API</title></head>'
    "<body><noscript>You need to enable JavaScript to run this app.</noscript>"
    '<div id="root"></div></body></html>'
)
_EMPTY_OBJECT: Final = b"{}"
_BLOCK: Final = 1 << 20
