"""Orders each task of a batch once, noted before and after, until something says to stop."""

import asyncio
import contextlib
import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import backoff

from .._http.create import PendingCreate
from ..errors import (
    AuthenticationError,
    ClientClosedError,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    InsufficientQuotaError,
    PermissionDeniedError,
    JournalError,
    RateLimitError,
    SoraError,
)
from ..models import VideoTask
from ..schedule import ramp
from .items import BatchItem
from .journal import Journal

OUTAGE: Final = 120.0
"""Seconds without a connection after which nothing more is ordered."""

PAUSES: Final = ramp(first=2.0, factor=2.0, longest=60.0)
"""Upper ends of the full-jittered pauses after a create was refused with 429."""

_NO_MORE_CREATES = (
    AuthenticationError,
    PermissionDeniedError,
    InsufficientQuotaError,
    ClientClosedError,
)
"""Errors after which every later create would fail, too."""


class CreateStarter(Protocol):
    """What is needed of a client to order."""

    def _begin(self, given: Mapping[str, Any]) -> PendingCreate[VideoTask]:
        """Begin to create a task."""


class CreateSubmitter:
    """
    Sends the orders of a batch.

    Args:
        till: The client.
        journal: Where an order is noted before it is sent, and when its id is known.
        max_concurrent: How many orders are sent at the same time.
        timeout: Seconds for a create that is refused with 429 again and again; None for no limit.

    Attributes:
        stop: Why nothing new is ordered any more; None as long as it is.
        newest: What is noted with an order of the account's newest task before it.
    """

    def __init__(
        self, till: CreateStarter, journal: Journal, *, max_concurrent: int, timeout: float | None
    ) -> None:
        self.stop: SoraError | None = None
        self.newest: Mapping[str, str | None] = {}
        self._till = till
        self._journal = journal
        self._places = asyncio.Semaphore(max_concurrent)
        self._timeout = timeout

    async def buy(self, item: BatchItem, begin: Callable[[], None]) -> str:
        """
        Order once, and return the id; again only after a 429 or without a connection.

        Nothing was taken then. *begin* is called each time when its turn has come.
        """
        limited = outage = 0.0
        for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
            try:
                async with self._places:
                    if self.stop is not None:
                        raise copy.copy(self.stop)
                    begin()
                    return await self._order(item)
            except RateLimitError as error:
                delay, outage = (error.retry_after or 0.0) + backoff.full_jitter(pause), 0.0
                limited += delay
                limit = self._timeout
                if self.stop is not None or (limit is not None and limited > limit):
                    raise
            except ConnectionFailedError as error:
                delay = backoff.full_jitter(pause)
                outage += delay
                if self.stop is not None:
                    raise
                if outage > OUTAGE:
                    self.stop = error  # or each of a thousand orders would find it out once more
                    raise
            await asyncio.sleep(delay)
        raise AssertionError("the pauses have no end")  # pragma: no cover

    async def _order(self, item: BatchItem) -> str:
        """
        Send an order and note what came of it.

        Who is cancelled here does not send it any more, unless it may have left:
        then its answer is waited for.
        """
        makings: list[PendingCreate[VideoTask]] = []
        sending = asyncio.create_task(self._send(item, makings))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            if not makings or not makings[0].may_have_been_sent:
                self.stop = ClientClosedError("")
                for pending in makings:
                    pending.detach()
            while not sending.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([sending])
            raise

    async def _send(self, item: BatchItem, makings: list[PendingCreate[VideoTask]]) -> str:
        await self._journal.note(item.key, "creating", order=item.order, **self.newest)
        try:
            if self.stop is not None:
                raise copy.copy(self.stop)
            makings.append(self._till._begin(item.order))
            task = await makings[0].result()
        except CreateOutcomeUnknownError:
            raise  # the journal says so already
        except SoraError as error:
            if isinstance(error, _NO_MORE_CREATES):
                self.stop = error
            await self._journal.note(item.key, "refused")
            raise
        await self.note(item.key, "created", task_id=task.id)
        return task.id

    async def note(self, key: str, stage: Any, **facts: Any) -> None:
        """Note what cannot be undone; where that fails, nothing new is ordered any more."""
        try:
            await self._journal.note(key, stage, **facts)
        except JournalError as error:
            self.stop = error
