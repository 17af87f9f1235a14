"""Faults of the network: each function does to the connection what its name says."""

import asyncio
import socket
import struct
from typing import Final, NoReturn

import attrs
from aiohttp import web

from ..profiles.http_message import Message, make_message
from .answer import Answer, answer_factory, fixed_answer, running, start_response


async def wait_for_disconnect() -> NoReturn:
    """Do nothing until aiohttp cancels this handler, as it does once the connection is lost."""
    never_done: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
    await never_done


async def close_connection(request: web.BaseRequest) -> NoReturn:
    """Close the connection normally, after all that was written has been sent."""
    assert request.transport is not None, "a handler is cancelled when its connection is lost"
    request.transport.close()
    await wait_for_disconnect()


async def reset_connection(request: web.BaseRequest) -> NoReturn:
    """Break the connection: the client gets a TCP reset."""
    assert request.transport is not None, "a handler is cancelled when its connection is lost"
    connection: socket.socket = request.transport.get_extra_info("socket")
    # With a linger time of zero, closing sends a reset.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    await wait_for_disconnect()


async def _send_half(request: web.BaseRequest, message: Message) -> web.StreamResponse:
    """Send the headers and the first half of the body."""
    response = await start_response(request, message, size=len(message.body))
    await response.write(message.body[: len(message.body) // 2])
    return response


@answer_factory
def reset() -> Answer:
    """
    Reset the connection (TCP RST) before any byte of the response.

    aiohttp's client repeats a GET whose connection breaks once by itself, on a new connection: it
    takes two of these in a row to make one visible fault.
    """

    async def deliver(request: web.BaseRequest, _message: Message) -> NoReturn:
        await reset_connection(request)

    return attrs.evolve(_EMPTY, deliver=deliver)


@answer_factory
def reset_midway(answer: Answer | None = None) -> Answer:
    """Reset the connection in the middle of the body of *answer* (None: :func:`running`)."""

    async def deliver(request: web.BaseRequest, message: Message) -> NoReturn:
        await _send_half(request, message)
        await reset_connection(request)

    return attrs.evolve(answer or running(), deliver=deliver)


@answer_factory
def truncated(answer: Answer | None = None) -> Answer:
    """Send the Content-Length of *answer* (None: :func:`running`), half of its body, and close."""

    async def deliver(request: web.BaseRequest, message: Message) -> NoReturn:
        await _send_half(request, message)
        await close_connection(request)

    return attrs.evolve(answer or running(), deliver=deliver)


@answer_factory
def drip(seconds: float, answer: Answer | None = None) -> Answer:
    """
    Send the headers at once, and then the body one byte at a time.

    Args:
        seconds: The time before each byte.
        answer: What is answered; None means white space without end.
    """

    async def deliver(request: web.BaseRequest, message: Message) -> web.StreamResponse:
        response = await start_response(
            request, message, size=None if answer is None else len(message.body)
        )
        position = 0
        while answer is None or position < len(message.body):
            await asyncio.sleep(seconds)
            await response.write(message.body[position : position + 1] or b" ")
            position += 1
        return response

    return attrs.evolve(answer or _EMPTY, deliver=deliver)


@answer_factory
def stall(seconds: float | None = None) -> Answer:
    """
    Send nothing at all.

    Args:
        seconds: The time after which the connection is closed; then aiohttp's client repeats a GET
            as after a :func:`reset`; None means to wait until the client disconnects.
    """

    async def deliver(request: web.BaseRequest, _message: Message) -> NoReturn:
        if seconds is None:
            await wait_for_disconnect()
        await asyncio.sleep(seconds)
        await close_connection(request)

    return attrs.evolve(_EMPTY, deliver=deliver)


@answer_factory
def stall_body(seconds: float | None = None, answer: Answer | None = None) -> Answer:
    """
    Send half of the body, and then pause.

    Args:
        seconds: The time after which the other half comes; None means that it never does.
        answer: What is answered; None means :func:`running`.
    """

    async def deliver(request: web.BaseRequest, message: Message) -> web.StreamResponse:
        response = await _send_half(request, message)
        if seconds is None:
            await wait_for_disconnect()
        await asyncio.sleep(seconds)
        await response.write(message.body[len(message.body) // 2 :])
        return response

    return attrs.evolve(answer or running(), deliver=deliver)


@answer_factory
def close_after(answer: Answer | None = None) -> Answer:
    """
    Answer in full, then close the connection, which the response had allowed to keep.

    Args:
        answer: What is answered; None means :func:`running`.
    """

    async def deliver(request: web.BaseRequest, message: Message) -> NoReturn:
        response = await start_response(request, message, size=len(message.body))
        await response.write(message.body)
        await close_connection(request)

    return attrs.evolve(answer or running(), deliver=deliver)


@answer_factory
def garbage_status_line() -> Answer:
    """Send a first line that is not an HTTP status line, and close."""

    async def deliver(request: web.BaseRequest, _message: Message) -> NoReturn:
        assert request.transport is not None, "a handler is cancelled when its connection is lost"
        request.transport.write(b"!GARBAGE! no status here\r\n\r\n")
        await close_connection(request)

    return attrs.evolve(_EMPTY, deliver=deliver)


_EMPTY: Final = fixed_answer(make_message(b""))
