"""Find the task of a create whose worker died, in the service's list; only what the list proves."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ... import SoraClient, SoraError, VideoTask
from ..._batch.matching import MatchResult, UncertainCreate, is_newest_first, match_creates
from .queue import RETRY_DELAY, VideoQueue

logger = logging.getLogger("sora_async")

MAX_CREATE_TIME = 60.0
"""Seconds after its mark for which a create may be in flight, in a worker that lost the job."""

RECORD_TTL = 7 * 86_400
"""Seconds for which Redis keeps the outcome of a create: longer than any job is redelivered."""

NEWEST_TASK_TTL = 300.0
"""Seconds for which the newest task that a worker has seen is good enough for its creates."""

LIST_TIMEOUT = 5.0
"""Seconds for which creates wait for the newest task of the list."""

MAX_LISTED = 1000
"""Tasks that are listed to find one; older ones are not searched."""

MAX_OPEN_TIME = 86_400.0
"""Seconds for which a create may be open, its wait for the rate limit and clock skew included."""

LISTED_FIELDS = frozenset({"prompt", "model", "size", "seconds", "as_json"})
"""Arguments by which a list can tell creates apart: those that differ in an image look the same."""

OPEN_CREATES = "sora_async:open_creates"
"""Key of the creates of all queues whose outcome is unknown, by the moment of their mark."""

TASK_OWNER = "sora_async:task_owner:"
"""Prefix of a task's id: the create that the task belongs to."""

LOST_CREATE = "sora_async:lost_create:"
"""Prefix of a create's key: its worker is gone, so no response will be recorded."""

UNKNOWN = MatchResult(created={}, not_created=frozenset())


class CreateReconciler:
    """
    Finds out by the service's list what became of creates; for all jobs of one worker.

    Attributes:
        queue: Where the jobs come from.
        client: The worker's client.

    Args:
        max_wait: Seconds to wait for other open creates to which a task may belong.
    """

    def __init__(
        self, queue: VideoQueue, client: SoraClient, *, max_wait: float = MAX_CREATE_TIME
    ) -> None:
        self.queue = queue
        self.client = client
        self._max_wait = max_wait
        self._redis: Any = queue.redis
        self._list_lock = asyncio.Lock()
        self._newest: Mapping[str, Any] = {}
        self._newest_expires_at = 0.0

    async def newest_task(self) -> Mapping[str, Any]:
        """Return the account's newest task as a mark holds it; empty if the list does not tell."""
        async with self._list_lock:
            if time.monotonic() < self._newest_expires_at:
                return self._newest
            moment = time.time()
            try:
                async with asyncio.timeout(LIST_TIMEOUT):
                    listed = [task async for task in self.client.list_tasks(limit=2)]
            except (SoraError, TimeoutError) as error:
                # An older one proves the same: the list since then is only longer.
                logger.debug("the newest task is not known: %s", error)
            else:
                newest = listed[0].id if listed else None
                is_known = is_newest_first(listed)
                self._newest = {"newest": newest, "seen": moment} if is_known else {}
            self._newest_expires_at = time.monotonic() + NEWEST_TASK_TTL
            return self._newest

    async def reconcile(self, key: str, mark: Mapping[str, Any]) -> MatchResult:
        """
        Return the task of a create whose worker died, if the list proves it, and take the task.

        The task may also belong to another open create with the same prompt.
        Such creates are waited for, and as long as they are open, the tasks
        that may be theirs are not taken. Among equal creates whose workers
        have all died it makes no difference which one gets which task.

        Args:
            key: The key of the create's record.
            mark: What the record holds.

        Raises:
            SoraError: The service did not list its tasks.
        """
        await self._redis.set(LOST_CREATE + key, 1, ex=RECORD_TTL)
        arguments, newest = mark.get("arguments", {}), mark.get("newest")
        create = UncertainCreate(
            key=key, arguments=arguments, newest_before=newest, is_newest_known="newest" in mark
        )
        if not create.is_newest_known or not arguments.keys() <= LISTED_FIELDS:
            return UNKNOWN
        listed = await self._list_since(newest)
        # Read after the list, so that each listed task belongs to one of these creates.
        marked = await self._redis.zrangebyscore(OPEN_CREATES, mark["seen"] - MAX_OPEN_TIME, "+inf")
        others = [name for one in marked if (name := one.decode()) != key]
        deadline = time.monotonic() + self._max_wait
        while True:
            still_open = await self._read_open(others, arguments)
            # Read after the creates: one that has been completed since owns its task by now.
            owners = await self._read_owners(listed)
            own = [task_id for task_id, owner in owners.items() if owner == key]
            if own:  # an earlier worker has taken it, and then died
                return MatchResult(created={key: own[0]}, not_created=frozenset())
            alone = match_creates([create], listed, frozenset(owners))
            if not alone.created:
                return alone
            among_others = match_creates([create, *still_open], listed, frozenset(owners))
            task_id = among_others.created.get(key)
            if task_id is None and time.monotonic() >= deadline:
                return UNKNOWN
            if task_id is None:
                await asyncio.sleep(RETRY_DELAY)
            elif await self._redis.set(TASK_OWNER + task_id, key, nx=True, ex=RECORD_TTL):
                return MatchResult(created={key: task_id}, not_created=frozenset())

    async def _list_since(self, newest: str | None) -> list[VideoTask]:
        """Return the tasks down to a known one, and the one after it: it shows the list's order."""
        listed: list[VideoTask] = []
        async with contextlib.aclosing(self.client.list_tasks(limit=MAX_LISTED)) as tasks:
            async for task in tasks:
                is_last = bool(listed) and listed[-1].id == newest
                listed.append(task)
                if is_last:
                    break
        return listed

    async def _read_open(
        self, keys: Sequence[str], arguments: Mapping[str, Any]
    ) -> list[UncertainCreate]:
        """Return the creates that are still open, but for lost ones with the same *arguments*."""
        if not keys:
            return []
        records = await self._redis.mget(keys)
        lost = await self._redis.mget([LOST_CREATE + key for key in keys])
        creates = []
        for key, record, is_lost in zip(keys, records, lost, strict=True):
            known = json.loads(record or "{}").get("arguments")
            if known is None or (is_lost and known == arguments):
                continue
            # Unequal to any other, so that nothing that may be its task is given away.
            unequal = {**known, "": key}
            creates.append(
                UncertainCreate(
                    key=key, arguments=unequal, newest_before=None, is_newest_known=False
                )
            )
        return creates

    async def _read_owners(self, listed: Sequence[VideoTask]) -> Mapping[str, str]:
        """Return the keys of the creates that own tasks, by the ids of these."""
        ids = [task.id for task in listed]
        owners = await self._redis.mget([TASK_OWNER + task_id for task_id in ids]) if ids else []
        return {one: owner.decode() for one, owner in zip(ids, owners, strict=True) if owner}
