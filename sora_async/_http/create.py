"""
Creates under way: each is sent at most once, in a task that outlives its callers.

Only where the service deduplicates creates by their key is one repeated after it was sent.
"""

import asyncio
import logging
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeGuard, TypeVar

import attrs

from .._wire.call_decoders import decode_character, decode_created
from .._wire.dialects import Dialect
from .._wire.encoding_refusal import is_encoding_refused
from .._wire.likely_dialect import add_dialects, parse_error, suggest_dialects
from .._wire.response import Response
from .._wire.secrets import Secrets
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
    UnsupportedOperationError,
)
from ..models import Character, VideoTask
from ..models.repr import brief
from .late_timeout import HELD_UP, LATE_GRACE
from .request import RequestSender
from .request_body import CreatePayload, Encoding, FormPayload, TrackedBody
from .retry import retry
from .session import find_secrets
from .throttle import Throttle

logger = logging.getLogger("sora_async")

_CLOSED = "the client was closed before the response came"

MAX_REPEATS = 7
"""How often a create is repeated at a service that deduplicates, at least: after pauses of 30 s in
the mean, which also outlast a 409 that says that the first attempt is still under way."""

CLOSE_TIMEOUT = 5.0
"""Seconds that a client which is closed waits for the responses to creates that were sent."""

_NOT_BEGUN = frozenset({409, 425})
"""Statuses of transient trouble with which a service says that it has not begun."""

_USED_BEFORE = re.compile(r"reused|mismatch|\bdifferent\b|belongs to|\b(already|was|been) used")
"""What a 409 says of a key that no repeat can use. Sources: Inworld's API reference,
``idempotency_key_reused`` of a task that was deleted; services that send 409 instead of 422."""

_UNDER_WAY = re.compile(r"in[ _-](use|progress)|under way|still|being processed|concurrent")
"""What a 409 says of a key whose create is under way. Source: Argil's API reference,
``idempotency_key_in_use``."""

_SEE_OTHER = frozenset({302, 303})
"""Redirects with which a server may show what it has made."""

_MAY_BE_OF_ANOTHER_DIALECT = (ResponseError, UnsupportedOperationError)
"""Errors of exactly these classes may mean that the service speaks another dialect."""

Made = TypeVar("Made")

