"""The front door: one object that creates tasks, asks for them and waits for them."""

import asyncio
import os
import ssl
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
import attrs

from .._http.rate_limit import RateLimit
from .._http.session import HttpOptions, check_trace_configs
from .._http.upload import FileInput
from .._polling.create_first import PendingTask
from .._polling.fault_policy import FaultPolicy, Until
from .._polling.polled_task import PollKey
from .._polling.poller import Poller
from .._polling.watch import Watch
from .._wire.dialects import Dialect, find_dialect
from .._wire.urls import check_api_key, check_base_url, check_task_id, cut_overlap
from ..schedule import DEFAULT_SCHEDULE, Policy
from ..schedule.learning.memory import DurationHistory
from .arguments import (
    check_already_waited,
    check_channel,
    check_count,
    check_duration_history,
    check_limit,
    check_rate_limit,
    check_schedule,
    check_seconds,
    check_ssl,
    check_until,
    find_secrets,
    make_headers,
)
from .homes import ResourcesByLoop, abandon, find_resources
from .loop_resources import LoopResources
from .saves import Saves

DEFAULT_BASE_URL = "https://api.jxincm.cn"
"""The server that the API page names under ``servers``."""


class SoraClient(Saves):
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
        )
        self._fault_policy = FaultPolicy(outage=check_limit("outage_timeout", outage_timeout))
        self._schedule = check_schedule(schedule) or DEFAULT_SCHEDULE
        self._duration_history = check_duration_history(duration_history) or DurationHistory()
        self._budget = check_rate_limit(rate_limit) or RateLimit()
        self._max_retries = check_count("max_retries", max_retries, least=0)
        self._max_downloads = check_count("max_downloads", max_downloads, least=1)
        self._trust_env = trust_env
        self._session = session
        self._trace_configs = check_trace_configs(trace_configs)
        self._homes: ResourcesByLoop = {}
        weakref.finalize(self, abandon, self._homes).atexit = False

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

    def _key(self, task_id: str, schedule: Policy | None, until: Until) -> PollKey:
        fault_policy = self._fault_policy
        if until != fault_policy.until:
            fault_policy = attrs.evolve(fault_policy, until=check_until(until))
        return PollKey(task_id, check_schedule(schedule) or self._schedule, fault_policy)

    async def close(self) -> None:
        """
        Close what the client has on this loop; a session that was given stays open.

        Waits that go on end with :class:`ClientClosedError`; their tasks are not touched.
        An order that has left gets a few seconds to be answered, for its id.
        """
        resources = find_resources(self._homes)
        if resources is not None:
            await resources.close()

    def _find_poller(self) -> Poller:
        return self._resources().poller

    def _resources(self) -> LoopResources:
        resources = find_resources(self._homes)
        if resources is None:
            resources = LoopResources(
                self._http_options,
                rate_limit=self._budget,
                duration_history=self._duration_history,
                base_url=self._base_url,
                dialect=self._dialect,
                max_retries=self._max_retries,
                trace_configs=self._trace_configs,
                session=self._session,
                max_downloads=self._max_downloads,
                trust_env=self._trust_env,
            )
            self._homes[asyncio.get_running_loop()] = resources
        return resources
