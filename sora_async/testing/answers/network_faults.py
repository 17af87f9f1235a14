"""The answers that go wrong on the wire: each does to the connection what its name says."""

import asyncio
import socket
import struct
from typing import Final, NoReturn

import attrs
from aiohttp import web

from .answer import Answer, begin, named, running, say
from .http_message import Message, make_message


async def wait_for_the_end() -> NoReturn:
    """Do nothing until aiohttp cancels this handler, as it does once the connection is lost."""
    nobody_sets_it: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
    await nobody_sets_it


async def hang_up(request: web.BaseRequest) -> NoReturn:
    """Close the connection in good order, once all that was written has left."""
    assert request.transport is not None, "a handler is cancelled when its connection is lost"
    request.transport.close()
    await wait_for_the_end()


async def reset_connection(request: web.BaseRequest) -> NoReturn:
    """Break the connection: the client gets a TCP reset."""
    assert request.transport is not None, "a handler is cancelled when its connection is lost"
    connection: socket.socket = request.transport.get_extra_info("socket")
    # A lingering time of zero is what turns the end of a connection into a reset.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    await wait_for_the_end()


async def _send_half(request: web.BaseRequest, message: Message) -> web.StreamResponse:
    """Send the headers and the first half of the body."""
    response = await begin(request, message, size=len(message.body))
    await response.write(message.body[: len(message.body) // 2])
    return response


@named
def reset() -> Answer:
    """
    Break the connection before any byte of the reply (a TCP reset).

    aiohttp's client sends a GET whose connection breaks once more by itself, on a new connection,
    before anyone hears of it: it takes two of these in a row to make one visible fault.
    """

    async def deliver(request: web.BaseRequest, _message: Message) -> NoReturn:
        await reset_connection(request)

    return attrs.evolve(_NOTHING, deliver=deliver)


@named
def reset_midway(answer: Answer | None = None) -> Answer:
    """Break the connection in the middle of the body of *answer* (None: :func:`running`)."""

    async def deliver(request: web.BaseRequest, message: Message) -> NoReturn:
        await _send_half(request, message)
        await reset_connection(request)

    return attrs.evolve(answer or running(), deliver=deliver)


@named
def truncated(answer: Answer | None = None) -> Answer:
    """Announce the whole body of *answer* (None: :func:`running`), send half of it, and close."""

    async def deliver(request: web.BaseRequest, message: Message) -> NoReturn:
        await _send_half(request, message)
        await hang_up(request)

    return attrs.evolve(answer or running(), deliver=deliver)


@named
def drip(seconds: float, answer: Answer | None = None) -> Answer:
    """
    Send the headers at once, and then the body byte by byte.

    Args:
        seconds: The time before each byte.
        answer: What is said, until the body is out; None means white space without end.
    """

    async def deliver(request: web.BaseRequest, message: Message) -> web.StreamResponse:
        response = await begin(request, message, size=None if answer is None else len(message.body))
        position = 0
        while answer is None or position < len(message.body):
            await asyncio.sleep(seconds)
            await response.write(message.body[position : position + 1] or b" ")
            position += 1
        return response

    return attrs.evolve(answer or _NOTHING, deliver=deliver)


@named
def stall(seconds: float | None = None) -> Answer:
    """
    Answer nothing at all.

    Args:
        seconds: The time after which the connection is closed, whereupon aiohttp's client asks
            again as after a :func:`reset`; None means to wait until the client goes away.
    """

    async def deliver(request: web.BaseRequest, _message: Message) -> NoReturn:
        if seconds is None:
            await wait_for_the_end()
        await asyncio.sleep(seconds)
        await hang_up(request)

    return attrs.evolve(_NOTHING, deliver=deliver)


@named
def stall_body(seconds: float | None = None, answer: Answer | None = None) -> Answer:
    """
    Send half of the body, and then nothing.

    Args:
        seconds: The time after which the other half comes; None means that it never does.
        answer: What is said; None means :func:`running`.
    """

    async def deliver(request: web.BaseRequest, message: Message) -> web.StreamResponse:
        response = await _send_half(request, message)
        if seconds is None:
            await wait_for_the_end()
        await asyncio.sleep(seconds)
        await response.write(message.body[len(message.body) // 2 :])
        return response

    return attrs.evolve(answer or running(), deliver=deliver)


@named
def close_after(answer: Answer | None = None) -> Answer:
    """
    Answer in full, then close the connection that the reply let the client keep.

    Args:
        answer: What is said; None means :func:`running`.
    """

    async def deliver(request: web.BaseRequest, message: Message) -> NoReturn:
        response = await begin(request, message, size=len(message.body))
        await response.write(message.body)
        await hang_up(request)

    return attrs.evolve(answer or running(), deliver=deliver)


@named
def garbage_status_line() -> Answer:
    """Send a first line that is no HTTP status line, and close."""

    async def deliver(request: web.BaseRequest, _message: Message) -> NoReturn:
        assert request.transport is not None, "a handler is cancelled when its connection is lost"
        request.transport.write(b"!GARBAGE! no status here\r\n\r\n")
        await hang_up(request)

    return attrs.evolve(_NOTHING, deliver=deliver)


_NOTHING: Final = say(make_message(b""))
