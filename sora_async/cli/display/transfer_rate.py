"""How fast the bytes of a download arrive."""

from collections import deque
from typing import Final

from ... import DownloadEvent
from .format import format_received, format_seconds, format_size

WINDOW: Final = 5.0
"""Seconds that the rate is measured over; after as many without bytes there is no rate."""


class TransferRate:
    """The newest event of a download, and the rate of the last seconds."""

    def __init__(self, event: DownloadEvent, *, now: float) -> None:
        self.event = event
        self._updated_at = now
        self._samples = deque([(event.elapsed, event.received)])

    def update(self, event: DownloadEvent, *, now: float) -> None:
        """Record an event; after a restart of the file, earlier bytes do not count."""
        self._updated_at = now
        if event.received < self.event.received:
            self._samples.clear()
        self.event = event
        self._samples.append((event.elapsed, event.received))
        while len(self._samples) > 2 and self._samples[1][0] < event.elapsed - WINDOW:
            self._samples.popleft()

    @property
    def part(self) -> float | None:
        """The part received; None while the size is unknown."""
        return self.event.received / self.event.total if self.event.total else None

    @property
    def rate(self) -> float | None:
        """Bytes a second; None until two events differ in time."""
        (began, before), (now, received) = self._samples[0], self._samples[-1]
        return (received - before) / (now - began) if now > began else None

    def describe(self, *, now: float) -> list[str]:
        """Return bytes, rate and time left, in a long form and then in shorter ones."""
        event, rate = self.event, self.rate
        if event.last_error is not None:
            return ["interrupted, retrying", "retrying"]
        size = format_received(event.received, event.total)
        if event.received == event.total:
            return [size]
        silence = now - self._updated_at
        if silence >= WINDOW:
            return [f"{size}, no bytes for {silence:.0f} s", f"no bytes for {silence:.0f} s"]
        if not rate:
            return [size]
        speed = f"{format_size(rate)}/s"
        if not event.total:
            return [f"{size}, {speed}", speed]
        left = f"{format_seconds((event.total - event.received) / rate)} left"
        return [f"{size}, {speed}, {left}", f"{speed}, {left}", left]
