"""The front door: one object that asks for tasks and waits for them."""

import asyncio
import os
import ssl
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, cast, get_args

import aiohttp
import attrs
import backoff

from ._batch import BatchOutcome, Plan, run_batch
from ._checks import (
    check_budget,
    check_channel,
    check_count,
    check_ids,
    check_limit,
    check_memory,
    check_path,
    check_schedule,
    check_seconds,
    check_ssl,
    check_until,
    check_variant,
    check_word,
    find_secrets,
    make_headers,
)
from ._course import Errand
from ._disk import IfExists
from ._download import Download, find_id
from ._download import Terms as DownloadTerms
from ._entry import Key
from ._home import Home, abandon, check_trace_configs, find_home
from ._many import Crowd, Outcome
from ._news import BatchEvent
from ._poller import Poller
from ._transfers import Transfers
from ._transport import Terms
from ._watch import Watch
from ._wire import check_api_key, check_base_url, check_task_id
from .budget import Budget
from .errors import ResponseError, SoraError, UnreadableReplyError
from .learning import Memory
from .models import ProgressEvent, VideoTask
from .schedule import DEFAULT_SCHEDULE, Policy
from .verdict import FAULT_INTERVALS, Patience, Until

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
        session: An aiohttp session to send with; never closed by the client.
            *trust_env* and *trace_configs* are then its own affair.
        headers: Further headers for every request, such as ``X-Forwarded-Host``.
        schedule: The cadence of waits that name none.
        memory: What was learned of how long tasks take; a new one when
            None. A :class:`~sora_async.schedule.LearningSchedule` goes by it.
        budget: What all requests under one event loop may add up to.
        request_timeout: Seconds for one request, connection and body
            included; the wait for a slot of the budget is not.
        outage_timeout: Seconds that a wait goes on without one good answer;
            None for as long as the wait lasts.
        max_retries: How often :meth:`get_task` asks again after a transient
            fault. Waits do not use it: they have *outage_timeout*.
        longest_body: Bytes of a reply that are read, after decompression.
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
        session: aiohttp.ClientSession | None = None,
        headers: Mapping[str, str] | None = None,
        schedule: Policy | None = None,
        budget: Budget | None = None,
        memory: Memory | None = None,
        request_timeout: float = 30.0,
        outage_timeout: float | None = 120.0,
        max_retries: int = 2,
        longest_body: int = 8 * 1024 * 1024,
        allow_plain_http: bool = False,
        ssl: ssl.SSLContext | None = None,
        trust_env: bool = False,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        max_downloads: int = 4,
    ) -> None:
        key = check_api_key(os.environ.get("SORA_API_KEY") if api_key is None else api_key)
        url = os.environ.get("SORA_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url
        self._base_url = check_base_url(url)
        all_headers = make_headers(key, headers or {})
        secrets = find_secrets(all_headers)
        check_channel(self._base_url, is_secret=bool(secrets), allow_plain_http=allow_plain_http)
        self._terms = Terms(
            headers=all_headers,
            secrets=secrets,
            request_timeout=check_seconds("request_timeout", request_timeout),
            longest_body=check_count("longest_body", longest_body, least=1),
            ssl=check_ssl(ssl),
            trust_env=trust_env and session is None,
        )
        self._patience = Patience(outage=check_limit("outage_timeout", outage_timeout))
        self._schedule = check_schedule(schedule) or DEFAULT_SCHEDULE
        self._memory = check_memory(memory) or Memory()
        self._budget = check_budget(budget) or Budget()
        self._max_retries = check_count("max_retries", max_retries, least=0)
        self._max_downloads = check_count("max_downloads", max_downloads, least=1)
        self._trust_env = trust_env
        self._session = session
        self._trace_configs = check_trace_configs(trace_configs)
        self._homes: dict[asyncio.AbstractEventLoop, Home] = {}
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
        """The service's address, without ``/v1``."""
        return self._base_url

    @property
    def memory(self) -> Memory:
        """What this client has learned of how long tasks take."""
        return self._memory

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
        home, patience = self._home(), self._terms.request_timeout
        for ceiling in FAULT_INTERVALS[: self._max_retries]:
            try:
                return await home.fetch(task_id, patience=patience)
            except SoraError as fault:
                asked = fault.retry_after or 0.0 if isinstance(fault, ResponseError) else 0.0
                is_html = isinstance(fault, UnreadableReplyError) and fault.is_html
                if not fault.transient or is_html or asked > patience:
                    raise
            await asyncio.sleep(max(asked, backoff.full_jitter(ceiling)))
        return await home.fetch(task_id, patience=patience)

    def wait_until_complete(
        self,
        task_id: str,
        *,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        until: Until = "video",
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

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
        """
        patience = self._patience
        if until != patience.until:
            patience = attrs.evolve(patience, until=check_until(until))
        return Watch(
            self,
            Key(check_task_id(task_id), check_schedule(schedule) or self._schedule, patience),
            timeout=check_limit("timeout", timeout),
        )

    def as_completed(
        self,
        task_ids: Iterable[str] | AsyncIterable[str],
        *,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        until: Until = "video",
        at_once: int = 1000,
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
            at_once: Waits under way at the same time, outcomes not yet taken included.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
        """
        crowd = self._crowd(timeout, schedule, until, at_once, is_chatty=False)
        return cast(AsyncGenerator[Outcome], crowd.follow(check_ids(task_ids)))

    def events(
        self,
        task_ids: Iterable[str] | AsyncIterable[str],
        *,
        timeout: float | None = 1800.0,
        schedule: Policy | None = None,
        until: Until = "video",
        at_once: int = 1000,
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
            at_once: Waits under way at the same time, outcomes not yet taken included.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
        """
        crowd = self._crowd(timeout, schedule, until, at_once, is_chatty=True)
        return crowd.follow(check_ids(task_ids))

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
                (:class:`TargetExistsError`), ``"overwrite"`` it when the video is whole, or
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
        errand = Errand(
            task_id=find_id(source),
            path=check_path(path),
            max_size=None if max_size is None else check_count("max_size", max_size, least=1),
            variant=check_variant(variant),
        )
        terms = DownloadTerms(
            if_exists=cast(IfExists, check_word("if_exists", if_exists, get_args(IfExists))),
            allow_private=bool(allow_private),
            timeout=check_limit("timeout", timeout),
        )
        return Download(self, source, errand, terms)

    def batch(
        self,
        orders: Iterable[object] | AsyncIterable[object],
        *,
        out: str | os.PathLike[str],
        journal: str | os.PathLike[str] | None = None,
        creating: int = 4,
        waiting: int = 20,
        downloading: int = 4,
        timeout: float | None = 1800.0,
    ) -> AsyncGenerator[BatchOutcome]:
        """
        Make many videos and save them, and yield how each order ended, as they end.

        A journal on disk knows what was ordered. The same call with the same
        journal goes on where the last one stopped, however that ended: no order is
        sent twice, and what is saved already is not fetched again. An order of
        which a killed run cannot have known whether it had arrived is looked for
        in the service's list; where it has none, the outcome is a
        :class:`CreateUncertainError`, and the order is not sent again.

        A failure is a :class:`BatchOutcome` like any other. After an error that
        all orders would meet, such as an empty account, nothing more is
        ordered, and what is under way is finished. Leaving the loop early ends
        the run; orders that are being sent are waited for.

        Args:
            orders: Each a prompt, or the arguments of :meth:`create_task` as a mapping of
                what JSON can hold, in which *name* may name the file.
            out: The folder for the files; it is made where there is none.
            journal: The journal's file; ``batch.jsonl`` in *out* when None.
            creating: How many orders are sent at the same time.
            waiting: How many tasks there may be on the service that have not ended.
            downloading: How many videos are downloaded at the same time.
            timeout: Seconds for each wait, and for an order that is refused with 429 again
                and again; None for no limit.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
            JournalError: The journal cannot be used; nothing was sent.
        """
        terms = (out, journal, creating, waiting, downloading, timeout)
        batch = self._batch(orders, *terms, is_chatty=False)
        return cast(AsyncGenerator[BatchOutcome], batch)

    def batch_events(
        self,
        orders: Iterable[object] | AsyncIterable[object],
        *,
        out: str | os.PathLike[str],
        journal: str | os.PathLike[str] | None = None,
        creating: int = 4,
        waiting: int = 20,
        downloading: int = 4,
        timeout: float | None = 1800.0,
    ) -> AsyncGenerator[BatchEvent | BatchOutcome]:
        """
        Do as :meth:`batch` does, and yield what happens to each order as well, in one stream.

        The last news of each order is its :class:`BatchOutcome`. A slow
        reader gets the newest event of each order and never a queue of old ones.

        Args:
            orders: As in :meth:`batch`, and so are all that follow.
            out: The folder for the files.
            journal: The journal's file; ``batch.jsonl`` in *out* when None.
            creating: How many orders are sent at the same time.
            waiting: How many tasks there may be on the service that have not ended.
            downloading: How many videos are downloaded at the same time.
            timeout: Seconds for each wait; None for no limit.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
            JournalError: The journal cannot be used; nothing was sent.
        """
        terms = (out, journal, creating, waiting, downloading, timeout)
        return self._batch(orders, *terms, is_chatty=True)

    def _batch(
        self,
        orders: Iterable[object] | AsyncIterable[object],
        out: str | os.PathLike[str],
        journal: str | os.PathLike[str] | None,
        creating: int,
        waiting: int,
        downloading: int,
        timeout: float | None,
        *,
        is_chatty: bool,
    ) -> AsyncGenerator[BatchEvent | BatchOutcome]:
        folder = Path(check_path(out))
        plan = Plan(
            out=folder,
            creating=check_count("creating", creating, least=1),
            waiting=check_count("waiting", waiting, least=1),
            downloading=check_count("downloading", downloading, least=1),
            timeout=check_limit("timeout", timeout),
        )
        path = folder / "batch.jsonl" if journal is None else Path(check_path(journal))
        return run_batch(self, plan, path, check_ids(orders), is_chatty=is_chatty)

    def _crowd(
        self,
        timeout: float | None,
        schedule: Policy | None,
        until: Until,
        at_once: int,
        *,
        is_chatty: bool,
    ) -> Crowd:
        def wait(task_id: str) -> Watch:
            return self.wait_until_complete(
                task_id, timeout=timeout, schedule=schedule, until=until
            )

        wait("any")  # bad terms are found out here, and not as the outcome of each wait
        return Crowd(wait, at_once=check_count("at_once", at_once, least=1), is_chatty=is_chatty)

    async def close(self) -> None:
        """
        Close what the client has on this loop; a session that was given stays open.

        Waits that go on end with :class:`ClientClosedError`; their tasks are not touched.
        """
        home = find_home(self._homes)
        if home is not None:
            await home.close()

    def _find_poller(self) -> Poller:
        return self._home().poller

    def _find_transfers(self) -> Transfers:
        return self._home().transfers

    def _note(self, task_id: str, error: SoraError) -> None:
        self._home().poller.note(task_id, error)

    def _home(self) -> Home:
        home = find_home(self._homes)
        if home is None:
            home = Home(
                self._terms,
                budget=self._budget,
                memory=self._memory,
                base_url=self._base_url,
                trace_configs=self._trace_configs,
                session=self._session,
                max_downloads=self._max_downloads,
                trust_env=self._trust_env,
            )
            self._homes[asyncio.get_running_loop()] = home
        return home
