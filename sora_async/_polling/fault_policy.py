"""How long a wait goes on while polls fail."""

from typing import Literal

import attrs
import backoff

from ..models.repr import brief
from ..schedule import Jitter

Until = Literal["video", "completed", "video_url"]
"""
What ends a wait whose task succeeds:

- ``"video"``: a ``video_url``; or the ``content_url``, as soon as the service has the file there,
  or when no URL comes within the grace period;
- ``"completed"``: the success itself, with or without a URL;
- ``"video_url"``: a ``video_url`` and nothing else.
"""

EPSILON = 0.001
"""Seconds that count as none: a rounding error must not cause a poll of its own."""

URL_GRACE = 45.0
"""Seconds for which the URL or the file of a task that has succeeded may be missing."""


@attrs.frozen(kw_only=True, cache_hash=True)
class FaultPolicy:
    """
    How long a wait goes on while polls fail, in seconds.

    Attributes:
        until: What ends the wait of a task that succeeds.
        outage_timeout: Without a poll that succeeds; None for as long as the wait lasts.
        connect_timeout: Without a readable response when the service has never sent
            one: the address is more likely wrong than the service down.
        appear_within: Until the service must know the id of a new task.
        max_not_found: How many 404s in a row mean that a task which was seen is gone.
        url_grace: For the URL of a task that has succeeded.
        jitter: Makes a delay of each interval within an outage.
    """

    __repr__ = brief

    until: Until = "video"
    outage_timeout: float | None = 120.0
    connect_timeout: float = 10.0
    appear_within: float = 30.0
    max_not_found: int = 3
    url_grace: float = URL_GRACE
    jitter: Jitter = backoff.full_jitter
