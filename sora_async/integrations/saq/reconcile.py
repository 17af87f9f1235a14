"""Tasks of orders whose worker was lost, found in the service's list: only what is surely ours."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ... import SoraClient, SoraError, VideoTask
from ..._batch.matching import MatchResult, UncertainCreate, is_newest_first, match_creates
from .queue import PAUSE, VideoQueue

logger = logging.getLogger("sora_async")

UNDER_WAY = 60.0
"""Seconds after the mark for which the order may be under way in a worker that has lost the job."""

KEEP = 7 * 86_400
"""Seconds for which it is kept what came of an order: longer than any job is redelivered."""

FRESH = 300.0
"""Seconds for which the newest task that a worker has seen is new enough for its orders."""

LOOK = 5.0
"""Seconds that orders wait for a look at the list."""

MOST = 1000
"""Tasks that are listed to find one: what is older is not looked for."""

LONGEST = 86_400.0
"""Seconds that no order is under way, its wait for a slot included, by the clock of any worker."""

SHOWN = frozenset({"prompt", "model", "size", "seconds", "as_json"})
"""What a list can tell of an order: two that differ in an image look the same in it."""

OPEN = "sora_async:open"
"""The orders of all queues of which no end is known, by when they were marked."""

CLAIM = "sora_async:task:"
"""Before a task's id: the order that has it."""

LOST = "sora_async:lost:"
"""Before an order: its worker is gone, so that no answer will come any more."""


class CreateFinder:
    """
    What one worker knows of the service's list, for the orders of all.

    Args:
        queue: Where the jobs come from.
        client: The worker's.
        patience: Seconds that others are waited for whose task it may be.
    """

    def __init__(
        self, queue: VideoQueue, client: SoraClient, *, patience: float = UNDER_WAY
    ) -> None:
        self.queue = queue
        self.client = client
        self._patience = patience
        self._redis: Any = queue.redis
        self._looking = asyncio.Lock()
        self._due = 0.0
        self._seen: Mapping[str, Any] = {}

    async def look(self) -> Mapping[str, Any]:
        """Return what a mark holds of the account's newest task; empty where that is not known."""
        async with self._looking:
            if time.monotonic() < self._due:
                return self._seen
            moment = time.time()
            try:
                async with asyncio.timeout(LOOK):
                    listed = [task async for task in self.client.list_tasks(limit=2)]
            except (SoraError, TimeoutError) as error:
                # What was seen before is as good: the list since then is longer.
                logger.debug("the newest task is not known: %s", error)
            else:
                newest = listed[0].id if listed else None
                is_told = is_newest_first(listed)
                self._seen = {"newest": newest, "seen": moment} if is_told else {}
            self._due = time.monotonic() + FRESH
            return self._seen

    async def find(self, key: str, mark: Mapping[str, Any]) -> MatchResult:
        """
        Return what surely came of an order that was lost; its task is claimed for it.

        It may as well be the task of another order of the same prompt, which has
        not been answered yet, or never will be. Such orders are waited for, and
        rule out what may be theirs; but among equal ones whose workers are
        all lost, it makes no difference which one has made a task.

        Args:
            key: The order's record.
            mark: What the record holds.

        Raises:
            SoraError: The service does not list its tasks.
        """
        await self._redis.set(LOST + key, 1, ex=KEEP)
        order, newest = mark.get("order", {}), mark.get("newest")
        mine = UncertainCreate(
            key=key, arguments=order, newest_before=newest, is_newest_known="newest" in mark
        )
        if not mine.is_newest_known or not order.keys() <= SHOWN:
            return MatchResult(created={}, not_created=frozenset())
        listed = await self._list_since(newest)
        # Read after the list, so that nothing in it is of an order that is not among them.
        marked = await self._redis.zrangebyscore(OPEN, mark["seen"] - LONGEST, "+inf")
        rivals = [name for one in marked if (name := one.decode()) != key]
        deadline = time.monotonic() + self._patience
        while True:
            unsettled = await self._read_unsettled(rivals, order)
            # Read after the orders: who has been settled since has a task by now.
            owners = await self._read_owners(listed)
            if found := [task_id for task_id, owner in owners.items() if owner == key]:
                return MatchResult(
                    created={key: found[0]}, not_created=frozenset()
                )  # by one that was lost then
            matches = match_creates([mine], listed, frozenset(owners))
            if not matches.created:
                return matches
            made = match_creates([mine, *unsettled], listed, frozenset(owners)).created.get(key)
            if made is None and time.monotonic() >= deadline:
                return MatchResult(created={}, not_created=frozenset())
            if made is None:
                await asyncio.sleep(PAUSE)
            elif await self._redis.set(CLAIM + made, key, nx=True, ex=KEEP):
                return MatchResult(created={key: made}, not_created=frozenset())

    async def _list_since(self, newest: str | None) -> list[VideoTask]:
        listed: list[VideoTask] = []
        async with contextlib.aclosing(self.client.list_tasks(limit=MOST)) as tasks:
            async for task in tasks:
                # One more than needed: it shows if the list goes from the oldest on.
                is_enough = bool(listed) and listed[-1].id == newest
                listed.append(task)
                if is_enough:
                    break
        return listed

    async def _read_unsettled(
        self, keys: Sequence[str], order: Mapping[str, Any]
    ) -> list[UncertainCreate]:
        """Return the orders whose task is not known, but for those like *order* that are lost."""
        unsettled = []
        names = [*keys, *(LOST + key for key in keys)]
        values = await self._redis.mget(names) if names else []
        for key, text, lost in zip(keys, values[: len(keys)], values[len(keys) :], strict=True):
            known = json.loads(text or "{}").get("order")
            if known is not None and not (lost and known == order):
                # Unequal to any other, so that what may be its task is nobody else's.
                other = {**known, "": key}
                unsettled.append(
                    UncertainCreate(
                        key=key, arguments=other, newest_before=None, is_newest_known=False
                    )
                )
        return unsettled

    async def _read_owners(self, listed: Sequence[VideoTask]) -> Mapping[str, str]:
        """Return the orders that have tasks, by the ids of these."""
        ids = [task.id for task in listed]
        owners = await self._redis.mget([CLAIM + task_id for task_id in ids]) if ids else []
        return {one: owner.decode() for one, owner in zip(ids, owners, strict=True) if owner}
