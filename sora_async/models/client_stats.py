"""What a client is doing, as plain numbers for metrics."""

import attrs

from .repr import brief


@attrs.frozen(kw_only=True)
class ClientStats:
    """
    What a client is doing now, over all event loops, and what it has counted since it was made.

    Attributes:
        waits: Waits that are polled for now; those for the same task share its polls.
        outages: Tasks whose last poll failed with something else than an unknown id.
        downloads: Downloads that have started and not ended, those that wait for their turn
            included.
        rate: Requests a second that the rate limit allows now, over all event loops; lower than
            configured after a 429. None for no limit.
        polls: Polls that have ended, well or not, since the client was made.
        rate_limited: Responses with status 429 since the client was made, to any request.
    """

    __repr__ = brief

    waits: int
    outages: int
    downloads: int
    rate: float | None
    polls: int
    rate_limited: int
