"""The front door: one object that creates tasks, asks for them and waits for them."""

import asyncio
import os
import ssl
import weakref
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast, get_args

import aiohttp
import attrs
import backoff

from .._batch.events import BatchEvent, BatchOutcome
from .._download.download import Download, DownloadOptions, find_id
from .._download.request import DownloadRequest, IfExists
from .._http.create import PendingCreate
from .._http.proxies import check_proxy
from .._http.rate_limit import RateLimit
from .._http.request_body import CreatePayload
from .._http.session import HttpOptions, check_trace_configs, find_secrets, make_headers
from .._http.upload import FileInput, FileSource, check_source, is_address
from .._polling.create_first import PendingTask
from .._polling.events import ProgressEvent
from .._polling.fault_policy import FaultPolicy, Until
from .._polling.many import ManyWaits, Outcome
from .._polling.polled_task import PollKey
from .._polling.poller import Poller
from .._polling.watch import Watch
from .._wire.call_decoders import TaskPage, decode_character, decode_deleted, decode_page
from .._wire.dialects import Dialect, find_dialect
from .._wire.request_encoder import check_fields, read_seconds
from .._wire.response import Response
from .._wire.urls import check_api_key, check_base_url, check_task_id, cut_overlap
from ..errors import (
    InvalidArgumentError,
    InvalidResponseError,
    ResponseError,
    SoraError,
    TaskNotFoundError,
)
from ..models import Character, VideoTask
from ..schedule import DEFAULT_SCHEDULE, Policy
from ..schedule.backoff import FAULT_INTERVALS
from ..schedule.learning.memory import DurationHistory
from .arguments import (
    check_already_waited,
    check_channel,
    check_count,
    check_duration_history,
    check_ids,
    check_limit,
    check_path,
    check_prompt,
    check_rate_limit,
    check_schedule,
    check_seconds,
    check_ssl,
    check_text,
    check_until,
    check_variant,
    check_word,
)
from .loop_resources import LoopResources, ResourcesByLoop, abandon, find_resources

if TYPE_CHECKING:
    from .._download.manager import DownloadManager

Answer = TypeVar("Answer")

_NAMED = ("prompt", "model", "seconds", "size", "input_reference", "as_json")
"""The arguments of a create that are no field of a service's own."""

MAX_PAGE_SIZE = 100
"""Tasks that a page of a list may have. Source: OpenAI's API reference, "List videos"."""

DEFAULT_BASE_URL = "https://api.jxincm.cn"
"""The server that the API page names under ``servers``."""


