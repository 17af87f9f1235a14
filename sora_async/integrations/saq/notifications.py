"""Webhooks for the waits of all workers: Redis passes the task's id on."""

import asyncio
import logging

from redis.exceptions import RedisError

from ... import SoraClient
from .queue import RETRY_DELAY, VideoQueue

logger = logging.getLogger("sora_async")


class NotificationListener:
    """
    Polls a task now when :meth:`VideoQueue.notify_task` has named it.

    Every worker hears of every task, and does nothing for one that it does
    not wait for. A notification that Redis loses costs time only: the wait
    polls on.
    """

    def __init__(self, queue: VideoQueue, client: SoraClient) -> None:
        self._queue = queue
        self._client = client
        self._task = asyncio.get_running_loop().create_task(self._listen(), name="notifications")

    async def close(self) -> None:
        """Stop listening."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except RedisError as error:
                logger.debug("no notifications: %s", error)
                await asyncio.sleep(RETRY_DELAY)

    async def _listen_once(self) -> None:
        async with self._queue.redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(self._queue.notification_channel)
            async for message in channel.listen():
                self._client.notify(message["data"].decode(errors="replace"))
