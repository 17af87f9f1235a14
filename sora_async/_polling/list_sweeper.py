"""
The list of tasks as a hint: one request that stands for up to a hundred polls.

Where a dialect says that its list shows the same status as a poll (``list_is_live``), the tasks
that are waited for are looked up in the list, page by page, and each is polled by itself less
often. A task that has changed there is polled at once, and the poll counts. Before the list is
relied on, it is compared with polls; what does not fit switches it off, with one warning. Once
polls have confirmed some of the videos that it has shown, the next ones are taken from it.
"""

import asyncio
import contextlib
import logging
import math
import operator
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

from .._http.request import RequestSender
from .._http.task_list import MAX_PAGE_SIZE, TaskList
from .._wire.list_decoder import ListEntry, ListPage, decode_entry, decode_list_page
from .._wire.response import Response
from ..errors import ResponseError, SoraError
from ..models import Phase, VideoTask
from .polled_task import PolledTask

logger = logging.getLogger("sora_async")

MIN_TASKS = 5
"""Tasks below which the list is not asked: it would save few polls."""

SWEEP_INTERVAL = 1.0
"""Seconds between two sweeps of the list, at least."""

MAX_FOREIGN_PAGES = 3
"""Pages beyond those that the awaited tasks fill: a list has the tasks of the whole account."""

PAGES_PER_POLL = 0.5
"""Pages that one sweep may take for each poll that it saves, if those are more."""

TRIAL_ENDS = 3
"""Videos in the list that polls must have found, too, before the list's word is enough."""

SLICE = 20
"""Entries of a page that are compared at a time: to decode a hundred ended ones takes 6 ms."""

SETTLED_AFTER = 10.0
"""Seconds after a change in which the list may not show it yet."""

LOOK_INTERVAL = 0.25
"""How long a look at the list is put off after one that shows no change, as a part of the interval
between polls: a look costs a hundredth of a poll. So four looks save one poll."""

MAX_STRETCH = 4.0
"""How many times longer than without the list the interval of a single poll is, at most."""

MAX_INTERVAL = 60.0
"""Seconds beyond which no interval is stretched."""

PAUSE = 60.0
"""Seconds without sweeps, after some that did not pay or failed."""

MAX_FAILURES = 3
"""Sweeps that fail in a row before there is a pause."""

REMEMBERED = 60.0
"""Seconds for which the list is checked for a task that has ended."""

_ENDED = (Phase.SUCCEEDED, Phase.FAILED)


