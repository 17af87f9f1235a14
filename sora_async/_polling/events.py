"""What a wait reports."""

import attrs

from ..errors import SoraError
from ..models import Phase, VideoTask
from ..models.repr import brief


@attrs.frozen(kw_only=True)
class ETA:
    """
    An estimate of the time left, learned from earlier tasks of the same kind.

    Attributes:
        p50: Seconds within which the video comes with a probability of 50 %.
        p90: Seconds within which it comes with a probability of 90 %.
    """

    __repr__ = brief

    p50: float
    p90: float


@attrs.frozen(kw_only=True)
class ProgressEvent:
    """
    An update of a wait.

    Attributes:
        task: The newest snapshot.
        progress: The largest progress seen so far, 0.0 to 1.0; it never goes back.
            None while the server has sent none.
        elapsed: Seconds since this wait began.
        polls: How many polls of the task have been answered or have failed.
        last_error: Why the last poll failed; None when it succeeded.
        eta: The estimated time left; None while too few tasks of the kind have ended.
        stalled: Whether nothing has changed for longer than in 98 of 100 of those tasks.
        recovered_after: Seconds that the outage lasted which this event ends;
            None for any other event.
    """

    __repr__ = brief

    task: VideoTask
    progress: float | None
    elapsed: float
    polls: int
    last_error: SoraError | None = None
    recovered_after: float | None = None
    eta: ETA | None = None
    stalled: bool = False

    @property
    def phase(self) -> Phase | None:
        """The phase of the task; None until the service has sent a snapshot of it."""
        if self.last_error is not None and not self.task.raw:
            return None
        return self.task.phase

    @property
    def is_degraded(self) -> bool:
        """Whether the last poll failed and the wait goes on."""
        return self.last_error is not None

    def __str__(self) -> str:
        """Return the event as one line for a log or a terminal."""
        done = "  ?" if self.progress is None else f"{self.progress:4.0%}"
        phase = self.phase or "?"
        line = f"{self.task.id}  {phase:<9} {done}  {self.elapsed:.1f} s  poll {self.polls}"
        if self.last_error is not None:
            return f"{line}  degraded: {self.last_error}"
        if self.recovered_after is not None:
            return f"{line}  recovered after {self.recovered_after:.1f} s"
        return line
