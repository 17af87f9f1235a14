"""Creates under way: each is sent at most once, in a task that outlives its callers."""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs

from .._wire.call_decoders import decode_character, decode_created
from .._wire.response import Response
from .._wire.urls import fill_in
from ..errors import (
    ClientClosedError,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    InvalidResponseError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    SoraError,
)
from ..models import Character, VideoTask
from ..models.repr import brief
from .request import RequestSender
from .request_body import CreatePayload, FormPayload, TrackedBody
from .retry import retry
from .throttle import Throttle

logger = logging.getLogger("sora_async")

_CLOSED = "the client was closed before the response came"

CLOSE_TIMEOUT = 5.0
"""Seconds that a client which is closed waits for the responses to creates that were sent."""

_NOT_BEGUN = frozenset({409, 425})
"""Statuses of transient trouble with which a service says that it has not begun."""

_SEE_OTHER = frozenset({302, 303})
"""Redirects with which a server may show what it has made."""

Made = TypeVar("Made")


class CreateBackoff:
    """
    The pause before the next create after a 429 response to one.

    How many videos an account may make is not how often it may ask for them: a 429
    to a create holds back the next creates, and no poll.

    Args:
        throttle: Learns from all other responses.
        max_retry_after: The longest pause in seconds; a longer one is an error at once.
    """

    def __init__(self, throttle: Throttle, max_retry_after: float) -> None:
        self._throttle = throttle
        self._max_retry_after = max_retry_after
        self._retry_at = -math.inf
        self._refusal: RateLimitError | None = None

    async def wait(self) -> None:
        """
        Wait until the pause is over.

        Raises:
            RateLimitError: It is too long; the error says how long.
        """
        loop = asyncio.get_running_loop()
        while (left := self._retry_at - loop.time()) > 0:
            if left > self._max_retry_after and self._refusal is not None:
                raise attrs.evolve(self._refusal, retry_after=left)
            await asyncio.sleep(left)

    def record_response(self, task_id: str, outcome: VideoTask | SoraError) -> None:
        """Learn from the response to a create."""
        if not isinstance(outcome, RateLimitError):
            self._throttle.record_response(task_id, outcome)
        elif outcome.retry_after:
            self._refusal = outcome
            self._retry_at = asyncio.get_running_loop().time() + outcome.retry_after


@attrs.frozen(kw_only=True)
class CreateRequest(Generic[Made]):
    """
    One create to send, and how to read its response.

    Attributes:
        path: Where to, encoded.
        url: The full URL, for messages.
        payload: What.
        decode: Reads the response, or raises the error that it is.
        describe: Describes what was made, for the log.
        is_listed: Whether the service has a list to look in.
    """

    __repr__ = brief

    path: str
    url: str
    payload: CreatePayload | FormPayload
    decode: Callable[[Response], Made]
    describe: Callable[[Made], str]
    is_listed: bool


