"""What a wait reports."""

import attrs

from ..errors import SoraError
from ..models import VideoTask
from ..models.repr import brief


@attrs.frozen(kw_only=True)
class ProgressEvent:
    """
    One news of a wait.

    Attributes:
        task: The newest good snapshot.
        progress: The largest part done that was seen so far, 0.0 to 1.0;
            None while the server has named none. It never goes back.
        elapsed: Seconds since this wait began.
        polls: How many times the task has been asked for.
        fault: Why the wait is degraded: the newest fault since the last good
            answer. None while all is well.
        remaining: The seconds within which the video comes with a probability
            of 50 % and of 90 %, going by tasks of its kind before; None when
            too little is known of them.
        stalled: Whether nothing has moved for longer than in 98 of 100 of them.
        recovered_after: Seconds from the first of the faults before this event
            to it; None for an event that follows none.
    """

    __repr__ = brief

    task: VideoTask
    progress: float | None
    elapsed: float
    polls: int
    fault: SoraError | None = None
    recovered_after: float | None = None
    remaining: tuple[float, float] | None = None
    stalled: bool = False

    @property
    def is_degraded(self) -> bool:
        """Whether the service does not answer at the moment and the wait goes on all the same."""
        return self.fault is not None

    def __str__(self) -> str:
        """Return the event as one line for a log or a terminal."""
        done = "  ?" if self.progress is None else f"{self.progress:4.0%}"
        line = (
            f"{self.task.id}  {self.task.phase:<9} {done}  {self.elapsed:.1f} s  poll {self.polls}"
        )
        if self.fault is not None:
            return f"{line}  degraded: {self.fault}"
        if self.recovered_after is not None:
            return f"{line}  recovered after {self.recovered_after:.1f} s"
        return line