class SoraClient:
    """
    A client of a Sora-compatible service.

    It can be made anywhere, also at import time, and used under any number of
    event loops, one after the other: connections are made at first use and
    end with their loop. Use it with ``async with``, call :meth:`close`, or
    leave it to ``asyncio.run``. A closed client opens again when it is used.

    Args:
        api_key: The key; ``SORA_API_KEY`` when None, and no key when that is unset.
        base_url: The service's address, with or without ``/v1``;
            ``SORA_BASE_URL`` when None, and the API page's server when that is unset.
        dialect: What calls the service offers and how they are spelled: a
            :class:`~sora_async.Dialect` or the name of one; None to go by *base_url*.
        session: An aiohttp session to send with; never closed by the client.
            *trust_env* and *trace_configs* are then its own affair.
        headers: Further headers for every request, such as ``X-Forwarded-Host``.
        schedule: The cadence of waits that name none.
        duration_history: What was learned of how long tasks take; a new one when
            None. A :class:`~sora_async.schedule.LearningSchedule` goes by it.
        rate_limit: What all requests under one event loop may add up to.
        request_timeout: Seconds for one request, connection and body
            included; the wait for a slot of the budget is not.
        create_timeout: The same for what creates something: uploads take long.
        outage_timeout: Seconds that a wait goes on without one good answer;
            None for as long as the wait lasts.
        max_retries: How often :meth:`get_task` and its like ask again after a transient
            fault, and a create tries again to get a connection. Waits do not use it: they
            have *outage_timeout*.
        max_response_size: Bytes of a reply that are read, after decompression.
        allow_plain_http: Whether the key may go to an ``http`` address that is not this machine.
        ssl: What to verify TLS with, such as a context with a private CA.
        trust_env: Whether proxies named by the environment are used.
        proxy: An HTTP proxy for all requests, such as ``"http://user:password@10.0.0.2:8080"``;
            SOCKS needs a *session* of its own.
        trace_configs: aiohttp's trace configurations, for OpenTelemetry and its like.
        max_downloads: Downloads under way at the same time under one event loop; others wait.

    Raises:
        InvalidArgumentError: An argument cannot be used; it says which and why.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        dialect: Dialect | Literal["openai", "unified", "openrouter"] | None = None,
        session: aiohttp.ClientSession | None = None,
        headers: Mapping[str, str] | None = None,
        schedule: Policy | None = None,
        rate_limit: RateLimit | None = None,
        duration_history: DurationHistory | None = None,
        request_timeout: float = 30.0,
        create_timeout: float = 300.0,
        outage_timeout: float | None = 120.0,
        max_retries: int = 2,
        max_response_size: int = 8 * 1024 * 1024,
        allow_plain_http: bool = False,
        ssl: ssl.SSLContext | None = None,
        trust_env: bool = False,
        proxy: str | None = None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        max_downloads: int = 4,
    ) -> None:
        key = check_api_key(os.environ.get("SORA_API_KEY") if api_key is None else api_key)
        url = os.environ.get("SORA_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url
        base_url = check_base_url(url)
        self._dialect = find_dialect(dialect, base_url=base_url)
        self._base_url = cut_overlap(base_url, self._dialect.create_path)
        all_headers = make_headers(key, headers or {})
        secrets = find_secrets(all_headers)
        check_channel(self._base_url, is_secret=bool(secrets), allow_plain_http=allow_plain_http)
        self._http_options = HttpOptions(
            headers=all_headers,
            secrets=secrets,
            request_timeout=check_seconds("request_timeout", request_timeout),
            create_timeout=check_seconds("create_timeout", create_timeout),
            max_response_size=check_count("max_response_size", max_response_size, least=1),
            ssl=check_ssl(ssl),
            trust_env=trust_env and session is None,
            proxy=check_proxy(proxy),
        )
        self._fault_policy = FaultPolicy(outage=check_limit("outage_timeout", outage_timeout))
        self._schedule = check_schedule(schedule) or DEFAULT_SCHEDULE
        self._duration_history = check_duration_history(duration_history) or DurationHistory()
        self._rate_limit = check_rate_limit(rate_limit) or RateLimit()
        self._max_retries = check_count("max_retries", max_retries, least=0)
        self._max_downloads = check_count("max_downloads", max_downloads, least=1)
        self._trust_env = trust_env
        self._session = session
        self._trace_configs = check_trace_configs(trace_configs)
        self._resources_by_loop: ResourcesByLoop = {}
        weakref.finalize(self, abandon, self._resources_by_loop).atexit = False

    def __repr__(self) -> str:
        """Return the address; never the key."""
        return f"<SoraClient {self._base_url}>"

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the client."""
        await self.close()

    @property
    def base_url(self) -> str:
        """The service's address, without ``/v1`` and what else begins the path of every call."""
        return self._base_url

    @property
    def dialect(self) -> Dialect:
        """What calls the service offers, and how they are spelled."""
        return self._dialect

    @property
    def duration_history(self) -> DurationHistory:
        """What this client has learned of how long tasks take."""
        return self._duration_history

    def wait_until_complete(
        self,
        task_id: str,
        *,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        until: Until = "video",
        already_waited: float = 0.0,
    ) -> Watch:
        """
        Return a wait for a task: ``await`` it for the finished task, or iterate it for its events.

        Nothing is sent before the watch is awaited or iterated.
        Waits of one client for the same task on the same terms share their polls.

        Args:
            task_id: The id, as the service gave it.
            timeout: Seconds for the whole wait, from its first use; None for no limit.
            schedule: The cadence; the client's when None.
            until: What ends the wait of a task that succeeds:
                ``"video"``, a ``video_url``, or the ``content_url`` when no URL comes within 45 s;
                ``"completed"``, the success itself;
                ``"video_url"``, a URL and nothing else (:class:`VideoMissingError` after 45 s).
            already_waited: Seconds for which the task has been waited for before, in another process for
                instance: *timeout*, ``elapsed`` and what was learned count them in.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
        """
        key = self._key(check_task_id(task_id), schedule, until)
        return Watch(
            self._find_poller,
            key,
            timeout=check_limit("timeout", timeout),
            already_waited=check_already_waited(already_waited),
        )

    def create_and_wait(
        self,
        *,
        prompt: str,
        model: str | None = None,
        seconds: float | str | None = None,
        size: str | None = None,
        input_reference: FileInput | None = None,
        as_json: bool | None = None,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        until: Until = "video",
        **extra: Any,
    ) -> Watch:
        """
        Return a wait for a task that it creates: ``await`` it, or iterate it for its events.

        Nothing is sent before the watch is awaited or iterated, and then one
        create, ever. Its answer is the first event, and from then on
        :attr:`Watch.task_id` tells the id: in an event, after an error, after a
        cancellation. Leaving while the create is on its way does not break it
        off; coming back goes on with it.

        Args:
            prompt: As in :meth:`create_task`, like all up to *as_json*.
            model: The model.
            seconds: The length of the video.
            size: Such as ``"1280x720"``.
            input_reference: An image or a video to go by.
            as_json: Whether the order goes as JSON; None: as the dialect does.
            timeout: Seconds from the first use to the finished task, the
                create included; None for no limit.
            schedule: The cadence; the client's when None.
            until: What ends the wait of a task that succeeds; see :meth:`wait_until_complete`.
            extra: Any further field of the service.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
        """
        order = self._payload(
            prompt=prompt,
            model=model,
            seconds=seconds,
            size=size,
            input_reference=input_reference,
            as_json=as_json,
            extra=extra,
        )
        pending_task = PendingTask(lambda: self._resources().create(order))
        key = self._key("", schedule, until)
        return Watch(
            self._find_poller,
            key,
            timeout=check_limit("timeout", timeout),
            pending_task=pending_task,
        )

    async def create_task(
        self,
        *,
        prompt: str,
        model: str | None = None,
        seconds: float | str | None = None,
        size: str | None = None,
        input_reference: FileInput | None = None,
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
            CreateOutcomeUnknownError: Nobody knows whether there is a task now; look before
                you create again.
            ConnectionFailedError: There was no connection; nothing was sent.
            UnsupportedOperationError: This server creates nothing at this address.
            ResponseError: The service has refused; its class says why.
        """
        payload = self._payload(
            prompt=prompt,
            model=model,
            seconds=seconds,
            size=size,
            input_reference=input_reference,
            as_json=as_json,
            extra=extra,
        )
        return await self._resources().create(payload).result()

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
        payload = CreatePayload(fields=fields, dialect=self._dialect, is_json=True)
        return await self._resources().remix(payload, task_id).result()

    async def create_character(self, *, name: str, video: FileInput, **extra: Any) -> Character:
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
        payload = CreatePayload(
            fields=fields,
            dialect=self._dialect,
            is_json=False,
            field="video",
            upload=FileSource("video", video),
        )
        resources = self._resources()
        pending = resources.make(
            resources.find_path("create_character_path"),
            payload,
            lambda response: decode_character(response, secrets=resources.secrets, is_new=True),
            lambda character: f"character {character.id}",
        )
        return await pending.result()

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

    def as_completed(
        self,
        task_ids: Iterable[str] | AsyncIterable[str],
        *,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        until: Until = "video",
        max_concurrent: int = 1000,
    ) -> AsyncGenerator[Outcome]:
        """
        Wait for many tasks, and yield how each wait ended, in the order in which they end.

        A failure is an :class:`Outcome` like any other and ends nothing. An
        error of *task_ids* itself is raised once what was begun has settled.
        Leaving the loop early ends the waits; their tasks go on.

        Args:
            task_ids: Ids, any number of them, from any iterable or async
                iterable; it is read only as far as there are places.
            timeout: Seconds for each wait, from the moment it has a place; None for no limit.
            schedule: The cadence; the client's when None.
            until: What ends the wait of a task that succeeds; see :meth:`wait_until_complete`.
            max_concurrent: Waits under way at the same time, outcomes not yet taken included.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
        """
        waits = self._wait_for_many(timeout, schedule, until, max_concurrent, include_events=False)
        return cast(AsyncGenerator[Outcome], waits.follow(check_ids(task_ids)))

    def events(
        self,
        task_ids: Iterable[str] | AsyncIterable[str],
        *,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        until: Until = "video",
        max_concurrent: int = 1000,
    ) -> AsyncGenerator[ProgressEvent | Outcome]:
        """
        Wait for many tasks, and yield the events of all of them in one stream.

        The last news of each wait is its :class:`Outcome`. A reader that is
        slower than the polls gets the newest event of each wait and never a
        queue of old ones. All else is as in :meth:`as_completed`.

        Args:
            task_ids: Ids, any number of them, from any iterable or async
                iterable; it is read only as far as there are places.
            timeout: Seconds for each wait, from the moment it has a place; None for no limit.
            schedule: The cadence; the client's when None.
            until: What ends the wait of a task that succeeds; see :meth:`wait_until_complete`.
            max_concurrent: Waits under way at the same time, outcomes not yet taken included.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
        """
        waits = self._wait_for_many(timeout, schedule, until, max_concurrent, include_events=True)
        return waits.follow(check_ids(task_ids))

    def download(
        self,
        source: str | VideoTask | Watch,
        path: str | os.PathLike[str],
        *,
        if_exists: IfExists = "error",
        max_size: int | None = 4 * 1024**3,
        allow_private: bool = False,
        variant: str | None = None,
        timeout: float | None = None,
    ) -> Download:
        """
        Return a download of a finished video: ``await`` it for the file, or iterate it for events.

        Nothing is sent before it is awaited or iterated. The file is under
        its path when it is whole, and not before: until then, what has come
        is beside it in a part file, with which a later download goes on.

        Args:
            source: The task, or its id, or a wait for it, which is then awaited first.
            path: Where the file is to be; its directory must be there.
            if_exists: What to do about a file that is there already: ``"error"``
                (:class:`OutputExistsError`), ``"overwrite"`` it when the video is whole, or
                ``"skip"`` the download.
            max_size: The most bytes that it may have; None for any number.
            allow_private: Whether links of a service on the internet may lead to addresses
                that are not. Links of a service on this machine or network always may.
            variant: Another file of the task that ``/content`` has, such as ``"thumbnail"``; it
                need not be a video. None for the video itself.
            timeout: Seconds for the download, its turn included and a wait for the task not;
                None for no limit. Without any byte it breaks off after ``request_timeout``.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
        """
        request = DownloadRequest(
            task_id=find_id(source),
            path=check_path(path),
            max_size=None if max_size is None else check_count("max_size", max_size, least=1),
            variant=check_variant(variant),
        )
        options = DownloadOptions(
            if_exists=cast(IfExists, check_word("if_exists", if_exists, get_args(IfExists))),
            allow_private=bool(allow_private),
            timeout=check_limit("timeout", timeout),
        )
        return Download(self.get_task, self._find_download_manager, source, request, options)

    def batch(
        self,
        orders: Iterable[object] | AsyncIterable[object],
        *,
        output_dir: str | os.PathLike[str],
        journal: str | os.PathLike[str] | None = None,
        max_creates: int = 4,
        max_waits: int = 20,
        max_downloads: int = 4,
        timeout: float | None = 1800.0,
        reconcile_delay: float = 30.0,
    ) -> AsyncGenerator[BatchOutcome]:
        """
        Make many videos and save them, and yield how each order ended, as they end.

        A journal on disk knows what was ordered. The same call with the same
        journal goes on where the last one stopped, however that ended: no order is
        sent twice, and what is saved already is not fetched again. An order of
        which a killed run cannot have known whether it had arrived is looked for
        in the service's list. It is sent again only where the list proves that there is no
        task of it; otherwise the outcome is a :class:`CreateOutcomeUnknownError`.

        A failure is a :class:`BatchOutcome` like any other. After an error that
        all orders would meet, such as an empty account, nothing more is
        ordered, and what is under way is finished. Leaving the loop early ends
        the run, and so does closing the client; orders that have left are waited for.

        Args:
            orders: Each a prompt, or the arguments of :meth:`create_task` as a mapping of
                what JSON can hold, in which *name* may name the file.
            output_dir: The folder for the files; it is made where there is none.
            journal: The journal's file; ``batch.jsonl`` in *output_dir* when None.
            max_creates: How many orders are sent at the same time.
            max_waits: How many tasks there may be on the service that have not ended.
            max_downloads: How many videos are downloaded at the same time.
            timeout: Seconds for each wait, and for an order that is refused with 429 again
                and again; None for no limit.
            reconcile_delay: Seconds after which the service surely lists a task for an order that a
                killed run has sent; a run that finds such an order begins with so long a pause.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
            JournalError: The journal cannot be used; nothing was sent.
        """
        options = (
            output_dir,
            journal,
            max_creates,
            max_waits,
            max_downloads,
            timeout,
            reconcile_delay,
        )
        batch = self._batch(orders, *options, include_events=False)
        return cast(AsyncGenerator[BatchOutcome], batch)

    def batch_events(
        self,
        orders: Iterable[object] | AsyncIterable[object],
        *,
        output_dir: str | os.PathLike[str],
        journal: str | os.PathLike[str] | None = None,
        max_creates: int = 4,
        max_waits: int = 20,
        max_downloads: int = 4,
        timeout: float | None = 1800.0,
        reconcile_delay: float = 30.0,
    ) -> AsyncGenerator[BatchEvent | BatchOutcome]:
        """
        Do as :meth:`batch` does, and yield what happens to each order as well, in one stream.

        The last news of each order is its :class:`BatchOutcome`. A slow reader gets the
        newest event of each stage of an order, and never a queue of old ones.

        Args:
            orders: As in :meth:`batch`, and so are all that follow.
            output_dir: The folder for the files.
            journal: The journal's file; ``batch.jsonl`` in *output_dir* when None.
            max_creates: How many orders are sent at the same time.
            max_waits: How many tasks there may be on the service that have not ended.
            max_downloads: How many videos are downloaded at the same time.
            timeout: Seconds for each wait; None for no limit.
            reconcile_delay: Seconds until what a killed run has sent is looked for.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
            JournalError: The journal cannot be used; nothing was sent.
        """
        options = (
            output_dir,
            journal,
            max_creates,
            max_waits,
            max_downloads,
            timeout,
            reconcile_delay,
        )
        return self._batch(orders, *options, include_events=True)

    async def close(self) -> None:
        """
        Close what the client has on this loop; a session that was given stays open.

        Waits that go on end with :class:`ClientClosedError`; their tasks are not touched.
        An order that has left gets a few seconds to be answered, for its id.
        """
        resources = find_resources(self._resources_by_loop)
        if resources is not None:
            await resources.close()

    def _key(self, task_id: str, schedule: Policy | None, until: Until) -> PollKey:
        fault_policy = self._fault_policy
        if until != fault_policy.until:
            fault_policy = attrs.evolve(fault_policy, until=check_until(until))
        return PollKey(task_id, check_schedule(schedule) or self._schedule, fault_policy)

    def _begin(self, given: Mapping[str, Any]) -> PendingCreate[VideoTask]:
        """Begin to create a task; *given* are the arguments of :meth:`create_task`."""
        named: dict[str, Any] = {name: given.get(name) for name in _NAMED}
        extra = {name: value for name, value in given.items() if name not in _NAMED}
        return self._resources().create(self._payload(**named, extra=extra))

    def _payload(
        self,
        *,
        prompt: object,
        model: object,
        seconds: object,
        size: object,
        input_reference: Any,
        as_json: bool | None,
        extra: Mapping[str, Any],
    ) -> CreatePayload:
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
            upload = FileSource("input_reference", input_reference)
        payload = CreatePayload(
            fields=fields,
            dialect=self._dialect,
            is_json=self._dialect.body == "json" if as_json is None else as_json,
            upload=upload,
            address=address,
        )
        payload.check()
        return payload

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

    def _wait_for_many(
        self,
        timeout: float | None,
        schedule: Policy | None,
        until: Until,
        max_concurrent: int,
        *,
        include_events: bool,
    ) -> ManyWaits:
        def wait(task_id: str) -> Watch:
            return self.wait_until_complete(
                task_id, timeout=timeout, schedule=schedule, until=until
            )

        wait("any")  # bad terms are found out here, and not as the outcome of each wait
        return ManyWaits(
            wait,
            max_concurrent=check_count("max_concurrent", max_concurrent, least=1),
            include_events=include_events,
        )

    def _batch(
        self,
        orders: Iterable[object] | AsyncIterable[object],
        output_dir: str | os.PathLike[str],
        journal: str | os.PathLike[str] | None,
        max_creates: int,
        max_waits: int,
        max_downloads: int,
        timeout: float | None,
        reconcile_delay: float,
        *,
        include_events: bool,
    ) -> AsyncGenerator[BatchEvent | BatchOutcome]:
        from .._batch.batch import BatchOptions, run_batch

        folder = Path(check_path(output_dir))
        plan = BatchOptions(
            output_dir=folder,
            max_creates=check_count("max_creates", max_creates, least=1),
            max_waits=check_count("max_waits", max_waits, least=1),
            max_downloads=check_count("max_downloads", max_downloads, least=1),
            timeout=check_limit("timeout", timeout),
            reconcile_delay=check_seconds("reconcile_delay", reconcile_delay),
        )
        path = folder / "batch.jsonl" if journal is None else Path(check_path(journal))
        return run_batch(self, plan, path, check_ids(orders), include_events=include_events)

    def _find_download_manager(self) -> "DownloadManager":
        return self._resources().downloads

    def _hold(self, task: "asyncio.Task[None]") -> None:
        self._resources().hold(task)

    def _find_poller(self) -> Poller:
        return self._resources().poller

    def _resources(self) -> LoopResources:
        resources = find_resources(self._resources_by_loop)
        if resources is None:
            resources = LoopResources(
                self._http_options,
                rate_limit=self._rate_limit,
                duration_history=self._duration_history,
                base_url=self._base_url,
                dialect=self._dialect,
                max_retries=self._max_retries,
                trace_configs=self._trace_configs,
                session=self._session,
                max_downloads=self._max_downloads,
                trust_env=self._trust_env,
            )
            self._resources_by_loop[asyncio.get_running_loop()] = resources
        return resources
