"""The client: one object that creates tasks, gets them, waits for them and saves their videos."""

import asyncio
import contextlib
import math
import os
import ssl
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, cast, get_args

import aiohttp
import attrs

from .._batch.events import BatchEvent, BatchOutcome
from .._download.download import Download, DownloadOptions, find_id
from .._download.request import DownloadRequest, IfExists
from .._http.create import AcceptedEncoding, PendingCreate
from .._http.proxies import check_proxy
from .._http.rate_limit import RateLimit
from .._http.request_body import CreatePayload, FormPayload
from .._http.session import (
    HttpOptions,
    check_session,
    check_trace_configs,
    find_secrets,
    make_headers,
)
from .._http.throttle import Counters
from .._http.upload import FileInput
from .._polling.create_first import PendingTask
from .._polling.events import ProgressEvent
from .._polling.fault_policy import FaultPolicy, Until
from .._polling.many import ManyWaits, Outcome
from .._polling.never_awaited import EventStream
from .._polling.polled_task import PollKey
from .._polling.poller import Poller
from .._polling.watch import Watch
from .._wire.dialects import Dialect, DialectName, find_dialect, guess_dialect
from .._wire.request_encoder import check_fields
from .._wire.secrets import SecretStr, check_api_key, hide_headers
from .._wire.urls import check_base_url, check_task_id, cut_overlap
from ..errors.base import check_bool
from ..models import Character, ClientStats, VideoTask
from ..schedule import DEFAULT_SCHEDULE, Policy
from ..schedule.learning.duration_history import DurationHistory
from .arguments import (
    check_call_headers,
    check_channel,
    check_count,
    check_duration,
    check_duration_history,
    check_idempotency_key,
    check_items,
    check_iterable,
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
    choose_schedule,
    make_file_source,
    make_task_payload,
)
from .loop_resources import (
    ClientConfig,
    LoopResources,
    ResourcesByLoop,
    abandon,
    find_resources,
)

