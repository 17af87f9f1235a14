"""What 429 and 503 responses ask of all requests of a client: a pause, and a lower rate."""

import asyncio
import math

import attrs

from ..errors import RateLimitError, ResponseError, ServiceUnavailableError, SoraError
from ..models import VideoTask
from .rate_limit import PermitSource

MAX_REFUSED_TASKS = 1000
"""Tasks of which the time of the last refusal is kept."""


@attrs.define
class Counters:
    """
    What a client has counted since it was made, over all its event loops.

    Attributes:
        polls: Polls that have ended, well or not.
        rate_limited: Responses with status 429.
    """

    polls: int = 0
    rate_limited: int = 0


class Throttle:
    """
    The pause and the rate that the responses of a service ask of one client on one loop.

    Args:
        bucket: Where the permits of all requests come from.
        counters: What the client counts.

    Attributes:
        counters: What the client counts.
        last_success_at: When a task was last received, on the loop's clock; -inf before.
        service_seen: Whether the service has ever sent a response that could be read.
    """

    def __init__(self, bucket: PermitSource, counters: Counters) -> None:
        self._loop = asyncio.get_running_loop()
        self._bucket = bucket
        self.counters = counters
        self.last_success_at = -math.inf
        self.service_seen = False
        self._retry_at = -math.inf
        self._refusal: ResponseError | None = None
        self._refused_at: dict[str, float] = {}

    @property
    def rate(self) -> float:
        """The requests a second that the rate limit allows now; infinity for no limit."""
        return self._bucket.rate

    @property
    def retry_at(self) -> float:
        """When the pause for all requests ends, on the loop's clock; -inf without one."""
        return self._retry_at

    def retry_after(self) -> float:
        """Return the seconds left of the pause for all requests; 0.0 without one."""
        return max(0.0, self._retry_at - self._loop.time())

    def check(self, max_retry_after: float) -> None:
        """
        Refuse a request that would have to wait too long.

        Raises:
            ResponseError: The response that asked for the pause, with the seconds that are left.
        """
        left = self.retry_after()
        if left > max_retry_after and self._refusal is not None:
            raise attrs.evolve(self._refusal, retry_after=left)

    def record_response(self, task_id: str, outcome: VideoTask | SoraError) -> None:
        """Learn from the outcome of any request, which may slow down all others."""
        now = self._loop.time()
        if isinstance(outcome, VideoTask):
            self.last_success_at = now
            self.service_seen = True
            self._refused_at.pop(task_id, None)
            self._bucket.record_success(now)
        elif isinstance(outcome, ResponseError):
            self.service_seen = True
            if isinstance(outcome, RateLimitError | ServiceUnavailableError):
                self._record_refusal(task_id, outcome, now)
            else:
                self._bucket.record_success(now)

    def _record_refusal(self, task_id: str, refusal: ResponseError, now: float) -> None:
        if isinstance(refusal, RateLimitError):
            self.counters.rate_limited += 1
        before = self._refused_at.pop(task_id, math.inf)
        self._refused_at[task_id] = now
        if len(self._refused_at) > MAX_REFUSED_TASKS:
            del self._refused_at[next(iter(self._refused_at))]
        seconds = refusal.retry_after
        if seconds and before < self.last_success_at:
            return  # only this task is refused, again and again: others were served meanwhile
        if isinstance(refusal, RateLimitError):
            self._bucket.record_429(now, seconds, is_again=before < math.inf)
        elif seconds:
            self._bucket.pause(now, seconds)
        else:
            return
        self._refusal = refusal
        if seconds:
            self._retry_at = self._bucket.paused_until
