"""Requests that may be repeated: get, list, delete, cancel; retried after transient errors."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from .._wire.call_decoders import (
    TaskPage,
    decode_cancelled,
    decode_character,
    decode_deleted,
    decode_page,
)
from .._wire.response import Response
from ..errors import InvalidResponseError, SoraError, TaskNotFoundError
from ..models import Character, VideoTask
from ..schedule.backoff import retry_after_of
from .request import RequestSender
from .retry import retry
from .task_list import MAX_PAGE_SIZE, TaskList

Result = TypeVar("Result")


class Calls:
    """
    The repeatable calls of one client on one loop.

    Args:
        requests: Sends the requests.
        max_retries: How often a call is tried again after a transient error.
    """

    def __init__(self, requests: RequestSender, *, max_retries: int) -> None:
        self._requests = requests
        self._endpoints = requests.endpoints
        self._list = TaskList(requests)
        self._secrets = requests.secrets
        self._max_retries = max_retries

    async def get_task(self, task_id: str) -> VideoTask:
        """Return the current snapshot of a task."""
        return await self._retry(lambda: self._requests.get_task(task_id))

    async def list_tasks(
        self, *, limit: int | None, after: str | None, order: str
    ) -> AsyncGenerator[VideoTask]:
        """Yield the tasks of the account; a page is requested when the one before is used up."""
        self._list.check(after=after, order=order)
        first_ids: set[str] = set()
        left, number = limit, 1
        size = None if limit is None else min(limit, MAX_PAGE_SIZE)
        while True:
            if left is not None and not self._list.is_numbered:  # those are all of one size
                size = min(left, MAX_PAGE_SIZE)
            page = await self._retry(
                partial(
                    self._list.request_page,
                    self._decode_page,
                    size=size,
                    after=after,
                    order=order,
                )
            )
            if not page.tasks or page.tasks[0].id in first_ids:
                return  # a server that knows no pages sends one for ever
            first_ids.add(page.tasks[0].id)
            for task in page.tasks[:left]:
                yield task
            left = None if left is None else left - len(page.tasks)
            after = self._list.find_next(number, page.next_after)
            number += 1
            if after is None or (left is not None and left <= 0):
                return

    def _decode_page(self, response: Response) -> TaskPage:
        return decode_page(
            response,
            secrets=self._secrets,
            poll=self._endpoints.poll_template,
            content=self._endpoints.content,
        )

    async def delete_task(self, task_id: str) -> None:
        """Delete a task; one that is gone after a retry was deleted by the attempt before."""
        path = self._endpoints.find_path("delete_path")
        attempts = 0

        def decode(response: Response) -> None:
            decode_deleted(response, secrets=self._secrets)

        async def delete() -> None:
            nonlocal attempts
            attempts += 1
            try:
                await self._requests.call("DELETE", path, decode, task_id=task_id)
            except TaskNotFoundError:
                if attempts == 1:
                    raise

        await self._retry(delete)

    async def cancel_task(self, task_id: str) -> None:
        """Stop a task; a 409 means that it has ended, and is not retried."""
        path = self._endpoints.find_path("cancel_path")
        method = self._endpoints.dialect.cancel_method

        def decode(response: Response) -> None:
            decode_cancelled(response, secrets=self._secrets)

        def is_retryable(error: SoraError) -> bool:
            return getattr(error, "status", None) != 409 and self._is_retryable(error)

        await retry(
            lambda: self._requests.call(method, path, decode, task_id=task_id),
            max_retries=self._max_retries,
            is_retryable=is_retryable,
        )

    async def get_character(self, character_id: str) -> Character:
        """Return a character."""
        path = self._endpoints.find_path("get_character_path")

        def decode(response: Response) -> Character:
            return decode_character(response, secrets=self._secrets, is_new=False)

        return await self._retry(
            lambda: self._requests.call("GET", path, decode, task_id=character_id)
        )

    def _retry(self, send: Callable[[], Awaitable[Result]]) -> Coroutine[Any, Any, Result]:
        return retry(send, max_retries=self._max_retries, is_retryable=self._is_retryable)

    def _is_retryable(self, error: SoraError) -> bool:
        """Return whether an error may pass; a web page means a wrong base_url and will not."""
        if isinstance(error, InvalidResponseError) and error.is_html:
            return False
        return error.transient and retry_after_of(error) <= self._requests.max_retry_after
