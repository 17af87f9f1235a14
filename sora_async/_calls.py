"""The calls of the front door that are no waits: create, ask, list, delete, remix, characters."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Literal, TypeVar

import backoff

from ._body import Order
from ._checks import check_count, check_prompt, check_text
from ._home import Home
from ._making import Making
from ._upload import Source, Upload, check_source, is_address
from ._wire import (
    Page,
    Reply,
    check_fields,
    check_task_id,
    decode_character,
    decode_deleted,
    decode_page,
    read_seconds,
)
from .dialects import Dialect
from .errors import (
    InvalidArgumentError,
    ResponseError,
    SoraError,
    TaskNotFoundError,
    UnreadableReplyError,
)
from .models import Character, VideoTask
from .verdict import FAULT_INTERVALS

Answer = TypeVar("Answer")

MOST_LISTED = 100
"""Tasks that a page of a list may have. Source: OpenAI's API reference, "List videos"."""


_NAMED = ("prompt", "model", "seconds", "size", "input_reference", "as_json")
"""The arguments of a create that are no field of a service's own."""


class Calls(ABC):
    """What a client can do beside waiting."""

    _dialect: Dialect
    _max_retries: int

    @abstractmethod
    def _home(self) -> Home:
        """Return what the client has on the running loop."""

    async def create_task(
        self,
        *,
        prompt: str,
        model: str | None = None,
        seconds: float | str | None = None,
        size: str | None = None,
        input_reference: Source | None = None,
        as_json: bool | None = None,
        **extra: Any,
    ) -> VideoTask:
        """
        Create a task and return its first snapshot.

        It is sent once. Only while no connection comes about, so that nothing
        can have arrived, is it tried again, up to ``max_retries`` times.
        Cancelling this call stops an order that has not left; one that has
        goes on, and the log says which task it has made.
        :meth:`create_and_wait` gives the id in any case.

        Args:
            prompt: What the video is to show.
            model: The model, as the service spells it; None for the service's choice.
            seconds: The length of the video.
            size: Such as ``"1280x720"``.
            input_reference: An image or a video to go by: a path, bytes, a file
                opened in binary, or an ``http(s)`` or ``data:`` address, where the
                server takes one. A file is read as it is sent, and its content
                type is found by how it begins.
            as_json: Whether the order goes as JSON instead of a form; a file is
                then a ``data:`` address in it. None: as the dialect does.
            extra: Any further field of the service, such as ``watermark``,
                ``style`` or ``images``. One that is None is left out.

        Raises:
            InvalidArgumentError: An argument or its file cannot be used; nothing was sent.
            CreateUncertainError: Nobody knows whether there is a task now; look before
                you create again.
            ConnectionFailedError: There was no connection; nothing was sent.
            NotOfferedError: This server creates nothing at this address.
            ResponseError: The service has refused; its class says why.
        """
        order = self._order(
            prompt=prompt,
            model=model,
            seconds=seconds,
            size=size,
            input_reference=input_reference,
            as_json=as_json,
            extra=extra,
        )
        return await self._home().create(order).result()

    def _begin(self, given: Mapping[str, Any]) -> Making[VideoTask]:
        """Begin to create a task; *given* are the arguments of :meth:`create_task`."""
        named: dict[str, Any] = {name: given.get(name) for name in _NAMED}
        extra = {name: value for name, value in given.items() if name not in _NAMED}
        return self._home().create(self._order(**named, extra=extra))

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
            UnreadableReplyError: The reply is no task.
            ResponseError: The service answered with an error; its class says which.
        """
        check_task_id(task_id)
        home = self._home()
        return await self._persist(lambda: home.fetch(task_id))

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
            NotOfferedError: This server has no list.
            SoraError: As in :meth:`get_task`.
        """
        if order not in ("asc", "desc"):
            raise InvalidArgumentError(f"order: expected 'asc' or 'desc', got {order!r}")
        left = None if limit is None else check_count("limit", limit, least=1)
        home = self._home()
        path, poll = home.find_path("list_path"), home.base_url + home.dialect.poll_path
        asked = set()

        def read(reply: Reply) -> Page:
            return decode_page(reply, secrets=home.secrets, poll=poll, content=home.content)

        while True:
            query: dict[str, str] = {"order": order}
            if left is not None:
                query["limit"] = str(min(left, MOST_LISTED))
            if after is not None:
                asked.add(after)
                query["after"] = check_task_id(after)
            page = await self._persist(partial(home.call, "GET", path, read, query=query))
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
            NotOfferedError: This server deletes nothing.
            SoraError: As in :meth:`get_task`.
        """
        check_task_id(task_id)
        home = self._home()
        path = home.find_path("delete_path")
        tries = 0

        async def delete() -> None:
            nonlocal tries
            tries += 1
            try:
                await home.call(
                    "DELETE",
                    path,
                    lambda reply: decode_deleted(reply, secrets=home.secrets),
                    about=task_id,
                )
            except TaskNotFoundError:
                if tries == 1:
                    raise  # after a fault, it may be our own doing

        await self._persist(delete)

    async def remix_task(self, task_id: str, *, prompt: str, **extra: Any) -> VideoTask:
        """
        Make a new task of a finished one's video, and return its first snapshot.

        It is sent once, as in :meth:`create_task`, and raises the same errors.

        Args:
            task_id: The id of the finished task.
            prompt: What is to be different.
            extra: Any further field of the service.
        """
        check_task_id(task_id)
        fields = check_fields({"prompt": check_prompt(prompt), **extra})
        order = Order(fields=fields, dialect=self._dialect, is_json=True)
        return await self._home().remix(order, task_id).result()

    async def create_character(self, *, name: str, video: Source, **extra: Any) -> Character:
        """
        Make a character from a video, to be named in prompts.

        It is sent once, as in :meth:`create_task`, and raises the same errors.

        Args:
            name: What it is to be called.
            video: A path, bytes, or a file opened in binary.
            extra: Any further field of the service.
        """
        check_source("video", video)
        if is_address(video):
            raise InvalidArgumentError("video: expected a file, got an address")
        fields = check_fields({"name": check_text("name", name), **extra})
        order = Order(
            fields=fields,
            dialect=self._dialect,
            is_json=False,
            field="video",
            upload=Upload("video", video),
        )
        home = self._home()
        making = home.make(
            home.find_path("create_character_path"),
            order,
            lambda reply: decode_character(reply, secrets=home.secrets, is_new=True),
            lambda character: f"character {character.id}",
        )
        return await making.result()

    async def get_character(self, character_id: str) -> Character:
        """
        Ask for a character.

        Transient faults are retried as in :meth:`get_task`.

        Args:
            character_id: The id, as the service gave it.

        Raises:
            TaskNotFoundError: There is no such character.
            NotOfferedError: This server knows no characters.
            SoraError: As in :meth:`get_task`.
        """
        check_task_id(character_id)
        home = self._home()
        path = home.find_path("get_character_path")

        def read(reply: Reply) -> Character:
            return decode_character(reply, secrets=home.secrets, is_new=False)

        return await self._persist(lambda: home.call("GET", path, read, about=character_id))

    def _order(
        self,
        *,
        prompt: object,
        model: object,
        seconds: object,
        size: object,
        input_reference: Any,
        as_json: bool | None,
        extra: Mapping[str, Any],
    ) -> Order:
        """Return an order, all of it checked but the file, which is looked at when it is sent."""
        fields = check_fields(
            {
                "model": check_text("model", model),
                "prompt": check_prompt(prompt),
                "seconds": read_seconds(seconds),
                "size": check_text("size", size),
                **extra,
            }
        )
        address = upload = None
        if is_address(input_reference):
            address = input_reference
        elif input_reference is not None:
            check_source("input_reference", input_reference)
            upload = Upload("input_reference", input_reference)
        order = Order(
            fields=fields,
            dialect=self._dialect,
            is_json=self._dialect.body == "json" if as_json is None else as_json,
            upload=upload,
            address=address,
        )
        order.check()
        return order

    async def _persist(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask, and ask again after faults that may pass."""
        patience = self._home().patience
        for ceiling in FAULT_INTERVALS[: self._max_retries]:
            try:
                return await ask()
            except SoraError as fault:
                asked = fault.retry_after or 0.0 if isinstance(fault, ResponseError) else 0.0
                is_html = isinstance(fault, UnreadableReplyError) and fault.is_html
                if not fault.transient or is_html or asked > patience:
                    raise
            await asyncio.sleep(max(asked, backoff.full_jitter(ceiling)))
        return await ask()
