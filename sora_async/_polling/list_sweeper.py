"""
The list of tasks as a hint: one request that stands for up to a hundred polls.

Where a dialect says that its list shows the same status as a poll (``list_is_live``), the tasks
that are waited for are looked up in the list, page by page, and each is polled by itself less
often. The list is never the truth: a task that has changed there is polled at once, and only the
poll counts. Before the list is relied on, it is compared with polls; what does not fit switches
it off, with one warning.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable

from .._http.calls import MAX_PAGE_SIZE
from .._http.request import RequestSender
from .._wire.list_decoder import ListEntry, ListPage, decode_list_page
from .._wire.response import Response
from ..errors import ResponseError, SoraError
from ..models import Phase
from .polled_task import PolledTask

logger = logging.getLogger("sora_async")

MIN_TASKS = 5
"""Tasks below which the list is not asked: it would save few polls."""

SWEEP_INTERVAL = 1.0
"""Seconds between two sweeps of the list, at least."""

MAX_FOREIGN_PAGES = 3
"""Pages beyond those that the awaited tasks fill: a list has the tasks of the whole account."""

TRIAL_SWEEPS = 2
"""Sweeps that are compared with polls before polls are made less often."""

SETTLED_AFTER = 10.0
"""Seconds after a change in which the list may not show it yet."""

LOOK_INTERVAL = 0.25
"""How long a look at the list is put off after one that shows no change, as a part of the interval
between polls: a look costs a hundredth of a poll."""

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
        path: The path of the list.
        tasks: Returns the tasks that are polled.
        poll_now: Called with a task that has changed in the list.
        reschedule: Called with a task and the moment of its next poll.
    """

    def __init__(
        self,
        requests: RequestSender,
        path: str,
        tasks: Callable[[], Iterable[PolledTask]],
        poll_now: Callable[[PolledTask], None],
        reschedule: Callable[[PolledTask, float], None],
    ) -> None:
        self._requests = requests
        self._path = path
        self._tasks = tasks
        self._poll_now = poll_now
        self._reschedule = reschedule
        self._loop = asyncio.get_running_loop()
        self._sweeping: asyncio.Task[None] | None = None
        self._sweeps = self._failures = 0
        self._pages = 1
        self._pause_until = -math.inf
        self._ended_at: dict[str, float] = {}
        self.is_off = False

    @property
    def is_trusted(self) -> bool:
        """Whether the list has been compared with polls, and fits them."""
        return not self.is_off and self._sweeps >= TRIAL_SWEEPS

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

    def record_end(self, task_id: str) -> None:
        """Keep that a poll has shown the end of a task: the list must show it soon."""
        if self.is_off or self._sweeping is None:
            return
        self._ended_at[task_id] = self._loop.time()

    async def _run(self) -> None:
        while not self.is_off:
            await asyncio.sleep(SWEEP_INTERVAL)
            now = self._loop.time()
            tasks = [polled for polled in self._tasks() if _may_be_looked_up(polled)]
            # Those that are due within the next second would be polled one by one.
            due = [polled for polled in tasks if polled.look_at <= now + SWEEP_INTERVAL]
            is_worth_it = len(tasks) >= MIN_TASKS and len(due) > self._pages
            if is_worth_it and now >= self._pause_until:
                await self._sweep(tasks, len(due))
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
        missing, pages, after = set(by_id), 0, None
        newest = math.inf
        try:
            while missing and pages < len(by_id) / MAX_PAGE_SIZE + MAX_FOREIGN_PAGES:
                page = await self._request_page(after)
                pages += 1
                problem = _find_problem(page, newest) or self._find_stale(page, started)
                if problem is not None:
                    self._switch_off(problem)
                    return
                for entry in page.entries:
                    newest = min(newest, math.inf if entry.created_at is None else entry.created_at)
                    missing.discard(entry.id)
                    for polled in by_id.get(entry.id, ()):
                        self._compare(polled, entry)
                after = page.next_after
                if after is None:
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
        self._end_sweep(by_id, missing, pages, wanted, is_whole=after is None)

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
        self._sweeps += 1
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
        if pages > min(wanted, len(by_id) - len(missing)):
            self._pause_until = now + PAUSE

    async def _request_page(self, after: str | None) -> ListPage:
        query = {"limit": str(MAX_PAGE_SIZE), "order": "desc"}
        if after is not None:
            query["after"] = after

        def decode(response: Response) -> ListPage:
            return decode_list_page(response, secrets=self._requests.secrets)

        return await self._requests.call("GET", self._path, decode, query=query)

    def _compare(self, polled: PolledTask, entry: ListEntry) -> None:
        """Poll a task that has changed in the list; look it up again later if it has not."""
        if not self._is_on(polled):
            return
        last = polled.history.last
        polled.is_listed = True
        if entry.phase in _ENDED or (last is not None and entry.phase is not last.phase):
            self._poll_now(polled)
            return
        now = self._loop.time()
        polled.look_at = now + max(SWEEP_INTERVAL, polled.interval * LOOK_INTERVAL)
        if last is None and self.is_trusted:
            # Its first poll is not urgent: the list shows that it goes on.
            self._reschedule(polled, now + MAX_STRETCH * SWEEP_INTERVAL)

    def _is_on(self, polled: PolledTask) -> bool:
        """Return whether a task is still polled, and no poll of it is under way."""
        return bool(polled.subscribers) and polled.poll_task is None

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


def _may_be_looked_up(polled: PolledTask) -> bool:
    """Return whether no poll has shown anything but a task that goes on."""
    return polled.history.outage is None and polled.history.succeeded_at is None


def _find_problem(page: ListPage, newest: float) -> str | None:
    """Return why a page is not what was asked for."""
    if len(page.entries) > MAX_PAGE_SIZE:
        return f"it sends {len(page.entries)} tasks where {MAX_PAGE_SIZE} were asked for"
    moments = [entry.created_at for entry in page.entries if entry.created_at is not None]
    if any(later > earlier for earlier, later in zip([newest, *moments], moments, strict=False)):
        return "it is not in the order that was asked for"
    return None