if TYPE_CHECKING:
    from .._download.manager import DownloadManager


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
            ``SORA_BASE_URL`` when None. One of the two must be set.
        dialect: What calls the service offers and how they are spelled: a
            :class:`~sora_async.Dialect` or the name of one; None chooses by *base_url*.
        session: An aiohttp session to send with; the client never closes it.
            *trust_env* and *trace_configs* do not apply to it.
        headers: Further headers for every request, such as ``X-Forwarded-Host``.
        schedule: When to poll, for waits that name no schedule.
        duration_history: What was learned of how long tasks take; a new one when
            None. A :class:`~sora_async.LearningSchedule` uses it.
        rate_limit: What all requests under one event loop may add up to.
        request_timeout: Seconds for one request, connection and body
            included; the time that it waits for the rate limit does not count.
        create_timeout: The same for a create: uploads take long.
        outage_timeout: Seconds that a wait goes on without a successful poll;
            None for as long as the wait lasts.
        max_retries: How often :meth:`get_task` and other calls are retried after a transient
            error, and how often a create tries again to connect. Waits do not use it: they
            have *outage_timeout*.
        max_response_size: The most bytes of a response that are read, after decompression.
        allow_plain_http: Whether the key may go to an ``http`` address that is not this machine.
        ssl: What to verify TLS with, such as a context with a private CA.
        trust_env: Whether proxies named by the environment are used.
        proxy: An HTTP proxy for all requests, such as ``"http://user:password@10.0.0.2:8080"``;
            SOCKS needs a *session* of its own.
        trace_configs: aiohttp's trace configurations, for OpenTelemetry for instance.
        max_downloads: Downloads under way at the same time under one event loop; others wait.

    Raises:
        InvalidArgumentError: An argument cannot be used; the error says which and why.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        dialect: Dialect | DialectName | None = None,
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
        key = SecretStr(os.environ.get("SORA_API_KEY") if api_key is None else api_key)
        own_headers = hide_headers(headers)
        # What is shown of this frame when an argument is refused holds no secret.
        del api_key, headers
        all_headers = make_headers(check_api_key(key), own_headers)
        secrets = find_secrets(all_headers)
        check_bool("allow_plain_http", allow_plain_http)
        self._fault_policy = FaultPolicy(
            outage_timeout=check_limit("outage_timeout", outage_timeout)
        )
        self._schedule = check_schedule(schedule) or DEFAULT_SCHEDULE
        http = HttpOptions(
            headers=all_headers,
            secrets=secrets,
            request_timeout=check_seconds("request_timeout", request_timeout),
            create_timeout=check_seconds("create_timeout", create_timeout),
            max_response_size=check_count("max_response_size", max_response_size, least=1),
            ssl=check_ssl(ssl),
            trust_env=check_bool("trust_env", trust_env) and session is None,
            proxy=check_proxy(proxy),
        )
        options: dict[str, Any] = {
            "session": check_session(session),
            "trace_configs": check_trace_configs(trace_configs),
            "trust_env": trust_env,
            "rate_limit": check_rate_limit(rate_limit) or RateLimit(),
            "duration_history": check_duration_history(duration_history) or DurationHistory(),
            "max_retries": check_count("max_retries", max_retries, least=0),
            "max_downloads": check_count("max_downloads", max_downloads, least=1),
        }
        named_dialect = None if dialect is None else find_dialect(dialect)
        # Last, so that a program without SORA_BASE_URL learns of its other mistakes as well.
        url = check_base_url(os.environ.get("SORA_BASE_URL") if base_url is None else base_url)
        found_dialect = named_dialect or guess_dialect(url)
        url = cut_overlap(url, found_dialect.create_path)
        check_channel(url, is_secret=bool(secrets), allow_plain_http=allow_plain_http)
        self._config = ClientConfig(http=http, base_url=url, dialect=found_dialect, **options)
        self._counters = Counters()
        self._accepted_encoding = AcceptedEncoding()
        self._resources_by_loop: ResourcesByLoop = {}
        weakref.finalize(self, abandon, self._resources_by_loop).atexit = False

    def __repr__(self) -> str:
        """Return the address; never the key."""
        return f"<SoraClient {self.base_url}>"

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
        return self._config.base_url

    @property
    def has_api_key(self) -> bool:
        """Whether requests to the service carry a key."""
        return "Authorization" in self._config.http.headers

    @property
    def dialect(self) -> Dialect:
        """What calls the service offers, and how they are spelled."""
        return self._config.dialect

    @property
    def duration_history(self) -> DurationHistory:
        """What this client has learned of how long tasks take."""
        return self._config.duration_history

    @property
    def stats(self) -> ClientStats:
        """What the client is doing now, and what it has counted; may be read in any thread."""
        found = [one for one in list(self._resources_by_loop.values()) if not one.is_closed]
        rates = [one.rate for one in found] or [self._config.rate_limit.rate or math.inf]
        return ClientStats(
            waits=sum(one.poller.wait_count for one in found),
            outages=sum(one.poller.outage_count for one in found),
            downloads=sum(one.download_count for one in found),
            rate=None if math.inf in rates else sum(rates),
            polls=self._counters.polls,
            rate_limited=self._counters.rate_limited,
        )

    def wait_until_complete(
        self,
        task_id: str,
        *,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        poll_interval: float | None = None,
        until: Until = "video",
        appear_within: float = 30.0,
        webhook: bool = False,
        already_waited: float = 0.0,
    ) -> Watch:
        """
        Return a wait for a task: ``await`` it for the finished task, or iterate it for its events.

        Nothing is sent before the watch is awaited or iterated.
        Waits of one client for the same task with the same options share their polls.

        Args:
            task_id: The id, as the service gave it.
            timeout: Seconds for the whole wait, from its first use; None for no limit.
            schedule: When to poll; the client's schedule when None.
            poll_interval: Seconds between two polls, within 15 %, instead of a schedule.
            until: What ends the wait of a task that succeeds:
                ``"video"``, a ``video_url``; or the ``content_url``, as soon as the service has
                the file there, or when no URL comes within 45 s;
                ``"completed"``, the success itself;
                ``"video_url"``, a URL and nothing else (:class:`VideoMissingError` after 45 s).
            appear_within: Seconds for which a 404 about a task that was never seen is retried: a
                new task may not be visible to polls yet. A 404 that names another reason, such
                as a path that does not exist, ends the wait at once.
            webhook: Whether :meth:`notify` is called when the task ends. Once webhooks are seen
                to arrive, and it is known how long such tasks take, the task is polled when
                95 % of them have ended, and on schedule after that; a lost webhook costs that
                time, and never the video.
            already_waited: Seconds that the task was waited for before, in another process
                for instance; *timeout*, ``elapsed`` and the duration history include them.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
            TaskFailedError: On ``await``: the task failed, was cancelled or expired.
            WaitTimeoutError: On ``await``: *timeout* expired; the task goes on.
            OutageError: On ``await``: no poll was successful for ``outage_timeout``; the task
                goes on.
            VideoMissingError: On ``await``, with ``until="video_url"``: the task has no URL.
            ClientClosedError: On ``await``: the client was closed during the wait.
            TaskNotFoundError: On ``await``: the service does not know the id.
            ConnectionFailedError: On ``await``: the service has never responded.
            InvalidResponseError: On ``await``: the first response was a web page or no task.
            ResponseError: On ``await``: the service refused the poll; its class says why.
        """
        return Watch(
            self._find_poller,
            self._poll_key(
                check_task_id(task_id),
                schedule=schedule,
                poll_interval=poll_interval,
                until=until,
                appear_within=appear_within,
                webhook=webhook,
            ),
            timeout=check_limit("timeout", timeout),
            already_waited=check_duration("already_waited", already_waited),
        )

    def create_and_wait(
        self,
        *,
        prompt: str,
        model: str | None = None,
        seconds: float | str | None = None,
        size: str | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        seed: int | None = None,
        negative_prompt: str | None = None,
        generate_audio: bool | None = None,
        n: int | None = None,
        input_reference: FileInput | Sequence[FileInput] | None = None,
        first_frame: FileInput | None = None,
        last_frame: FileInput | None = None,
        reference_images: FileInput | Sequence[FileInput] | None = None,
        reference_videos: FileInput | Sequence[FileInput] | None = None,
        reference_audio: FileInput | Sequence[FileInput] | None = None,
        as_json: bool | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        poll_interval: float | None = None,
        until: Until = "video",
        appear_within: float = 30.0,
        webhook: bool = False,
        callback_url: str | None = None,
        **extra: Any,
    ) -> Watch:
        """
        Return a wait for a task that it creates: ``await`` it, or iterate it for its events.

        Nothing is sent before the watch is awaited or iterated. Then one task is created; the
        create is repeated only as :meth:`create_task` repeats it. Its response is the first
        event, and from then on
        :attr:`Watch.task_id` is the id: in an event, after an error, after a
        cancellation. Leaving while the create is being sent does not cancel it;
        awaiting the watch again goes on with it.

        Args:
            prompt: As in :meth:`create_task`, like all up to *as_json*.
            model: The model.
            seconds: The length of the video.
            size: Such as ``"1280x720"``.
            aspect_ratio: Such as ``"16:9"``.
            resolution: Such as ``"1080p"``.
            seed: A whole number; the same one gives a similar video.
            negative_prompt: What the video is not to show.
            generate_audio: Whether it has sound.
            n: How many videos are made.
            input_reference: A reference image or video, like all up to *reference_audio*.
            first_frame: The image that the video begins with.
            last_frame: The image that it ends with.
            reference_images: Images whose content or style is to appear.
            reference_videos: The same for videos.
            reference_audio: Reference audio.
            as_json: Whether the create is sent as JSON; None: as the dialect says.
            idempotency_key: Of this create; a new one when None.
            headers: Further headers of the create.
            timeout: Seconds from the first use to the finished task, the
                create included; None for no limit.
            schedule: When to poll; the client's schedule when None.
            poll_interval: Seconds between two polls, within 15 %, instead of a schedule.
            until: What ends the wait of a task that succeeds; see :meth:`wait_until_complete`.
            appear_within: Seconds for which a 404 is retried; see :meth:`wait_until_complete`.
            webhook: Whether :meth:`notify` is called when a task ends; see
                :meth:`wait_until_complete`.
            callback_url: Where the service is to send its webhook, in the field of this name; it
                sets *webhook*. For a service that names it otherwise, use *extra* and *webhook*.
            extra: Any further field of the service.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent. On ``await``: a
                file cannot be read.
            CreateOutcomeUnknownError: On ``await``: there may be a task now; look before you
                create again.
            TaskFailedError: On ``await``: the task failed, was cancelled or expired.
            WaitTimeoutError: On ``await``: *timeout* expired; the task goes on.
            OutageError: On ``await``: no poll was successful for ``outage_timeout``; the task
                goes on.
            VideoMissingError: On ``await``, with ``until="video_url"``: the task has no URL.
            ClientClosedError: On ``await``: the client was closed during the wait.
            ConnectionFailedError: On ``await``: there was no connection; no task was created.
            ResponseError: On ``await``: the service refused the create or a poll; its class says
                why.
        """
        headers = hide_headers(headers)
        payload = make_task_payload(
            self.dialect,
            {
                "prompt": prompt,
                "model": model,
                "seconds": seconds,
                "size": size,
                "aspect_ratio": aspect_ratio,
                "resolution": resolution,
                "seed": seed,
                "negative_prompt": negative_prompt,
                "generate_audio": generate_audio,
                "n": n,
                "first_frame": first_frame,
                "last_frame": last_frame,
                "input_reference": input_reference,
                "reference_images": reference_images,
                "reference_videos": reference_videos,
                "reference_audio": reference_audio,
                "as_json": as_json,
                "idempotency_key": idempotency_key,
                "headers": headers,
                "callback_url": callback_url,
                **extra,
            },
        )
        return Watch(
            self._find_poller,
            self._poll_key(
                "",
                schedule=schedule,
                poll_interval=poll_interval,
                until=until,
                appear_within=appear_within,
                webhook=check_bool("webhook", webhook) or callback_url is not None,
            ),
            timeout=check_limit("timeout", timeout),
            pending_task=PendingTask(lambda: self._resources().creates.create_task(payload)),
        )

    async def create_task(
        self,
        *,
        prompt: str,
        model: str | None = None,
        seconds: float | str | None = None,
        size: str | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        seed: int | None = None,
        negative_prompt: str | None = None,
        generate_audio: bool | None = None,
        n: int | None = None,
        input_reference: FileInput | Sequence[FileInput] | None = None,
        first_frame: FileInput | None = None,
        last_frame: FileInput | None = None,
        reference_images: FileInput | Sequence[FileInput] | None = None,
        reference_videos: FileInput | Sequence[FileInput] | None = None,
        reference_audio: FileInput | Sequence[FileInput] | None = None,
        as_json: bool | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> VideoTask:
        """
        Create a task and return its first snapshot.

        It is sent once. It is tried again, up to ``max_retries`` times, only while there is
        no connection, so that nothing can have arrived; or, where the dialect says that the
        service deduplicates creates, also after a broken connection or a 5xx.
        Cancelling this call stops a create of which nothing was sent; any other
        goes on, and the log says which task it made.
        :meth:`create_and_wait` gives the id in any case.

        Args:
            prompt: What the video is to show.
            model: The model, as the service spells it; None for the service's choice.
            seconds: The length of the video.
            size: Such as ``"1280x720"``.
            aspect_ratio: Such as ``"16:9"``.
            resolution: Such as ``"1080p"``.
            seed: A whole number; the same one gives a similar video.
            negative_prompt: What the video is not to show.
            generate_audio: Whether it has sound.
            n: How many videos are made.
            input_reference: A reference image or video, or a list of them: a path, bytes, a file
                opened in binary, ``(name, data[, type])``, an ``http(s)`` or ``data:`` address,
                base64 of a picture, or an image of PIL. A file is read as it is sent, and its
                content type is recognised by its first bytes. What the service cannot take is an
                error before anything is sent.
            first_frame: The image that the video begins with.
            last_frame: The image that it ends with.
            reference_images: Images whose content or style is to appear.
            reference_videos: The same for videos.
            reference_audio: Reference audio.
            as_json: Whether the create is sent as JSON instead of a form; a file is
                then a ``data:`` address in it. None: as the dialect says.
            idempotency_key: Sent as ``Idempotency-Key``; 32 hex digits made for this create when
                None. Pass that of an earlier attempt to repeat it, where the service deduplicates
                creates by it.
            headers: Further headers of this request.
            extra: Any further field of the service, such as ``watermark``,
                ``style`` or ``images``. One that is None is left out.

        Raises:
            InvalidArgumentError: An argument or its file cannot be used; nothing was sent.
            CreateOutcomeUnknownError: There may be a task now; look before you create again.
            ConnectionFailedError: There was no connection; nothing was sent.
            UnsupportedOperationError: This server creates nothing at this address.
            ResponseError: The service has refused; its class says why.
        """
        headers = hide_headers(headers)
        payload = make_task_payload(
            self.dialect,
            {
                "prompt": prompt,
                "model": model,
                "seconds": seconds,
                "size": size,
                "aspect_ratio": aspect_ratio,
                "resolution": resolution,
                "seed": seed,
                "negative_prompt": negative_prompt,
                "generate_audio": generate_audio,
                "n": n,
                "first_frame": first_frame,
                "last_frame": last_frame,
                "input_reference": input_reference,
                "reference_images": reference_images,
                "reference_videos": reference_videos,
                "reference_audio": reference_audio,
                "as_json": as_json,
                "idempotency_key": idempotency_key,
                "headers": headers,
                **extra,
            },
        )
        return await self._resources().creates.create_task(payload).result()

    async def remix_task(
        self,
        task_id: str,
        *,
        prompt: str,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> VideoTask:
        """
        Make a new task of a finished one's video, and return its first snapshot.

        It is sent once, as in :meth:`create_task`, and raises the same errors.

        Args:
            task_id: The id of the finished task.
            prompt: What is to be different.
            idempotency_key: As in :meth:`create_task`.
            headers: Further headers of this request.
            extra: Any further field of the service.
        """
        check_task_id(task_id)
        headers = check_call_headers(headers)
        fields = check_fields({"prompt": check_prompt(prompt), **extra})
        payload = CreatePayload(
            fields=fields,
            dialect=self.dialect,
            encoding="json",
            headers=headers,
            idempotency_key=check_idempotency_key(idempotency_key),
        )
        return await self._resources().creates.remix_task(task_id, payload).result()

    async def create_character(self, *, name: str, video: FileInput, **extra: Any) -> Character:
        """
        Make a character from a video, to be named in prompts.

        It is sent once, as in :meth:`create_task`, and raises the same errors.

        Args:
            name: What it is to be called.
            video: A path, bytes, or a file opened in binary.
            extra: Any further field of the service.
        """
        payload = FormPayload(
            fields=check_fields({"name": check_text("name", name), **extra}),
            field="video",
            source=make_file_source("video", video, kinds=("video/",)),
        )
        return await self._resources().creates.create_character(payload).result()

    async def get_task(self, task_id: str) -> VideoTask:
        """
        Return the current snapshot of a task, whatever its phase.

        Transient errors are retried, up to ``max_retries`` times and with full jitter.
        It counts towards the rate limit, and waits while the service's ``Retry-After``
        holds back all requests; one longer than ``request_timeout`` is an error at once.

        Args:
            task_id: The id, as the service gave it.

        Raises:
            InvalidArgumentError: No id can look like this; nothing was sent.
            ConnectionFailedError: There was no response.
            InvalidResponseError: The response is no task.
            ResponseError: The service answered with an error; its class says which.
        """
        return await self._resources().calls.get_task(check_task_id(task_id))

    def list_tasks(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        order: Literal["asc", "desc"] = "desc",
    ) -> AsyncGenerator[VideoTask]:
        """
        Yield the tasks of the account; a page is requested when the one before is used up.

        Args:
            limit: How many at most; None for all of them.
            after: The id of the task before the first one wanted.
            order: ``"desc"`` from the newest on, ``"asc"`` from the oldest.

        Raises:
            UnsupportedOperationError: This server has no list.
            SoraError: As in :meth:`get_task`.
        """
        check_word("order", order, ("asc", "desc"))
        if limit is not None:
            check_count("limit", limit, least=1)
        if after is not None:
            check_task_id(after)
        return EventStream(self._list_tasks(limit, after, order), "SoraClient.list_tasks()")

    async def delete_task(self, task_id: str) -> None:
        """
        Delete a task and its video.

        Transient errors are retried as in :meth:`get_task`.

        Args:
            task_id: The id, as the service gave it.

        Raises:
            TaskNotFoundError: There is no such task, or not any more.
            UnsupportedOperationError: This server deletes nothing.
            SoraError: As in :meth:`get_task`.
        """
        await self._resources().calls.delete_task(check_task_id(task_id))

    async def cancel_task(self, task_id: str) -> None:
        """
        Stop a task that is queued or running, where the service can.

        A wait for it ends with :class:`TaskFailedError` and the code ``"cancelled"``.
        Transient errors are retried as in :meth:`get_task`.

        At MiniMax a cancel and a delete are one call: it cancels a queued task, is refused for
        a running one, and deletes one that has ended.

        Args:
            task_id: The id, as the service gave it.

        Raises:
            UnsupportedOperationError: This server cancels nothing, or the dialect has no
                ``cancel_path``.
            ResponseError: The service has refused: the task has ended, for instance.
            SoraError: As in :meth:`get_task`.
        """
        await self._resources().calls.cancel_task(check_task_id(task_id))

    async def get_character(self, character_id: str) -> Character:
        """
        Return a character.

        Transient errors are retried as in :meth:`get_task`.

        Args:
            character_id: The id, as the service gave it.

        Raises:
            TaskNotFoundError: There is no such character.
            UnsupportedOperationError: This server knows no characters.
            SoraError: As in :meth:`get_task`.
        """
        return await self._resources().calls.get_character(check_task_id(character_id))

    def as_completed(
        self,
        task_ids: Iterable[str] | AsyncIterable[str],
        *,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        poll_interval: float | None = None,
        until: Until = "video",
        appear_within: float = 30.0,
        webhook: bool = False,
        max_concurrent: int = 1000,
    ) -> AsyncGenerator[Outcome]:
        """
        Wait for many tasks, and yield how each wait ended, in the order in which they end.

        A failure is an :class:`Outcome` like any other and ends nothing. An
        error of *task_ids* itself is raised once the waits that have begun are over.
        Leaving the loop early ends the waits; their tasks go on.

        Args:
            task_ids: Ids, any number of them, from any iterable or async
                iterable; the next one is read when fewer than *max_concurrent* waits are open.
            timeout: Seconds for each wait, from its start; None for no limit.
            schedule: When to poll; the client's schedule when None.
            poll_interval: Seconds between two polls, within 15 %, instead of a schedule.
            until: What ends the wait of a task that succeeds; see :meth:`wait_until_complete`.
            appear_within: Seconds for which a 404 is retried; see :meth:`wait_until_complete`.
            webhook: Whether :meth:`notify` is called when a task ends; see
                :meth:`wait_until_complete`.
            max_concurrent: Waits under way at the same time, outcomes not yet taken included.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.

        The error of a wait is in its outcome, and ``outcome.result()`` raises it: one of those of
        :meth:`wait_until_complete`, or :class:`UnexpectedError` for a bug.
        """
        waits = self._wait_for_many(
            max_concurrent,
            include_events=False,
            timeout=timeout,
            schedule=schedule,
            poll_interval=poll_interval,
            until=until,
            appear_within=appear_within,
            webhook=webhook,
        )
        return EventStream(
            cast(AsyncGenerator[Outcome], waits.follow(check_iterable("task_ids", task_ids))),
            "SoraClient.as_completed()",
        )

    def events(
        self,
        task_ids: Iterable[str] | AsyncIterable[str],
        *,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        poll_interval: float | None = None,
        until: Until = "video",
        appear_within: float = 30.0,
        webhook: bool = False,
        max_concurrent: int = 1000,
    ) -> AsyncGenerator[ProgressEvent | Outcome]:
        """
        Wait for many tasks, and yield the events of all of them in one stream.

        The last event of each wait is its :class:`Outcome`. A reader that is
        slower than the polls gets the newest event of each wait and never a
        queue of old ones. All else is as in :meth:`as_completed`.

        Args:
            task_ids: Ids, any number of them, from any iterable or async
                iterable; the next one is read when fewer than *max_concurrent* waits are open.
            timeout: Seconds for each wait, from its start; None for no limit.
            schedule: When to poll; the client's schedule when None.
            poll_interval: Seconds between two polls, within 15 %, instead of a schedule.
            until: What ends the wait of a task that succeeds; see :meth:`wait_until_complete`.
            appear_within: Seconds for which a 404 is retried; see :meth:`wait_until_complete`.
            webhook: Whether :meth:`notify` is called when a task ends; see
                :meth:`wait_until_complete`.
            max_concurrent: Waits under way at the same time, outcomes not yet taken included.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.

        The error of a wait is in its outcome, and ``outcome.result()`` raises it: one of those of
        :meth:`wait_until_complete`, or :class:`UnexpectedError` for a bug.
        """
        waits = self._wait_for_many(
            max_concurrent,
            include_events=True,
            timeout=timeout,
            schedule=schedule,
            poll_interval=poll_interval,
            until=until,
            appear_within=appear_within,
            webhook=webhook,
        )
        return EventStream(
            waits.follow(check_iterable("task_ids", task_ids)), "SoraClient.events()"
        )

    def notify(self, task_id: str) -> bool:
        """
        Poll a task now, because a webhook about it has come.

        The webhook's content is not used; the next poll decides, within the rate limit. One that
        is forged, late or sent twice costs at most one request, and one about a task that nobody
        waits for does nothing. It is for waits of this client on the running event loop, those of
        a batch included. From another thread, use
        ``loop.call_soon_threadsafe(client.notify, task_id)``.

        Args:
            task_id: The id in the webhook.

        Returns:
            Whether the task is waited for.
        """
        resources = find_resources(self._resources_by_loop)
        return resources is not None and resources.poller.notify(task_id)

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

        Nothing is sent before it is awaited or iterated. The file appears at
        *path* when it is complete: until then, the bytes received are in a
        part file beside it, from which a later download goes on.

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
            OutputExistsError: On ``await``: there is a file already.
            FileWriteError: On ``await``: the file cannot be written; :class:`DiskFullError` when
                there is no space.
            VideoNotReadyError: On ``await``: the task has no video yet.
            VideoGoneError: On ``await``: no URL of the video works.
            NotAVideoError: On ``await``: the address has something else.
            VariantMissingError: On ``await``: the service does not have the *variant*.
            VideoTooLargeError: On ``await``: it is larger than *max_size*.
            UnsafeURLError: On ``await``: a link leads to a private address.
            DownloadTimeoutError: On ``await``: *timeout* expired.
            DownloadInterruptedError: On ``await``: the connection broke repeatedly, or the client
                was closed; the next download resumes.
            TaskFailedError: On ``await``: the task failed, and there is no video.
            SoraError: On ``await``: the service did not return the task, or the wait for it failed,
                as in :meth:`get_task` and :meth:`wait_until_complete`.
        """
        if isinstance(source, Watch):
            source._hand_over()
        request = DownloadRequest(
            task_id=find_id(source),
            path=check_path(path),
            max_size=None if max_size is None else check_count("max_size", max_size, least=1),
            variant=check_variant(variant),
        )
        options = DownloadOptions(
            if_exists=cast(IfExists, check_word("if_exists", if_exists, get_args(IfExists))),
            allow_private=check_bool("allow_private", allow_private),
            timeout=check_limit("timeout", timeout),
        )
        return Download(self.get_task, self._find_download_manager, source, request, options)

    def batch(
        self,
        items: Iterable[object] | AsyncIterable[object],
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
        Make many videos and save them, and yield how each item ended, as they end.

        A journal on disk records what was created. The same call with the same journal goes on
        where the last one stopped, however that ended: nothing is created twice, and no saved
        video is downloaded again. A create that a killed run may have sent is looked up in the
        service's list. It is sent again only where the list proves that it made no task;
        otherwise the outcome is a :class:`CreateOutcomeUnknownError`.

        A failure is a :class:`BatchOutcome` like any other. After an error that all items would
        meet, such as an empty account or a full disk, nothing more is created, and what is under
        way is finished. Leaving the loop early ends the run, and so does closing the client;
        creates that were sent are waited for.

        Args:
            items: Each a prompt, or the arguments of :meth:`create_task` as a mapping of
                JSON values, in which *name* may name the file. With a *callback_url*, the wait
                expects a webhook, as that of :meth:`create_and_wait` does.
            output_dir: The folder for the files; it is made if it does not exist.
            journal: The journal's file; ``batch.jsonl`` in *output_dir* when None.
            max_creates: How many creates are sent at the same time.
            max_waits: How many tasks there may be on the service that have not ended.
            max_downloads: How many videos are downloaded at the same time.
            timeout: Seconds for each wait, and for a create that is refused with 429 again
                and again; None for no limit.
            reconcile_delay: Seconds after a create, after which the service lists its task; a
                run that finds a create of a killed run waits until these have passed.

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
        batch = self._batch(items, *options, include_events=False)
        return EventStream(cast(AsyncGenerator[BatchOutcome], batch), "SoraClient.batch()")

    def batch_events(
        self,
        items: Iterable[object] | AsyncIterable[object],
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
        Do as :meth:`batch` does, and yield what happens to each item as well, in one stream.

        The last update of each item is its :class:`BatchOutcome`. A slow reader gets the newest
        event of each stage of an item, and no queue of old ones.

        Args:
            items: As in :meth:`batch`, and so are all that follow.
            output_dir: The folder for the files.
            journal: The journal's file; ``batch.jsonl`` in *output_dir* when None.
            max_creates: How many creates are sent at the same time.
            max_waits: How many tasks there may be on the service that have not ended.
            max_downloads: How many videos are downloaded at the same time.
            timeout: Seconds for each wait; None for no limit.
            reconcile_delay: Seconds after which the create of a killed run is looked up.

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
        stream = self._batch(items, *options, include_events=True)
        return EventStream(stream, "SoraClient.batch_events()")

    async def close(self) -> None:
        """
        Close what the client has on this loop; a session that was given stays open.

        Waits that go on end with :class:`ClientClosedError`; their tasks are not touched.
        A create that was sent gets a few seconds for its response, which names the task's id.
        """
        resources = find_resources(self._resources_by_loop)
        if resources is not None:
            await resources.close()

    async def _list_tasks(
        self, limit: int | None, after: str | None, order: str
    ) -> AsyncGenerator[VideoTask, None]:
        tasks = self._resources().calls.list_tasks(limit=limit, after=after, order=order)
        async with contextlib.aclosing(tasks):
            async for task in tasks:
                yield task

    def _wait_for_many(
        self, max_concurrent: int, *, include_events: bool, **options: Any
    ) -> ManyWaits:
        """Return waits for many tasks; *options* are those of :meth:`wait_until_complete`."""

        def wait(task_id: str) -> Watch:
            return self.wait_until_complete(task_id, **options)

        wait("any")._hand_over()  # a bad argument is an error here, not the outcome of each wait
        return ManyWaits(
            wait,
            max_concurrent=check_count("max_concurrent", max_concurrent, least=1),
            include_events=include_events,
        )

    def _batch(
        self,
        items: Iterable[object] | AsyncIterable[object],
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
        # Imported here because a program that only waits does not need it; with the downloads,
        # it is 28 of the 160 ms that `import sora_async` takes.
        from .._batch.batch import BatchOptions, run_batch

        folder = Path(check_path(output_dir, name="output_dir"))
        options = BatchOptions(
            output_dir=folder,
            max_creates=check_count("max_creates", max_creates, least=1),
            max_waits=check_count("max_waits", max_waits, least=1),
            max_downloads=check_count("max_downloads", max_downloads, least=1),
            timeout=check_limit("timeout", timeout),
            reconcile_delay=check_seconds("reconcile_delay", reconcile_delay),
        )
        path = folder / "batch.jsonl"
        if journal is not None:
            path = Path(check_path(journal, name="journal"))
        items = check_items(items)
        return run_batch(self, options, path, items, include_events=include_events)

    def _begin(self, given: Mapping[str, Any], *, idempotency_key: str) -> PendingCreate[VideoTask]:
        """Begin to create a task; *given* are the arguments of :meth:`create_task`."""
        given = {**given, "idempotency_key": idempotency_key}
        return self._resources().creates.create_task(make_task_payload(self.dialect, given))

    def _poll_key(
        self,
        task_id: str,
        *,
        schedule: Policy | None,
        poll_interval: float | None,
        until: Until,
        appear_within: float,
        webhook: bool,
    ) -> PollKey:
        fault_policy = self._fault_policy
        if (until, appear_within) != (fault_policy.until, fault_policy.appear_within):
            fault_policy = attrs.evolve(
                fault_policy,
                until=check_until(until),
                appear_within=check_duration("appear_within", appear_within),
            )
        policy = choose_schedule(schedule, poll_interval, default=self._schedule)
        expects_webhook = check_bool("webhook", webhook)
        return PollKey(task_id, policy, fault_policy, expects_webhook=expects_webhook)

    def _find_poller(self) -> Poller:
        return self._resources().poller

    def _find_download_manager(self) -> "DownloadManager":
        return self._resources().downloads

    def _hold(self, task: "asyncio.Task[None]") -> None:
        self._resources().hold(task)

    def _resources(self) -> LoopResources:
        resources = find_resources(self._resources_by_loop)
        if resources is None:
            resources = LoopResources(self._config, self._counters, self._accepted_encoding)
            self._resources_by_loop[asyncio.get_running_loop()] = resources
        return resources
