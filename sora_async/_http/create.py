"""Orders under way: each is sent at most once, in a task that outlives whoever waits for it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import attrs
import backoff

from .._wire.response import Response
from ..errors import (
    ClientClosedError,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    InvalidResponseError,
    ResponseError,
    ServiceUnavailableError,
    SoraError,
)
from ..models.repr import brief
from ..schedule.backoff import FAULT_INTERVALS
from .request_body import CreatePayload, TrackedBody

logger = logging.getLogger("sora_async")

_CLOSED = "the client was closed before the answer came"

CLOSE_TIMEOUT = 5.0
"""Seconds that a client which is closed waits for the answers to orders that have left."""

_NOT_BEGUN = frozenset({409, 425})
"""Statuses of trouble that may pass, with which a service says that it has not begun."""

_SEE_OTHER = frozenset({302, 303})
"""Redirects that may be how a server shows what it has made."""

Made = TypeVar("Made")


class CreateSender(Protocol):
    """What is needed of the home to send."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing may be sent any more."""

    async def post(self, path: str, body: TrackedBody, decode: Callable[[Response], Made]) -> Made:
        """Send a body, in a slot of the budget, and return what its reply holds."""


@attrs.frozen(kw_only=True)
class CreateRequest(Generic[Made]):
    """
    What is to be sent, and what to make of the answer.

    Attributes:
        path: Where to, encoded.
        url: The same for the eye.
        payload: What.
        decode: Reads the reply, or raises the error that it is.
        tell: Describes what was made, for the log.
        is_listed: Whether the service has a list to look in.
        max_retries: How often a connection is tried again.
    """

    __repr__ = brief

    path: str
    url: str
    payload: CreatePayload
    decode: Callable[[Response], Made]
    tell: Callable[[Made], str]
    is_listed: bool
    max_retries: int


class PendingCreate(Generic[Made]):
    """
    One order under way.

    Attributes:
        task: In which it is sent.
    """

    def __init__(self, ways: CreateSender, request: CreateRequest[Made]) -> None:
        self._ways = ways
        self._request = request
        self._body: TrackedBody | None = None
        self._is_left = self._is_stopped = False
        sending, name = self._send(), f"order {request.path}"
        self.task = asyncio.get_running_loop().create_task(sending, name=name)
        self.task.add_done_callback(self._end)

    @property
    def may_have_been_sent(self) -> bool:
        """Whether it may have reached the service."""
        return self._body is not None and self._body.has_begun

    async def result(self) -> Made:
        """
        Return what was made.

        Who is cancelled here breaks nothing off once the order may have left: it goes on,
        and the log says what came of it.
        """
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if not self.task.cancelled():
                self.leave()
                raise
        raise self.lost()  # by a stranger, and who waits was not cancelled

    @property
    def is_stopped(self) -> bool:
        """Whether it was given up before any of it had left."""
        return self._is_stopped

    def lost(self) -> SoraError:
        """Return the error of an order whose asyncio task a stranger has cancelled."""
        if not self.may_have_been_sent:
            return ClientClosedError("")
        return self._judge(ConnectionFailedError(self._request.url, "it was broken off"))

    def leave(self) -> None:
        """Wait for it no more; an order that has not left is not sent any more."""
        self._is_left = True
        if self._body is None or self._body.stop():
            self._is_stopped = True
            self.task.cancel()

    def resume(self) -> bool:
        """Wait for it again; return whether that is possible."""
        self._is_left = self._is_stopped
        return not self._is_stopped

    async def _send(self) -> Made:
        try:
            return await self._send_once(self._request)
        except SoraError as fault:
            failure = self._judge(fault)
        except asyncio.CancelledError:
            if not self._ways.is_closed:
                raise
            failure = self._judge(ConnectionFailedError(self._request.url, _CLOSED))
            failure = failure if self.may_have_been_sent else ClientClosedError("")
        except Exception as bug:
            if not self.may_have_been_sent:
                raise
            failure = self._unclear(f"an unexpected {type(bug).__name__}", bug)
        finally:
            if self._body is not None:
                await self._body.close()
        try:
            raise failure
        finally:
            del failure  # which holds this frame now

    async def _send_once(self, request: CreateRequest[Made]) -> Made:
        """Send the order; again only while there is no connection, and nothing can have left."""
        self._body = body = await request.payload.make_body()
        for ceiling in FAULT_INTERVALS[: request.max_retries]:
            try:
                return await self._ways.post(request.path, body, request.decode)
            except ConnectionFailedError:
                if body.has_begun:
                    raise
            await asyncio.sleep(backoff.full_jitter(ceiling))
        return await self._ways.post(request.path, body, request.decode)

    def _judge(self, fault: SoraError) -> SoraError:
        """Return the error of the order: what the service said, or that nobody knows."""
        body = self._body
        if body is None or not body.has_begun or is_definitive(fault):
            return fault
        return self._unclear(str(fault), fault)

    def _unclear(self, reason: str, cause: Exception) -> CreateOutcomeUnknownError:
        status = getattr(cause, "status", None)
        is_whole = status is not None or (self._body is not None and self._body.is_whole)
        unclear = CreateOutcomeUnknownError(
            self._request.url,
            reason,
            status,
            getattr(cause, "request_id", None),
            is_whole,
            self._request.is_listed,
        )
        unclear.__cause__ = cause
        return unclear

    def _end(self, task: asyncio.Task[Made]) -> None:
        if task.cancelled():
            if self.may_have_been_sent:
                logger.error("an order was broken off after it had left: it may be charged")
            return
        error = task.exception()  # asked for, so that asyncio does not complain of it
        if self._is_stopped or not self._is_left:
            return
        if error is None:
            made = self._request.tell(task.result())
            logger.warning("an order that nobody waits for any more has made %s", made)
        else:
            logger.warning("an order that nobody waits for any more: %s", error)


def is_definitive(fault: SoraError) -> bool:
    """
    Return whether an answer to an order means that nothing was made.

    A refusal does: most of 4xx, and errors that name a reason for which nothing
    is ever begun, such as no money or no such model, whatever their status.
    """
    if isinstance(fault, ConnectionFailedError):
        return False
    if isinstance(fault, ServiceUnavailableError):
        return fault.status in _NOT_BEGUN
    if isinstance(fault, InvalidResponseError):
        return 300 <= fault.status < 500 and fault.status not in _SEE_OTHER
    return not isinstance(fault, ResponseError) or fault.status not in _SEE_OTHER


class PendingCreates:
    """
    All orders of a client on the running loop.

    Args:
        ways: Sends them.
    """

    def __init__(self, ways: CreateSender) -> None:
        self._ways = ways
        self._all: set[PendingCreate[Any]] = set()

    def begin(self, request: CreateRequest[Made]) -> PendingCreate[Made]:
        """Begin to send an order, and hold it until it has been answered."""
        pending = PendingCreate(self._ways, request)
        self._all.add(pending)
        pending.task.add_done_callback(lambda _: self._all.discard(pending))
        return pending

    async def close(self) -> None:
        """Wait a little for the answers to orders that have left: they are being charged."""
        tasks = {pending.task: pending.may_have_been_sent for pending in self._all}
        for task, may_have_been_sent in tasks.items():
            if not may_have_been_sent:
                task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