class PendingCreate(Generic[Made]):
    """
    One create under way.

    Args:
        request: What to send.
        requests: Sends it.
        create_backoff: When it may be sent.
        max_retries: How often a connection is tried again.

    Attributes:
        task: The asyncio task that sends it.
    """

    def __init__(
        self,
        request: CreateRequest[Made],
        requests: RequestSender,
        create_backoff: CreateBackoff,
        *,
        max_retries: int,
    ) -> None:
        self._request = request
        self._requests = requests
        self._create_backoff = create_backoff
        self._max_retries = max_retries
        self._body: TrackedBody | None = None
        self._is_detached = self._is_stopped = False
        sending = self._send()
        self.task = asyncio.get_running_loop().create_task(sending, name=f"create {request.path}")
        self.task.add_done_callback(self._on_done)

    @property
    def may_have_been_sent(self) -> bool:
        """Whether any of it may have reached the service."""
        return self._body is not None and self._body.has_begun

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped before any of it was sent."""
        return self._is_stopped

    async def result(self) -> Made:
        """
        Return what was made.

        A caller that is cancelled here stops a create of which nothing was sent. Any other
        goes on, and the log says what it has made.
        """
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if not self.task.cancelled():
                self.detach()
                raise
        raise self.error_when_cancelled()

    def error_when_cancelled(self) -> SoraError:
        """Return the error of a create whose asyncio task somebody else has cancelled."""
        if not self.may_have_been_sent:
            return ClientClosedError("")
        return self._outcome_of(ConnectionFailedError(self._request.url, "it was cancelled"))

    def detach(self) -> None:
        """Wait for it no more, and stop it if nothing of it was sent."""
        self._is_detached = True
        if self._body is None or self._body.stop():
            self._is_stopped = True
            self.task.cancel()

    def resume(self) -> bool:
        """Wait for it again; return whether that is possible."""
        self._is_detached = self._is_stopped
        return not self._is_stopped

    async def _send(self) -> Made:
        try:
            self._body = body = await self._request.payload.make_body()
            return await retry(
                lambda: self._post(body),
                max_retries=self._max_retries,
                is_retryable=lambda error: self._has_not_connected(error, body),
            )
        except SoraError as error:
            failure = self._outcome_of(error)
        except asyncio.CancelledError:
            if not self._requests.is_closed:
                raise
            failure = self._outcome_of(ConnectionFailedError(self._request.url, _CLOSED))
            failure = failure if self.may_have_been_sent else ClientClosedError("")
        except Exception as bug:
            if not self.may_have_been_sent:
                raise
            failure = self._unknown(f"an unexpected {type(bug).__name__}", bug)
        finally:
            if self._body is not None:
                await self._body.close()
        try:
            raise failure
        finally:
            del failure  # it holds this frame now

    async def _post(self, body: TrackedBody) -> Made:
        await self._create_backoff.wait()
        return await self._requests.post(
            self._request.path,
            body,
            self._request.decode,
            record=self._create_backoff.record_response,
        )

    @staticmethod
    def _has_not_connected(error: SoraError, body: TrackedBody) -> bool:
        """Return whether there was no connection, so that nothing can have been sent."""
        return isinstance(error, ConnectionFailedError) and not body.has_begun

    def _outcome_of(self, error: SoraError) -> SoraError:
        """Return the error of the create: what the service said, or that nobody knows."""
        if not self.may_have_been_sent or is_definitive(error):
            return error
        return self._unknown(str(error), error)

    def _unknown(self, reason: str, cause: Exception) -> CreateOutcomeUnknownError:
        status = getattr(cause, "status", None)
        is_whole = status is not None or (self._body is not None and self._body.is_whole)
        unknown = CreateOutcomeUnknownError(
            self._request.url,
            reason,
            status,
            getattr(cause, "request_id", None),
            is_whole,
            self._request.is_listed,
            getattr(cause, "body", None),
        )
        unknown.__cause__ = cause
        return unknown

    def _on_done(self, task: asyncio.Task[Made]) -> None:
        if task.cancelled():
            if self.may_have_been_sent:
                logger.error("a create was cancelled after it was sent: it may be charged")
            return
        error = task.exception()  # asked for, or asyncio logs that nobody did
        if self._is_stopped or not self._is_detached:
            return
        if error is None:
            made = self._request.describe(task.result())
            logger.warning("a create that nobody waits for any more made %s", made)
        else:
            logger.warning("a create that nobody waits for any more failed: %s", error)


def is_definitive(error: SoraError) -> bool:
    """
    Return whether an error response to a create means that nothing was made.

    A refusal does: most of 4xx, and errors that name a reason for which nothing
    is ever begun, such as no money or no such model, whatever their status.
    """
    if isinstance(error, ConnectionFailedError):
        return False
    if isinstance(error, ServiceUnavailableError):
        return error.status in _NOT_BEGUN
    if isinstance(error, InvalidResponseError):
        return 300 <= error.status < 500 and error.status not in _SEE_OTHER
    return not isinstance(error, ResponseError) or error.status not in _SEE_OTHER


class PendingCreates:
    """
    Starts the creates of one client on one loop, and holds them until they end.

    Args:
        requests: Sends them.
        throttle: Learns from their responses.
        max_retries: How often a connection is tried again.
        is_listed: Whether the service has a list of tasks.
    """

    def __init__(
        self, requests: RequestSender, throttle: Throttle, *, max_retries: int, is_listed: bool
    ) -> None:
        self._requests = requests
        self._endpoints = requests.endpoints
        self._create_backoff = CreateBackoff(throttle, requests.max_retry_after)
        self._max_retries = max_retries
        self._is_listed = is_listed
        self._pending: set[PendingCreate[Any]] = set()

    def create_task(self, payload: CreatePayload) -> PendingCreate[VideoTask]:
        """Begin to create a task."""
        return self._begin("create_path", payload, self._decode_task, _describe_task)

    def remix_task(self, task_id: str, payload: CreatePayload) -> PendingCreate[VideoTask]:
        """Begin to create a task from another one's video."""

        def decode(response: Response) -> VideoTask:
            return self._decode_task(response, is_about_one=True)

        return self._begin("remix_path", payload, decode, _describe_task, task_id=task_id)

    def create_character(self, payload: FormPayload) -> PendingCreate[Character]:
        """Begin to create a character."""

        def decode(response: Response) -> Character:
            return decode_character(response, secrets=self._requests.secrets, is_new=True)

        def describe(character: Character) -> str:
            return f"character {character.id}"

        return self._begin("create_character_path", payload, decode, describe)

    def _begin(
        self,
        path_name: str,
        payload: CreatePayload | FormPayload,
        decode: Callable[[Response], Made],
        describe: Callable[[Made], str],
        *,
        task_id: str = "",
    ) -> PendingCreate[Made]:
        path = self._endpoints.root + fill_in(self._endpoints.find_path(path_name), task_id)
        request = CreateRequest(
            path=path,
            url=str(self._endpoints.locate(path)),
            payload=payload,
            decode=decode,
            describe=describe,
            is_listed=self._is_listed,
        )
        pending = PendingCreate(
            request, self._requests, self._create_backoff, max_retries=self._max_retries
        )
        self._pending.add(pending)
        pending.task.add_done_callback(lambda _: self._pending.discard(pending))
        return pending

    def _decode_task(self, response: Response, *, is_about_one: bool = False) -> VideoTask:
        task, body = decode_created(
            response,
            secrets=self._requests.secrets,
            content=self._endpoints.content,
            is_about_one=is_about_one,
        )
        self._endpoints.learn(task.id, body, url=response.url)
        return task

    async def close(self) -> None:
        """Wait up to 5 s for the responses to creates that were sent: they are being charged."""
        tasks = {pending.task: pending.may_have_been_sent for pending in self._pending}
        for task, may_have_been_sent in tasks.items():
            if not may_have_been_sent:
                task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _describe_task(task: VideoTask) -> str:
    return f"task {task.id}"
