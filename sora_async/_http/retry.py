"""Send a request again after an error that may pass, with full jitter between the attempts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import backoff

from ..errors import SoraError
from ..schedule.backoff import fault_interval, retry_after_of

Result = TypeVar("Result")


async def retry(
    send: Callable[[], Awaitable[Result]],
    *,
    max_retries: int,
    is_retryable: Callable[[SoraError], bool],
) -> Result:
    """
    Return what *send* returns, called again after errors that may pass.

    The pause before each further attempt is full-jittered, and at least the ``Retry-After`` of
    the error.

    Args:
        send: Sends the request once.
        max_retries: How many further attempts there are.
        is_retryable: Whether to try again after an error.
    """
    for attempt in range(1, max_retries + 1):
        try:
            return await send()
        except SoraError as error:
            if not is_retryable(error):
                raise
            retry_after = retry_after_of(error)
        await asyncio.sleep(max(retry_after, backoff.full_jitter(fault_interval(attempt))))
    return await send()
