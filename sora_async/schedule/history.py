"""What has been seen of a task, and what goes by it."""

import math
from typing import Protocol

import attrs

from ..errors import SoraError
from ..models import VideoTask
from ..models.repr import brief
from .learning.forecast import DurationForecast
from .learning.observations import TaskObservations

_NOTHING_SEEN = TaskObservations()


@attrs.frozen(kw_only=True)
class History:
    """
    What a poller has seen of one task so far.

    Attributes:
        task_id: The id that is asked for.
        started: The moment of the first poll.
        service_seen: Whether this service has given a good answer to anyone
            before; a refused connection is then an outage and no wrong address.
        served_at: The moment of the service's last good answer to anyone, as far as
            it was known at the newest fault.
        polls: Requests that have come back, good or bad.
        last: The newest good snapshot.
        progress: The largest part done so far, 0.0 to 1.0.
        fault: The newest fault since the last good answer; None when there is none.
        fault_started: The moment of the first fault since the last good answer.
        faults: How many polls since then have failed, without those that did not know the id.
        outage_started: The moment of the first of them.
        silence: Seconds of the outage in which the task was not asked for: the
            service wanted to be left alone, or nobody waited.
        missing: How many times in a row the service did not know the id.
        succeeded_at: When the task was first seen to have succeeded without a URL.
        grace_started: From when on a late URL is waited for while polls fail: the first fault
            since the last good answer.
        created_at: The moment the task was made, as far as we can tell; None for *started*.
        observations: What was seen of the task that bears on how long it takes.
        forecast: What tasks before it say of that; None when too little is known.
    """

    __repr__ = brief

    task_id: str
    started: float
    service_seen: bool = False
    served_at: float = -math.inf
    polls: int = 0
    last: VideoTask | None = None
    progress: float | None = None
    fault: SoraError | None = None
    fault_started: float = 0.0
    faults: int = 0
    outage_started: float = 0.0
    silence: float = 0.0
    missing: int = 0
    succeeded_at: float | None = None
    grace_started: float = 0.0
    created_at: float | None = None
    observations: TaskObservations = _NOTHING_SEEN
    forecast: DurationForecast | None = attrs.field(default=None, repr=False)

    def age(self, now: float) -> float:
        """Return how long ago the task was made, as far as we can tell."""
        return now - (self.started if self.created_at is None else self.created_at)

    def after(
        self,
        task: VideoTask,
        *,
        progress: float | None,
        succeeded_at: float | None,
        observations: TaskObservations | None = None,
    ) -> "History":
        """Return what is known after a good answer; it ends every fault."""
        # In place of attrs.evolve, which takes twice as long: this is done for every poll.
        return History(
            task_id=self.task_id,
            started=self.started,
            service_seen=True,
            served_at=self.served_at,
            polls=self.polls + 1,
            last=task,
            progress=progress,
            fault_started=self.fault_started,
            outage_started=self.outage_started,
            silence=self.silence,
            succeeded_at=succeeded_at,
            created_at=self.created_at,
            observations=self.observations if observations is None else observations,
            forecast=self.forecast,
        )


class Policy(Protocol):
    """
    When to ask again: anything hashable with this one method.

    It holds nothing that changes, as one value serves many waits: what was seen
    and what was learned come in with the history.
    """

    def delay(self, history: History) -> float:
        """Return the seconds from an answer to the next poll, before any hint of the server."""
        ...

    def __hash__(self) -> int:
        """Return the same for equal policies: waits for one task share its polls by it."""
        ...
