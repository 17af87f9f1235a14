"""What the benchmark's server knows: who was asked for when, and what it answers.

It reads the clock it is given, so the same service stands behind real sockets in a process of its
own, and on virtual time.
"""

import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import attrs

from .replies import Shape, make_refusal, make_shapes

_GOLDEN = 0.618_033_988_749_895


@attrs.define
class Task:
    """One id: when its video is there, and how often and when it was asked for."""

    id: bytes
    shape: Shape
    there: float
    polls: int = 0
    last: float = 0.0


@attrs.frozen
class Poll:
    """One poll, as it is logged."""

    at: float
    path: bytes
    is_refused: bool


@attrs.define
class Bucket:
    """A hard limit: so many answers a second, and so many at once."""

    rate: float
    burst: float
    level: float = math.inf
    at: float = 0.0

    def take(self, now: float) -> bool:
        """Return whether there is an answer left at a moment, and take it."""
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1.0:
            return False
        self.level -= 1.0
        return True


class Service:
    """
    Answers polls.

    Attributes:
        lifetime: Seconds from the first poll of a task to its video.
        limit: The hard limit; None when there is none.
        log: Every poll; None where they are too many to keep.
        refusal: The message of a poll beyond the limit.
        polls: The number of polls, since the count began anew.
        intervals: The number of intervals between two polls of one task, since then.
        between: The sum of their seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        lifetime: float = math.inf,
        limit: Bucket | None = None,
        log: list[Poll] | None = None,
    ) -> None:
        self.clock = clock
        self.lifetime = lifetime
        self.limit = limit
        self.log = log
        self.refusal = make_refusal()
        self.count_anew()
        self._turn = 0
        self._tasks: dict[bytes, Task] = {}
        self._by_path: dict[bytes, Task] = {}
        self._shapes = make_shapes()

    def count_anew(self) -> None:
        """Begin a new count of polls and intervals."""
        self.polls = self.intervals = 0
        self.between = 0.0

    def answer(self, path: bytes) -> bytes:
        """Return the whole message for the path of a GET, and count it."""
        now = self.clock()
        is_refused = self.limit is not None and not self.limit.take(now)
        if self.log is not None:
            self.log.append(Poll(now, path, is_refused))
        if is_refused:
            return self.refusal
        task = self._by_path.get(path) or self._begin(path, now)
        self.polls += 1
        self._turn += 1
        task.polls += 1
        # The first two rounds still show how the waits were begun.
        if task.polls > 3:
            self.between += now - task.last
            self.intervals += 1
        task.last = now
        if now >= task.there:
            return task.shape.finished(task.id)
        return task.shape.pending(task.id, self._turn)

    def _begin(self, path: bytes, now: float) -> Task:
        """Return the task of a path that was not asked for before; its life begins now."""
        prefix = next(prefix for prefix in self._shapes if path.startswith(prefix))
        # fal-client has two paths for a task: ".../status?logs=false" and, in the end, without it.
        name = re.split(rb"[/?]", path[len(prefix) :])[0]
        task_id = unquote_to_bytes(name)
        task = self._tasks.get(task_id) or Task(task_id, self._shapes[prefix], now + self.lifetime)
        self._tasks[task_id] = self._by_path[path] = task
        return task

    def add(self, task_id: str, *, there: float) -> None:
        """Let a task have its video at a moment, whenever it is first asked for."""
        task = Task(task_id.encode(), self._shapes[b"/v1/videos/"], there)
        self._tasks[task.id] = task

    def finish_all(self, spread: float) -> None:
        """Let every task have its video within so many seconds, evenly spread over them."""
        now = self.clock()
        for number, task in enumerate(self._tasks.values()):
            # In no order: those who began first must not be those who end first.
            task.there = now + spread * (number * _GOLDEN % 1.0)
        self.lifetime = 0.0

    def report(self) -> dict[str, Any]:
        """Return the figures of the count."""
        return {
            "tasks": len(self._tasks),
            "polls": self.polls,
            "intervals": self.intervals,
            "interval": self.between / self.intervals if self.intervals else None,
        }

    def there(self) -> dict[str, float]:
        """Return the moment at which each task has its video."""
        return {task.id.decode(): task.there for task in self._tasks.values()}
