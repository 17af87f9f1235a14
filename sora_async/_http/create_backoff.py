"""How long orders are held back when the service has refused one as too many."""

import asyncio
import math

import attrs

from ..errors import RateLimitError


class CreateBackoff:
    """
    The silence between orders.

    How many videos an account may make is not how often it may ask for them: a 429
    to an order holds back the next orders, and no poll.

    Args:
        patience: The longest silence in seconds that is kept; a longer one is an error at once.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._ends_at = -math.inf
        self._refusal: RateLimitError | None = None

    async def keep(self) -> None:
        """
        Wait until the silence is over.

        Raises:
            RateLimitError: It is too long; this says how long.
        """
        loop = asyncio.get_running_loop()
        while (silence := self._ends_at - loop.time()) > 0:
            if silence > self._patience and self._refusal is not None:
                raise attrs.evolve(self._refusal, retry_after=silence)
            await asyncio.sleep(silence)

    def note(self, refusal: RateLimitError) -> None:
        """Take note of a 429 to an order."""
        if refusal.retry_after:
            self._refusal = refusal
            self._ends_at = asyncio.get_running_loop().time() + refusal.retry_after
