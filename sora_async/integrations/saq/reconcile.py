"""Find the task of a create of unknown outcome in the service's list, if the list proves it."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from saq.job import Job

from ... import SoraClient, SoraError, VideoTask
from ..._batch.matching import MatchResult, UncertainCreate, is_newest_first, match_creates
from .queue import RETRY_DELAY, VideoQueue, batches

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

LISTED_FIELDS = frozenset({"prompt", "model", "size", "seconds", "as_json", "callback_url"})
"""Arguments of which a list tells, or that change no video: an image, for one, is not shown."""

OPEN_CREATES = "sora_async:open_creates"
"""Key of the creates of all queues whose outcome is unknown, by the moment of their mark."""

TASK_OWNER = "sora_async:task_owner:"
"""Prefix of a task's id: the create that the task belongs to."""

LOST_CREATE = "sora_async:lost_create:"
"""Prefix of a create's key: its worker is gone, so no response will be recorded."""

MAX_CLOCK_ERROR = 26 * 3600.0
"""Seconds by which the times of a list may be wrong: a wrong time zone, and some skew."""

MIN_LISTED = 100
"""Tasks that are searched for a create whatever their times: a service's clock may be wrong."""

RECORD = "sora_async:create:"
"""Prefix of an idempotency key: the record of the create."""

UNKNOWN = MatchResult(created={}, not_created=frozenset())


class CreateReconciler:
    """
    Finds out by the service's list what became of creates; for all jobs of one worker.

    Attributes:
        max_wait: Seconds for which another worker's create may be in flight, and is waited for.
    """

    def __init__(
        self, queue: VideoQueue, client: SoraClient, *, max_wait: float = MAX_CREATE_TIME
    ) -> None:
        self.queue = queue
        self.client = client
        self.max_wait = max_wait
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

        Raises:
            SoraError: The service did not list its tasks.
        """
        await self._redis.set(LOST_CREATE + key, 1, ex=RECORD_TTL)
        arguments = mark.get("arguments", {})
        if "newest" not in mark or not arguments.keys() <= LISTED_FIELDS:
            return UNKNOWN
        newest = mark["newest"]
        listed = await self._list_until(lambda task: task.id == newest)
        # Read after the list, so that each listed task belongs to one of these creates.
        others = await self._read_marked(key, since=mark["seen"] - MAX_OPEN_TIME)
        create = UncertainCreate(
            key=key, arguments=arguments, newest_before=newest, is_newest_known=True
        )
        return await self._match(create, listed, others)

    async def reconcile_lost_mark(
        self, key: str, arguments: Mapping[str, Any], *, enqueued_at: float
    ) -> MatchResult:
        """
        Return what became of a create whose mark Redis may have lost, and take its task.

        No mark tells which tasks are newer, so the list is searched down to a
        day before the job was enqueued, and for a hundred tasks at least. A
        task that belongs to no create in this Redis, and is equal to this
        one, is taken. Jobs that wait in the queue may have lost their marks
        too: a task that may be theirs is not taken.

        Raises:
            SoraError: The service did not list its tasks.
        """
        await self._redis.set(LOST_CREATE + key, 1, ex=RECORD_TTL)
        if not arguments.keys() <= LISTED_FIELDS:
            return UNKNOWN
        since = datetime.fromtimestamp(enqueued_at - MAX_CLOCK_ERROR, UTC)
        listed = await self._list_until(lambda task: _is_before(task, since), at_least=MIN_LISTED)
        if not is_newest_first(listed):
            return UNKNOWN
        is_older_listed = bool(listed) and _is_before(listed[-1], since)
        others = await self._read_marked(key, since=0.0)
        queued = await self._read_queued(key, arguments)
        create = UncertainCreate(
            key=key,
            arguments=arguments,
            newest_before=listed[-1].id if is_older_listed else None,
            is_newest_known=True,
        )
        return await self._match(create, listed, others, queued)

    async def _match(
        self,
        create: UncertainCreate,
        listed: Sequence[VideoTask],
        others: Sequence[str],
        queued: Sequence[UncertainCreate] = (),
    ) -> MatchResult:
        """Return what the list proves about a create; wait for open creates that matter for it."""
        key = create.key
        deadline = time.monotonic() + self.max_wait
        while True:
            still_open = await self._read_open(others, create.arguments)
            # Read after the creates: one that has been completed since owns its task by now.
            owners = await self._read_owners(listed)
            own = [task_id for task_id, owner in owners.items() if owner == key]
            if own:  # an earlier worker has taken it, and then died
                return MatchResult(created={key: own[0]}, not_created=frozenset())
            alone = match_creates([create], listed, frozenset(owners))
            if not alone.created:
                return alone
            among_others = match_creates([create, *still_open, *queued], listed, frozenset(owners))
            task_id = among_others.created.get(key)
            if task_id is None and time.monotonic() >= deadline:
                return UNKNOWN
            if task_id is None:
                await asyncio.sleep(RETRY_DELAY)
            elif await self._redis.set(TASK_OWNER + task_id, key, nx=True, ex=RECORD_TTL):
                return MatchResult(created={key: task_id}, not_created=frozenset())

    async def _list_until(
        self, is_old: Callable[[VideoTask], bool], *, at_least: int = 0
    ) -> list[VideoTask]:
        """Return the tasks down to the first old one, and the one after it: it shows the order."""
        listed: list[VideoTask] = []
        async with contextlib.aclosing(self.client.list_tasks(limit=MAX_LISTED)) as tasks:
            async for task in tasks:
                is_last = bool(listed) and is_old(listed[-1]) and len(listed) >= at_least
                listed.append(task)
                if is_last:
                    break
        return listed

    async def _read_marked(self, key: str, *, since: float) -> list[str]:
        """Return the keys of the other creates that were marked since then and are open."""
        marked = await self._redis.zrangebyscore(OPEN_CREATES, since, "+inf")
        return [name for one in marked if (name := one.decode()) != key]

    async def _read_queued(self, key: str, arguments: Mapping[str, Any]) -> list[UncertainCreate]:
        """Return the creates of jobs of this queue that have no record, but for equal ones."""
        jobs: list[Job] = []
        ids = await self._redis.zrange(self.queue.namespace("incomplete"), 0, -1)
        for batch in batches(ids):
            for payload in await self._redis.mget(batch):
                job = self.queue.deserialize(payload)
                if job is not None and job.function == "create_video" and job.kwargs is not None:
                    jobs.append(job)
        creates = []
        for batch in batches(jobs):
            keys = [RECORD + job.kwargs["idempotency_key"] for job in batch]
            records = await self._redis.mget(keys)
            for job, name, record in zip(batch, keys, records, strict=True):
                other = job.kwargs["arguments"]
                if name != key and record is None and other != arguments:
                    creates.append(_unequal(name, other))
        return creates

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
            creates.append(_unequal(key, known))
        return creates

    async def _read_owners(self, listed: Sequence[VideoTask]) -> Mapping[str, str]:
        """Return the keys of the creates that own tasks, by the ids of these."""
        ids = [task.id for task in listed]
        owners = await self._redis.mget([TASK_OWNER + task_id for task_id in ids]) if ids else []
        return {one: owner.decode() for one, owner in zip(ids, owners, strict=True) if owner}


def _unequal(key: str, arguments: Mapping[str, Any]) -> UncertainCreate:
    """Return a create unequal to any other, so that nothing that may be its task is given away."""
    return UncertainCreate(
        key=key, arguments={**arguments, "": key}, newest_before=None, is_newest_known=False
    )


def _is_before(task: VideoTask, moment: datetime) -> bool:
    return task.created_at is not None and task.created_at < moment
