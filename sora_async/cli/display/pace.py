"""How fast the bytes of a download come, lately."""

from collections import deque
from typing import Final

from ... import DownloadEvent
from .format import tell_parts, tell_seconds, tell_size

SPAN: Final = 5.0
"""Seconds that the rate is of, and after which it is not worth telling any more."""


class TransferRate:
    """The newest event of a download, and the rate that goes with it."""

    def __init__(self) -> None:
        self._heard = 0.0
        self.event: DownloadEvent | None = None
        self._seen: deque[tuple[float, int]] = deque()

    def take(self, event: DownloadEvent, *, now: float) -> None:
        """
        Take note of an event; of a file that has to come anew, the old bytes do not count.

        Args:
            event: The event.
            now: The moment that it came, on the clock of those who ask.
        """
        self._heard = now
        if self.event is not None and event.received < self.event.received:
            self._seen.clear()
        self.event = event
        self._seen.append((event.elapsed, event.received))
        while len(self._seen) > 2 and self._seen[1][0] < event.elapsed - SPAN:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Bytes a second; None until that can be told."""
        if len(self._seen) < 2:
            return None
        (began, before), (now, received) = self._seen[0], self._seen[-1]
        return (received - before) / (now - began) if now > began else None

    def tell(self, *, now: float) -> list[str]:
        """Return what there is to say, from the longest to the shortest way to say it."""
        event, rate = self.event, self.rate
        if event is None:
            return [""]
        if event.last_error is not None:
            return ["held up, trying again"]
        size = tell_parts(event.received, event.total)
        if event.received == event.total:
            return [size]
        silence = now - self._heard
        if silence >= SPAN:
            return [f"{size}, no bytes for {silence:.0f} s", f"no bytes for {silence:.0f} s"]
        if not rate:
            return [size]
        speed = f"{tell_size(rate)}/s"
        if not event.total:
            return [f"{size}, {speed}", speed]
        left = f"{tell_seconds((event.total - event.received) / rate)} left"
        return [f"{size}, {speed}, {left}", f"{speed}, {left}", left]
