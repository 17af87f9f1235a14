"""One task as the fake knows it."""

import attrs

from ._answers import Answer
from ._kinds import Server
from ._lives import Course
from ._messages import Message
from ._snapshots import Order, Snapshot


@attrs.define(kw_only=True, eq=False)
class Task:
    """
    One task: what it was asked for, the course it takes, and how far it has come.

    Moments are on the clock of the loop.

    Attributes:
        id: The id under which the server knows it.
        order: What it was asked for.
        course: Its :class:`Life`, or its script.
        created: When it was made; None before its clock has started.
        remixed_from: The id of the task that it is a remix of.
        polls: How many polls have been answered.
    """

    id: str
    order: Order
    course: Course
    created: float | None = None
    remixed_from: str | None = None
    polls: int = 0
    _seen_completed: float | None = None

    def poll(self, now: float) -> Answer:
        """Count a poll and return its answer; the first poll starts a clock that stands still."""
        if self.created is None:
            self.created = now
        self.polls += 1
        answer = self.course.answer(self._age(now), self.polls)
        if _has_video(answer.snapshot) and self._seen_completed is None:
            self._seen_completed = now
        return answer

    def look(self, now: float) -> Snapshot | None:
        """Return the state of the task, without a poll; None: the server does not know it yet."""
        return self.course.look(self._age(now), self.polls)

    def has_file(self, now: float) -> bool:
        """Return whether there is a video to download."""
        return _has_video(self.look(now))

    def ended(self, now: float) -> float:
        """Return when the task was finished: by its life, or when a poll first said so."""
        if self.course.duration is None:
            return now if self._seen_completed is None else self._seen_completed
        return min(now, now - self._age(now) + self.course.duration)

    def _age(self, now: float) -> float:
        # Rounded: 0.3 - 0.1 is less than 0.2, and a task 0.2 s old must be as old as that.
        return 0.0 if self.created is None else round(now - self.created, 6)


def _has_video(snapshot: Snapshot | None) -> bool:
    return snapshot is not None and snapshot.phase == "succeeded"


def refuse_file(server: Server, task: Task, now: float) -> Message | None:
    """Return what *server* says instead of sending the file of *task*; None: nothing, it sends."""
    state = task.look(now)
    status, text = server.early
    if state is not None and state.phase == "failed":
        status, text = server.lost or server.early
    elif state is not None and state.phase == "succeeded":
        if server.elsewhere is None or state.url is None:
            return None
        status, text = server.elsewhere
    return server.tell(status, text, code="video_not_ready")