Payload = CreatePayload | FormPayload


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
        dialect: What the service has, and whether it deduplicates.
        is_task: Whether it creates a task from nothing, at the ``create_path``.
    """

    __repr__ = brief

    path: str
    url: str
    payload: Payload
    decode: Callable[[Response], Made]
    describe: Callable[[Made], str]
    dialect: Dialect
    is_task: bool


@attrs.define
class AcceptedEncoding:
    """
    In which encoding a service has accepted a create without files; None before.

    One for each client, so that only its first create may be refused for that.
    """

    value: Encoding | None = None


class PendingCreate(Generic[Made]):
    """
    One create under way.

    Args:
        request: What to send.
        requests: Sends it.
        create_backoff: When it may be sent.
        accepted_encoding: How one was accepted before; learns from this one.
        max_retries: How often a connection is tried again.

    Attributes:
        task: The asyncio task that sends it.
    """

    def __init__(
        self,
        request: CreateRequest[Made],
        requests: RequestSender,
        create_backoff: CreateBackoff,
        accepted_encoding: AcceptedEncoding,
        *,
        max_retries: int,
    ) -> None:
        self._request = request
        self._requests = requests
        self._create_backoff = create_backoff
        self._accepted_encoding = accepted_encoding
        self._max_retries = max_retries
        self._body: TrackedBody | None = None
        self._is_uncertain = self._was_whole = False
        self._is_detached = self._is_stopped = False
        self._error_body: Mapping[str, Any] = {}
        self._are_both_refused = False
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
        return self._unknown("it was cancelled")

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
            return await self._send_in_either_encoding()
        except SoraError as error:
            failure = self._explain(error)
        except asyncio.CancelledError:
            if not self._requests.is_closed:
                raise
            failure = self._unknown(_CLOSED) if self.may_have_been_sent else ClientClosedError("")
        except Exception as bug:
            if not self.may_have_been_sent:
                raise
            failure = self._unknown(f"an unexpected {type(bug).__name__}", bug)
        try:
            raise failure
        finally:
            del failure  # it holds this frame now

    async def _send_in_either_encoding(self) -> Made:
        """Send it, and in the other encoding where the service refuses the first one as such."""
        payload, *others = self._request.payload.attempts(self._accepted_encoding.value)
        try:
            return await self._send_body(payload)
        except SoraError as error:
            can_repeat = self._body is not None and self._body.can_repeat
            is_refused = not self._is_uncertain and is_encoding_refused(error)
            if not (others and can_repeat and is_refused):
                raise
            refusal = error
        try:
            return await self._send_body(others[0])
        except ResponseError as error:
            self._are_both_refused = is_encoding_refused(error)
            raise _show_both(error, others[0], refusal, payload) from refusal

    async def _send_body(self, payload: Payload) -> Made:
        self._body = body = await payload.make_body()
        try:
            made = await retry(
                lambda: self._post(body),
                max_retries=self._find_max_retries(),
                is_retryable=lambda error: self._is_repeatable(error, body),
            )
        finally:
            await body.close_files()
        if payload.has_either_encoding:
            self._accepted_encoding.value = payload.encoding
        return made

    async def _post(self, body: TrackedBody) -> Made:
        await self._create_backoff.wait()
        try:
            return await self._requests.post(
                self._request.path,
                body,
                self._decode,
                record=self._create_backoff.record_response,
            )
        except SoraError as error:
            if body.has_begun and not self._is_definitive(error):
                self._is_uncertain = True
                self._was_whole |= body.is_whole or getattr(error, "status", None) is not None
            raise

    def _decode(self, response: Response) -> Made:
        if response.status in (404, 405):
            self._error_body = parse_error(response.body)
        return self._request.decode(response)

    def _find_max_retries(self) -> int:
        """Return how often it may be sent again: more where a repeat costs nothing."""
        if self._request.dialect.deduplicates_creates and self._max_retries:
            return max(self._max_retries, MAX_REPEATS)
        return self._max_retries

    def _is_repeatable(self, error: SoraError, body: TrackedBody) -> bool:
        """Return whether it may be sent again, and could end otherwise then."""
        if not body.has_begun and not self._is_uncertain:
            return isinstance(error, ConnectionFailedError)
        may_pass = error.transient and not _is_key_of_another(error)
        is_answered = self._is_definitive(error) and not (self._is_uncertain and may_pass)
        return self._request.dialect.deduplicates_creates and body.can_repeat and not is_answered

    def _is_definitive(self, error: SoraError) -> bool:
        """Return whether nothing was made; 409 says of a key that its create is under way."""
        if self._request.dialect.deduplicates_creates and getattr(error, "status", None) == 409:
            return _is_key_of_another(error)
        return is_definitive(error)

    def _explain(self, error: SoraError) -> SoraError:
        """Return the error that says the most of why nothing was made, or that nobody knows."""
        if self._is_uncertain:
            return self._unknown(_describe_fault(error), error)
        if _is_key_of_another(error):
            return self._explain_key(error)
        if isinstance(error, ResponseError) and type(error) in _MAY_BE_OF_ANOTHER_DIALECT:
            return self._name_likely_dialect(error)
        return error

    def _name_likely_dialect(self, error: ResponseError) -> ResponseError:
        """Return the error of a service that may speak another dialect, which it names then."""
        if self._are_both_refused or not self._request.is_task:
            return error
        names = suggest_dialects(
            self._request.dialect,
            url=error.url,
            status=error.status,
            message=error.message or "",
            body=self._error_body,
        )
        return add_dialects(error, names)

    def _explain_key(self, error: ResponseError) -> ResponseError:
        key = self._request.payload.idempotency_key
        advice = f"the idempotency_key {key!r} belongs to another create; pass another one"
        message = f"{advice} ({error.message})" if error.message else advice
        return attrs.evolve(error, message=message)

    def _unknown(self, reason: str, cause: Exception | None = None) -> CreateOutcomeUnknownError:
        status = getattr(cause, "status", None)
        is_whole = self._was_whole or (self._body is not None and self._body.is_whole)
        unknown = CreateOutcomeUnknownError(
            self._request.url,
            reason,
            status,
            getattr(cause, "request_id", None),
            is_whole or status is not None,
            self._request.dialect.list_path is not None,
            getattr(cause, "body", None),
            self._request.payload.idempotency_key,
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


def _is_key_of_another(error: SoraError) -> TypeGuard[ResponseError]:
    """
    Return whether a service says that the key was used before, with another create.

    A 409 without such words says that a create with this key is under way.
    """
    if not isinstance(error, ResponseError) or error.status not in (400, 409, 422):
        return False
    text = f"{error.code} {error.message}".lower()
    if "idempoten" not in text:
        return False
    is_used = _USED_BEFORE.search(text) is not None and _UNDER_WAY.search(text) is None
    return is_used or error.status != 409


def _describe_fault(error: SoraError) -> str:
    """Return what came instead of a clear response; "try again" is no advice after a create."""
    if isinstance(error, ResponseError | InvalidResponseError):
        return f"the service {error.outcome}"
    return str(getattr(error, "reason", error))


def _show_both(
    error: ResponseError, payload: Payload, refusal: SoraError, refused: Payload
) -> ResponseError:
    """Return the error of the second encoding, which tells that of the first as well."""
    first = getattr(refusal, "message", None) or getattr(refusal, "reason", None) or "no reason"
    message = (
        f"{error.message or 'no reason'} (sent as {payload.encoding}); sent as "
        f"{refused.encoding}, it answered {getattr(refusal, 'status', '')}: {first}"
    )
    return attrs.evolve(error, message=message)


class PendingCreates:
    """
    Starts the creates of one client on one loop, and holds them until they end.

    Args:
        requests: Sends them.
        throttle: Learns from their responses.
        max_retries: How often a connection is tried again.
        dialect: What the service has, and whether it deduplicates.
        accepted_encoding: How a create was accepted before.
    """

    def __init__(
        self,
        requests: RequestSender,
        throttle: Throttle,
        *,
        max_retries: int,
        dialect: Dialect,
        accepted_encoding: AcceptedEncoding,
    ) -> None:
        self._requests = requests
        self._endpoints = requests.endpoints
        self._create_backoff = CreateBackoff(throttle, requests.max_retry_after)
        self._max_retries = max_retries
        self._dialect = dialect
        self._accepted_encoding = accepted_encoding
        self._pending: set[PendingCreate[Any]] = set()

    def create_task(self, payload: CreatePayload) -> PendingCreate[VideoTask]:
        """Begin to create a task."""

        def decode(response: Response) -> VideoTask:
            return self._decode_task(response, payload)

        return self._begin("create_path", payload, decode, _describe_task)

    def remix_task(self, task_id: str, payload: CreatePayload) -> PendingCreate[VideoTask]:
        """Begin to create a task from another one's video."""

        def decode(response: Response) -> VideoTask:
            return self._decode_task(response, payload, is_about_one=True)

        return self._begin("remix_path", payload, decode, _describe_task, task_id=task_id)

    def create_character(self, payload: FormPayload) -> PendingCreate[Character]:
        """Begin to create a character."""

        def decode(response: Response) -> Character:
            return decode_character(response, secrets=self._secrets_of(payload), is_new=True)

        def describe(character: Character) -> str:
            return f"character {character.id}"

        return self._begin("create_character_path", payload, decode, describe)

    def _begin(
        self,
        path_name: str,
        payload: Payload,
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
            dialect=self._dialect,
            is_task=path_name == "create_path",
        )
        pending = PendingCreate(
            request,
            self._requests,
            self._create_backoff,
            self._accepted_encoding,
            max_retries=self._max_retries,
        )
        self._pending.add(pending)
        pending.task.add_done_callback(lambda _: self._pending.discard(pending))
        return pending

    def _secrets_of(self, payload: Payload) -> Secrets:
        return Secrets((*self._requests.secrets, *find_secrets(payload.headers)))

    def _decode_task(
        self, response: Response, payload: Payload, *, is_about_one: bool = False
    ) -> VideoTask:
        task, body = decode_created(
            response,
            secrets=self._secrets_of(payload),
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
            loop = asyncio.get_running_loop()
            end = loop.time() + CLOSE_TIMEOUT
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)
            if loop.time() > end + HELD_UP:
                await asyncio.wait(tasks, timeout=LATE_GRACE)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _describe_task(task: VideoTask) -> str:
    return f"task {task.id}"
