"""Sends each create of a batch once, recorded before and after, until something stops it."""

import asyncio
import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import backoff

from .._http.cancellation import finish_when_cancelled
from .._http.create import PendingCreate
from .._http.request_body import make_idempotency_key
from ..errors import (
    AuthenticationError,
    ClientClosedError,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    FileWriteError,
    InsufficientQuotaError,
    JournalError,
    PermissionDeniedError,
    RateLimitError,
    SoraError,
)
from ..models import VideoTask
from ..schedule import ramp
from .client_protocol import BatchClient
from .items import BatchItem
from .journal import Journal, JournalStage

OUTAGE_TIMEOUT: Final = 120.0
"""Seconds without a connection after which nothing more is created."""

PAUSES: Final = ramp(first=2.0, factor=2.0, longest=60.0)
"""Upper ends of the full-jittered pauses after a create was refused with 429."""

_NO_MORE_CREATES = (
    AuthenticationError,
    PermissionDeniedError,
    InsufficientQuotaError,
    ClientClosedError,
)
"""Errors after which every later create would fail, too."""


class CreateSubmitter:
    """
    Sends the creates of a batch.

    Args:
        client: Sends them.
        journal: Where a create is recorded before it is sent, and when its id is known.
        max_concurrent: How many creates are sent at the same time.
        timeout: Seconds for a create that is refused with 429 again and again; None for no limit.

    Attributes:
        stop_error: Why nothing more is created; None as long as it is.
        newest_task: What is recorded with a create, of the account's newest task before it.
    """

    def __init__(
        self, client: BatchClient, journal: Journal, *, max_concurrent: int, timeout: float | None
    ) -> None:
        self.stop_error: SoraError | None = None
        self.newest_task: Mapping[str, str | None] = {}
        self._client = client
        self._journal = journal
        self._slots = asyncio.Semaphore(max_concurrent)
        self._timeout = timeout

    async def submit(
        self,
        item: BatchItem,
        on_start: Callable[[], None],
        *,
        idempotency_key: str | None = None,
    ) -> str:
        """
        Create once, and return the task's id; again only after a 429 or without a connection.

        Neither makes a task.

        Args:
            item: What to create.
            on_start: Called each time the item has its turn.
            idempotency_key: Of the same create in an earlier run, which this one repeats; None for
                a create that was not sent yet.
        """
        refused_for = outage = 0.0
        pauses = itertools.chain(PAUSES, itertools.repeat(PAUSES[-1]))
        while True:
            pause = next(pauses)
            try:
                async with self._slots:
                    self._raise_if_stopped(item)
                    on_start()
                    return await self._create(item, idempotency_key)
            except RateLimitError as error:
                delay, outage = (error.retry_after or 0.0) + backoff.full_jitter(pause), 0.0
                refused_for += delay
                is_over = self._timeout is not None and refused_for > self._timeout
                if self.stop_error is not None or is_over:
                    raise
            except ConnectionFailedError as error:
                delay = backoff.full_jitter(pause)
                outage += delay
                if self.stop_error is not None:
                    raise
                if outage > OUTAGE_TIMEOUT:
                    self.stop_error = error  # or each of a thousand items would wait as long
                    raise
            await asyncio.sleep(delay)

    def _raise_if_stopped(self, item: BatchItem) -> None:
        error = self.stop_error
        if isinstance(error, FileWriteError):  # of another item's file
            raise attrs.evolve(error, task_id="", path=str(item.path), url=None)
        if error is not None:
            raise copy.copy(error)

    async def _create(self, item: BatchItem, idempotency_key: str | None) -> str:
        """
        Send a create, and record its outcome.

        A cancelled call does not send it any more, unless it may have been sent already: then its
        response is awaited.
        """
        started: list[PendingCreate[VideoTask]] = []

        def stop() -> None:
            if not started or not started[0].may_have_been_sent:
                self.stop_error = ClientClosedError("")
                for pending in started:
                    pending.detach()

        return await finish_when_cancelled(self._send(item, idempotency_key, started), stop)

    async def _send(
        self,
        item: BatchItem,
        repeated_key: str | None,
        started: list[PendingCreate[VideoTask]],
    ) -> str:
        given_key = item.arguments.get("idempotency_key")
        idempotency_key = repeated_key or given_key or make_idempotency_key()
        if repeated_key is None:
            await self._journal.record(
                item.key,
                "creating",
                arguments=item.arguments,
                idempotency_key=idempotency_key,
                **self.newest_task,
            )
        try:
            self._raise_if_stopped(item)
            started.append(self._client._begin(item.arguments, idempotency_key=idempotency_key))
            task = await started[0].result()
        except CreateOutcomeUnknownError as error:
            if error.status is not None and 200 <= error.status < 300:
                await self.record(item.key, "unidentified", reason=error.reason)
            raise
        except SoraError as error:
            if isinstance(error, _NO_MORE_CREATES):
                self.stop_error = error
            if repeated_key is None:  # else the first one may have made a task
                await self._journal.record(item.key, "refused")
            raise
        await self.record(item.key, "created", task_id=task.id)
        return task.id

    async def record(self, key: str, stage: JournalStage, **details: Any) -> None:
        """Record what cannot be undone; if that fails, nothing more is created."""
        try:
            await self._journal.record(key, stage, **details)
        except JournalError as error:
            self.stop_error = error
