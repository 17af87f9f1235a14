"""The calls of the front door that change nothing by being sent twice: ask, list, delete."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Literal, TypeVar

import backoff

from .._wire.call_decoders import TaskPage, decode_character, decode_deleted, decode_page
from .._wire.response import Response
from .._wire.urls import check_task_id
from ..errors import (
    InvalidArgumentError,
    InvalidResponseError,
    ResponseError,
    SoraError,
    TaskNotFoundError,
)
from ..models import Character, VideoTask
from ..schedule.backoff import FAULT_INTERVALS
from .arguments import check_count
from .loop_resources import LoopResources

Answer = TypeVar("Answer")

MAX_PAGE_SIZE = 100
"""Tasks that a page of a list may have. Source: OpenAI's API reference, "List videos"."""


class Asks(ABC):
    """What a client can ask for, again where a fault may pass."""

    _max_retries: int

    @abstractmethod
    def _resources(self) -> LoopResources:
        """Return what the client has on the running loop."""

    async def get_task(self, task_id: str) -> VideoTask:
        """
        Ask for a task once and return its snapshot, whatever its phase.

        Transient faults are retried, up to ``max_retries`` times and with full jitter.
        It takes a slot of the budget, and keeps a silence that the service
        has asked any wait for; one of more than ``request_timeout`` is an error at once.

        Args:
            task_id: The id, as the service gave it.

        Raises:
            InvalidArgumentError: No id can look like this; nothing was sent.
            ConnectionFailedError: No reply came.
            InvalidResponseError: The reply is no task.
            ResponseError: The service answered with an error; its class says which.
        """
        check_task_id(task_id)
        resources = self._resources()
        return await self._persist(lambda: resources.fetch(task_id))

    async def list_tasks(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        order: Literal["asc", "desc"] = "desc",
    ) -> AsyncGenerator[VideoTask]:
        """
        Yield the tasks of the account, page after page, as they are asked for.

        Args:
            limit: How many at most; None for all of them.
            after: The id of the task before the first one wanted.
            order: ``"desc"`` from the newest on, ``"asc"`` from the oldest.

        Raises:
            UnsupportedOperationError: This server has no list.
            SoraError: As in :meth:`get_task`.
        """
        if order not in ("asc", "desc"):
            raise InvalidArgumentError(f"order: expected 'asc' or 'desc', got {order!r}")
        left = None if limit is None else check_count("limit", limit, least=1)
        resources = self._resources()
        path, poll = (
            resources.find_path("list_path"),
            resources.base_url + resources.dialect.poll_path,
        )
        asked = set()

        def read(response: Response) -> TaskPage:
            return decode_page(
                response, secrets=resources.secrets, poll=poll, content=resources.content
            )

        while True:
            query: dict[str, str] = {"order": order}
            if left is not None:
                query["limit"] = str(min(left, MAX_PAGE_SIZE))
            if after is not None:
                asked.add(after)
                query["after"] = check_task_id(after)
            page = await self._persist(partial(resources.call, "GET", path, read, query=query))
            if page.next_after in asked:
                return  # a server that takes no notice of "after" sends one page for ever
            for task in page.tasks[:left]:
                yield task
            left = None if left is None else left - len(page.tasks)
            after = page.next_after
            if after is None or (left is not None and left <= 0):
                return

    async def delete_task(self, task_id: str) -> None:
        """
        Delete a task and its video.

        Transient faults are retried as in :meth:`get_task`.

        Args:
            task_id: The id, as the service gave it.

        Raises:
            TaskNotFoundError: There is no such task, or not any more.
            UnsupportedOperationError: This server deletes nothing.
            SoraError: As in :meth:`get_task`.
        """
        check_task_id(task_id)
        resources = self._resources()
        path = resources.find_path("delete_path")
        tries = 0

        async def delete() -> None:
            nonlocal tries
            tries += 1
            try:
                await resources.call(
                    "DELETE",
                    path,
                    lambda response: decode_deleted(response, secrets=resources.secrets),
                    about=task_id,
                )
            except TaskNotFoundError:
                if tries == 1:
                    raise  # after a fault, it may be our own doing

        await self._persist(delete)

    async def get_character(self, character_id: str) -> Character:
        """
        Ask for a character.

        Transient faults are retried as in :meth:`get_task`.

        Args:
            character_id: The id, as the service gave it.

        Raises:
            TaskNotFoundError: There is no such character.
            UnsupportedOperationError: This server knows no characters.
            SoraError: As in :meth:`get_task`.
        """
        check_task_id(character_id)
        resources = self._resources()
        path = resources.find_path("get_character_path")

        def read(response: Response) -> Character:
            return decode_character(response, secrets=resources.secrets, is_new=False)

        return await self._persist(lambda: resources.call("GET", path, read, about=character_id))

    async def _persist(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask, and ask again after faults that may pass."""
        patience = self._resources().patience
        for ceiling in FAULT_INTERVALS[: self._max_retries]:
            try:
                return await ask()
            except SoraError as fault:
                asked = fault.retry_after or 0.0 if isinstance(fault, ResponseError) else 0.0
                is_html = isinstance(fault, InvalidResponseError) and fault.is_html
                if not fault.transient or is_html or asked > patience:
                    raise
            await asyncio.sleep(max(asked, backoff.full_jitter(ceiling)))
        return await ask()