class ListSweeper:
    """
    Looks up the tasks of one poller in the service's list.

    Args:
        requests: Sends the requests, within the rate limit.
        tasks: Returns the tasks that are polled.
        poll_now: Called with a task that has changed in the list.
        take_end: Called with a task and its finished snapshot, once the list is trusted with ends.
        reschedule: Called with a task and the moment of its next poll.
    """

    def __init__(
        self,
        requests: RequestSender,
        tasks: Callable[[], Iterable[PolledTask]],
        poll_now: Callable[[PolledTask], None],
        take_end: Callable[[PolledTask, VideoTask], None],
        reschedule: Callable[[PolledTask, float], None],
    ) -> None:
        self._requests = requests
        self._list = TaskList(requests)
        self._tasks = tasks
        self._poll_now = poll_now
        self._take_end = take_end
        self._reschedule = reschedule
        self._loop = asyncio.get_running_loop()
        self._sweeping: asyncio.Task[None] | None = None
        self._failures = 0
        self._has_settled = False
        self._confirmed_ends = 0
        self._listed_ends: set[str] = set()
        self._pages = 1
        self._pause_until = -math.inf
        self._ended_at: dict[str, float] = {}
        self.is_off = False

    @property
    def is_trusted(self) -> bool:
        """Whether the list has been compared with polls, and fits them."""
        return not self.is_off and self._has_settled

    def start(self) -> None:
        """Sweep as long as there are enough tasks."""
        if self.is_off or (self._sweeping is not None and not self._sweeping.done()):
            return
        if sum(1 for _ in self._tasks()) >= MIN_TASKS:
            self._sweeping = self._loop.create_task(self._run(), name="sweep list")

    async def close(self) -> None:
        """Stop sweeping."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)

    def stretch(self, polled: PolledTask, seconds: float) -> float:
        """
        Return the seconds to the next poll of a task that goes on.

        Args:
            polled: The task.
            seconds: The same without a list; the task is looked up in the list after them.
        """
        polled.interval = seconds
        polled.look_at = self._loop.time() + seconds
        is_sweeping = self._sweeping is not None and not self._sweeping.done()
        if not (is_sweeping and self.is_trusted and polled.is_listed):
            return seconds
        return max(seconds, min(seconds * MAX_STRETCH, MAX_INTERVAL))

    def record_end(self, task_id: str, *, has_video: bool) -> None:
        """Keep that a poll has shown the end of a task: the list must show it soon."""
        if self.is_off or self._sweeping is None:
            return
        self._ended_at[task_id] = self._loop.time()
        if task_id in self._listed_ends:
            self._listed_ends.discard(task_id)
            self._confirmed_ends += has_video

    async def _run(self) -> None:
        while not self.is_off:
            await asyncio.sleep(SWEEP_INTERVAL)
            now = self._loop.time()
            tasks = [polled for polled in self._tasks() if _may_be_looked_up(polled)]
            # Those that are due within the next second would be polled one by one.
            due = [polled for polled in tasks if polled.look_at <= now + SWEEP_INTERVAL]
            is_worth_it = len(tasks) >= MIN_TASKS and len(due) * LOOK_INTERVAL > self._pages
            if is_worth_it and now >= self._pause_until:
                await self._sweep(due if self._list.can_filter else tasks, len(due))
            else:
                self._poll_at_look(due)
            if len(tasks) < MIN_TASKS and sum(1 for _ in self._tasks()) < MIN_TASKS:
                self._poll_at_look(tasks)
                return

    def _poll_at_look(self, tasks: Iterable[PolledTask]) -> None:
        """Poll tasks by themselves when they would be looked up."""
        for polled in tasks:
            if self._is_on(polled) and polled.due > polled.look_at:
                self._reschedule(polled, polled.look_at)

    async def _sweep(self, running: list[PolledTask], wanted: int) -> None:
        """Read the list as far as the awaited tasks may be in it, and compare."""
        by_id: dict[str, list[PolledTask]] = {}
        for polled in running:
            by_id.setdefault(polled.key.task_id, []).append(polled)
        started = self._loop.time()
        missing, pages, is_whole = set(by_id), 0, False
        newest, oldest = math.inf, _find_oldest(running)
        try:
            async with contextlib.aclosing(self._read_pages(list(by_id), wanted)) as read:
                async for page, is_last in read:
                    pages, is_whole = pages + 1, is_last
                    problem = self._find_problem(page, newest) or self._find_stale(page, started)
                    if problem is not None:
                        self._switch_off(problem)
                        return
                    newest = min([newest, *page.moments])
                    await self._compare_page(page, by_id)
                    missing.difference_update(entry.id for entry in page.entries)
                    if not missing or (page.moments and page.moments[-1] < oldest):
                        break
        except SoraError as error:
            if isinstance(error, ResponseError) and error.status in (404, 405, 501):
                self._switch_off("there is none", level=logging.DEBUG)
                return
            logger.debug("the list of tasks cannot be read: %s", error)
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                self._failures, self._pause_until = 0, self._loop.time() + PAUSE
            return
        self._end_sweep(by_id, missing, pages, wanted, is_whole=is_whole)

    def _end_sweep(
        self,
        by_id: dict[str, list[PolledTask]],
        missing: set[str],
        pages: int,
        wanted: int,
        *,
        is_whole: bool,
    ) -> None:
        self._failures = 0
        self._pages = pages
        now = self._loop.time()
        ended = self._ended_at.items()
        self._ended_at = {task_id: at for task_id, at in ended if now - at < REMEMBERED}
        for polled in (one for task_id in missing for one in by_id[task_id]):
            is_known = polled.history.last is not None and self._is_on(polled)
            if is_whole and is_known and now - polled.history.started > SETTLED_AFTER:
                self._switch_off(f"it lacks task {polled.key.task_id}")
                return
            polled.is_listed = False
        started = (polled.history.started for some in by_id.values() for polled in some)
        self._has_settled = self._has_settled or any(now - at > SETTLED_AFTER for at in started)
        if pages > min(wanted, len(by_id) - len(missing)) * LOOK_INTERVAL:
            self._pause_until = now + PAUSE

    async def _read_pages(
        self, ids: Sequence[str], wanted: int
    ) -> AsyncGenerator[tuple[ListPage, bool]]:
        """Yield pages that may have these tasks, each with whether it is the last one there is."""
        page_count = math.ceil(len(ids) / MAX_PAGE_SIZE)
        if self._list.can_filter:
            for number in range(page_count):
                some = ids[number * MAX_PAGE_SIZE : (number + 1) * MAX_PAGE_SIZE]
                yield await self._request_page(ids=some), number + 1 == page_count
            return
        after = None
        saved = wanted * LOOK_INTERVAL
        most = max(page_count + MAX_FOREIGN_PAGES, int(saved * PAGES_PER_POLL))
        for number in range(1, most + 1):
            page = await self._request_page(after=after)
            after = self._list.find_next(number, page.next_after)
            is_last = after is None or not page.entries
            yield page, is_last
            if is_last:
                return

    async def _request_page(self, *, after: str | None = None, ids: Sequence[str] = ()) -> ListPage:
        def decode(response: Response) -> ListPage:
            return decode_list_page(response, secrets=self._requests.secrets)

        return await self._list.request_page(decode, size=MAX_PAGE_SIZE, after=after, ids=ids)

    async def _compare_page(
        self, page: ListPage, by_id: Mapping[str, Sequence[PolledTask]]
    ) -> None:
        for number, entry in enumerate(page.entries, 1):
            for polled in by_id.get(entry.id, ()):
                self._compare(polled, entry)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    def _compare(self, polled: PolledTask, entry: ListEntry) -> None:
        """Poll a task that has changed in the list; look it up again later if it has not."""
        if not self._is_on(polled):
            return
        last = polled.history.last
        polled.is_listed = True
        if entry.phase is Phase.SUCCEEDED:
            self._on_listed_video(polled, entry)
            return
        if entry.phase is Phase.FAILED or (last is not None and entry.phase is not last.phase):
            self._poll_now(polled)
            return
        now = self._loop.time()
        polled.look_at = now + max(SWEEP_INTERVAL, polled.interval * LOOK_INTERVAL)
        if last is None and self.is_trusted:
            # Its first poll is not urgent: the list shows that it goes on.
            self._reschedule(polled, now + MAX_STRETCH * SWEEP_INTERVAL)

    def _on_listed_video(self, polled: PolledTask, entry: ListEntry) -> None:
        """Take the end of a task, or poll for it while the list has not been right often enough."""
        if self.is_trusted and self._confirmed_ends >= TRIAL_ENDS:
            endpoints = self._requests.endpoints
            task = decode_entry(
                entry,
                poll=endpoints.poll_template,
                content=endpoints.content,
                secrets=self._requests.secrets,
            )
            if task.video_url is not None or task.content_url is not None:
                self._take_end(polled, task)
                return
        self._listed_ends.add(entry.id)
        self._poll_now(polled)

    def _is_on(self, polled: PolledTask) -> bool:
        """Return whether a task is still polled, and no poll of it is under way."""
        return bool(polled.subscribers) and polled.poll_task is None

    def _find_problem(self, page: ListPage, newest: float) -> str | None:
        """Return why a page is not what was asked for."""
        if len(page.entries) > MAX_PAGE_SIZE:
            return f"it sends {len(page.entries)} tasks where {MAX_PAGE_SIZE} were asked for"
        if not self._list.can_filter and any(
            map(operator.gt, page.moments, [newest, *page.moments])
        ):
            return "it is not in the order that was asked for"
        return None

    def _find_stale(self, page: ListPage, started: float) -> str | None:
        """Return what a poll knew before a sweep began and the list does not show."""
        for entry in page.entries:
            ended_at = self._ended_at.get(entry.id)
            if ended_at is None or started - ended_at < SETTLED_AFTER:
                continue
            del self._ended_at[entry.id]
            if entry.phase not in _ENDED:
                return f"it shows task {entry.id} as running, which has ended"
        return None

    def _switch_off(self, problem: str, *, level: int = logging.WARNING) -> None:
        self.is_off = True
        logger.log(level, "the list of tasks is not used: %s; each task is polled", problem)
        self._poll_at_look(polled for polled in self._tasks() if _may_be_looked_up(polled))


def _find_oldest(tasks: Iterable[PolledTask]) -> float:
    """Return when the first of some tasks was created, minus infinity if one does not say so."""
    snapshots = [polled.history.last for polled in tasks]
    moments = [None if snapshot is None else snapshot.created_at for snapshot in snapshots]
    return min(-math.inf if one is None else one.timestamp() for one in moments)


def _may_be_looked_up(polled: PolledTask) -> bool:
    """Return whether no poll has shown anything but a task that goes on."""
    return polled.history.outage is None and polled.history.succeeded_at is None
