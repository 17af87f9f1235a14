"""Send one request within the rate limit, and decode its response."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from .._wire.likely_dialect import explain_poll
from .._wire.media_types import is_video_type
from .._wire.origins import find_link_problem, join_link
from .._wire.response import Response, decode_response, read_error
from .._wire.urls import fill_in
from ..errors import ClientClosedError, InvalidArgumentError, ResponseError, SoraError
from ..models import VideoTask
from .endpoints import Endpoints
from .foreign_errors import without_frames
from .request_body import TrackedBody
from .request_queue import RequestQueue
from .throttle import Throttle
from .transport import REDIRECTS, Transport

Result = TypeVar("Result")


class RequestSender:
    """
    Sends the requests of one client on one loop.

    Args:
        transport: Sends them over HTTP.
        endpoints: Where each call is sent.
        queue: Gives each request its permit.
        throttle: Learns from each response.
        secrets: What no error may show.
        max_retry_after: Seconds; a request fails at once when the service asks for a longer pause.

    Attributes:
        is_closed: Whether nothing may be sent any more.
    """

    def __init__(
        self,
        transport: Transport,
        endpoints: Endpoints,
        queue: RequestQueue[Any],
        throttle: Throttle,
        *,
        secrets: tuple[str, ...],
        max_retry_after: float,
    ) -> None:
        self._transport = transport
        self.endpoints = endpoints
        self._queue = queue
        self._throttle = throttle
        self.secrets = secrets
        self.max_retry_after = max_retry_after
        self.is_closed = False

    def get_task(self, task_id: str) -> Coroutine[Any, Any, VideoTask]:
        """Ask for a task within the rate limit."""
        return self.send_rate_limited(lambda: self.poll(task_id, None), task_id=task_id)

    async def poll(self, task_id: str, previous: VideoTask | None) -> VideoTask:
        """
        Ask for a task at once, with a permit that the caller has.

        Args:
            task_id: Which.
            previous: The snapshot before this one; None without one.
        """
        response = await self._receive(self._transport.get(self.endpoints.locate_poll(task_id)))
        try:
            return decode_response(
                response,
                task_id=task_id,
                secrets=self.secrets,
                previous=previous,
                content=self.endpoints.content,
            )
        except ResponseError as error:
            failure = error
            if previous is None:
                failure = explain_poll(error, self.endpoints.dialect, response.body)
        try:
            raise failure
        finally:
            del failure  # it holds this frame now

    async def has_content(self, task_id: str) -> bool:
        """
        Return whether the service's content address has a file, with a permit that the caller has.

        One byte is requested, and the connection is closed after the headers: the file itself is
        never received. A redirect to a link elsewhere counts as the file, without a request to it.

        Args:
            task_id: A task with a ``content_url``.

        Raises:
            SoraError: The response is an error, or there was none.
        """
        url = self.endpoints.locate_content(task_id)
        headers = {"Range": "bytes=0-0", "Accept": "*/*"}
        response = await self._receive(self._transport.peek(url, headers))
        error = read_error(response, secrets=self.secrets) if response.status >= 400 else None
        if error is not None:
            raise error
        if response.status in REDIRECTS:
            link = join_link(response.url, response.headers.get("Location", ""))
            return link is not None and find_link_problem(link) is None
        content_type = response.headers.get("Content-Type", "")
        return response.status in (200, 206) and is_video_type(content_type)

    async def call(
        self,
        method: str,
        path: str,
        decode: Callable[[Response], Result],
        *,
        task_id: str = "",
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Result:
        """
        Send a request without a body within the rate limit, and return its decoded response.

        Args:
            method: GET, DELETE or POST.
            path: Of the dialect, with ``{id}`` where there is one.
            decode: Reads the response, or raises the error that it is.
            task_id: The id that the request is about; "" without one.
            query: What follows the path.
            headers: Of a GET, beside the client's own.
        """
        path = self.endpoints.root + fill_in(path, task_id)
        if query:
            path += f"{'&' if '?' in path else '?'}{urlencode(query)}"
        url = self.endpoints.locate(path)

        async def send() -> Result:
            transport = self._transport
            is_get = method == "GET"
            sending = transport.get(url, headers) if is_get else transport.send(method, url)
            return decode(await self._receive(sending, task_id))

        return await self.send_rate_limited(send, task_id=task_id)

    async def post(
        self,
        path: str,
        body: TrackedBody,
        decode: Callable[[Response], Result],
        *,
        record: Callable[[str, VideoTask | SoraError], None],
    ) -> Result:
        """
        Send a body within the rate limit, and return its decoded response.

        Args:
            path: Where to, encoded.
            body: What.
            decode: Reads the response, or raises the error that it is.
            record: Is told of the outcome.
        """
        url = self.endpoints.locate(path)

        async def send() -> Result:
            return decode(await self._receive(self._transport.send("POST", url, body)))

        return await self.send_rate_limited(send, record=record)

    async def send_rate_limited(
        self,
        send: Callable[[], Awaitable[Result]],
        *,
        task_id: str = "",
        record: Callable[[str, VideoTask | SoraError], None] | None = None,
    ) -> Result:
        """
        Wait for a permit, send, and record the outcome.

        Args:
            send: Sends the request, and returns its decoded response.
            task_id: The id that the request is about; "" without one.
            record: Is told of the outcome; the throttle when None.

        Raises:
            ResponseError: The service has asked for a pause that is longer than
                ``max_retry_after``; nothing was sent.
        """
        record = record or self._throttle.record_response
        self._throttle.check(self.max_retry_after)
        await self._queue.acquire()
        try:
            if self.is_closed:
                raise ClientClosedError(task_id)
            result = await send()
        except SoraError as error:
            record(task_id, error)
            raise without_frames(error)  # noqa: B904 - it is the same error
        finally:
            self._queue.release()
        record(task_id, result if isinstance(result, VideoTask) else VideoTask(id=task_id))
        return result

    async def _receive(self, sending: Awaitable[Response], task_id: str = "") -> Response:
        try:
            return await sending
        except InvalidArgumentError as error:  # the session was closed meanwhile
            if self.is_closed:  # pragma: no cover - between a redirect and what it leads to
                raise ClientClosedError(task_id) from error
            raise
