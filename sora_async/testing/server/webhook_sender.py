"""Sends the webhooks of one fake: one timer for each, and one asyncio task for each delivery."""

import asyncio
import json
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import aiohttp
import attrs

from ..profiles.gateway_formats import KIE_WORDS
from ..profiles.openai_formats import STATUS_WORDS
from ..profiles.task_state import ON_CDN, Phase, TaskState
from ..webhooks import SentWebhook, Webhooks, sign_webhook
from .task_store import FakeTask

Describe = Callable[[str, TaskState | None], tuple[TaskState, dict[str, Any]] | None]
"""Returns a state, by default the present one, of the task of an id, and the object that shows it;
None: the task is gone."""


@attrs.define(eq=False)
class _Timer:
    """A webhook to be sent: *state* None means the state that the task is in then."""

    due: float
    state: TaskState | None
    handle: asyncio.TimerHandle | None = None


@attrs.define(eq=False)
class _Target:
    """Where the webhooks of one task go, and which are still to come; None: not known yet."""

    url: str
    secret: str
    timers: list[_Timer] | None = None
    is_finished: bool = False


@attrs.define(eq=False)
class WebhookSender:
    """
    Sends webhooks when tasks end.

    Attributes:
        sent: Every webhook, in the order in which they were sent.
    """

    _webhooks: Webhooks
    _describe: Describe
    _timestamp: Callable[[float], float]
    sent: list[SentWebhook] = attrs.field(factory=list)
    _targets: dict[str, _Target] = attrs.field(factory=dict)
    _deliveries: set[asyncio.Task[None]] = attrs.field(factory=set)
    _session: aiohttp.ClientSession | None = None
    _count: int = 0

    def add(self, task: FakeTask, url: str | None) -> None:
        """Send webhooks about *task* to *url*, or else to that of the settings, if there is one."""
        url = url or self._webhooks.url
        if url is None:
            return
        if task.id in self._targets:
            self._cancel(self._targets[task.id])
        secret = task.create.fields.get("callback_secret")
        self._targets[task.id] = _Target(url, str(secret or self._webhooks.secret))
        if self._webhooks.forged:
            self._start(self._deliver(task.id, _COMPLETED, secret="whsec_Zm9yZ2Vk"))
        self.schedule(task)

    async def announce(self, task_id: str) -> None:
        """Send the webhook that comes before the response to a create, if there is one."""
        if self._webhooks.before_response and task_id in self._targets:
            await self._deliver(task_id, _RUNNING)

    def schedule(self, task: FakeTask) -> None:
        """Set the timers of a task once it is known when it ends."""
        target, end = self._targets.get(task.id), task.ends_at()
        if target is None or target.timers is not None or end is None:
            return
        target.timers = [_Timer(end + self._webhooks.delay, None)]
        if self._webhooks.reports_progress:
            middle = end - (end - (task.created_at or 0.0)) / 2
            late = end + self._webhooks.delay + 1.0
            target.timers.append(_Timer(late if self._webhooks.out_of_order else middle, _RUNNING))
        for timer in target.timers:
            self._set(task.id, timer)

    def finish(self, task: FakeTask) -> None:
        """Send the webhook about the end of a task that has ended otherwise, once."""
        target = self._targets.get(task.id)
        if target is None or target.is_finished:
            return
        self._cancel(target)
        target.is_finished = True
        target.timers = [_Timer(asyncio.get_running_loop().time() + self._webhooks.delay, None)]
        self._set(task.id, target.timers[0])

    def advance(self, seconds: float) -> None:
        """Make all timers due *seconds* earlier."""
        for task_id, target in self._targets.items():
            self._cancel(target)
            for timer in target.timers or ():
                timer.due -= seconds
                self._set(task_id, timer)

    def reset(self) -> None:
        """Forget all tasks, and what was sent."""
        for target in self._targets.values():
            self._cancel(target)
        self._targets.clear()
        self.sent.clear()
        self._count = 0

    async def close(self) -> None:
        """Stop all timers and deliveries: the webhooks that were not sent yet are lost."""
        for target in self._targets.values():
            self._cancel(target)
        for delivery in self._deliveries:
            delivery.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _set(self, task_id: str, timer: _Timer) -> None:
        if not math.isinf(timer.due):
            loop = asyncio.get_running_loop()
            timer.handle = loop.call_at(timer.due, self._fire, task_id, timer)

    def _cancel(self, target: _Target) -> None:
        for timer in target.timers or ():
            if timer.handle is not None:
                timer.handle.cancel()

    def _fire(self, task_id: str, timer: _Timer) -> None:
        timers = self._targets[task_id].timers
        assert timers is not None, "a timer is in the list of its task"
        timers.remove(timer)
        self._start(self._deliver(task_id, timer.state))

    def _start(self, delivery: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(delivery)
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _deliver(
        self, task_id: str, state: TaskState | None, secret: str | None = None
    ) -> None:
        """Send one webhook, as often as the settings say."""
        target, described = self._targets.get(task_id), self._describe(task_id, state)
        if target is None or described is None:
            return
        shown, content = described
        self._count += 1
        message_id = f"msg_{self._count:024x}"
        now = asyncio.get_running_loop().time()
        timestamp = int(self._timestamp(now))
        event = self._render(task_id, message_id, timestamp, shown.phase, content)
        body = json.dumps(event, separators=(",", ":")).encode()
        signature = sign_webhook(
            body,
            scheme=self._webhooks.scheme,
            secret=secret or target.secret,
            # Of the real clock, which its receiver compares it with.
            timestamp=int(time.time()),
            task_id=task_id,
            message_id=message_id,
        )
        webhook = SentWebhook(
            at=now,
            url=target.url,
            task_id=task_id,
            headers={"Content-Type": "application/json", **signature},
            body=body,
        )
        every = self._webhooks.lose_every
        if every is not None and self._count % every == 0:
            self.sent.append(attrs.evolve(webhook, is_lost=True))
            return
        for _ in range(self._webhooks.copies):
            status = await self._post(webhook)
            self.sent.append(attrs.evolve(webhook, status=status))

    async def _post(self, webhook: SentWebhook) -> int | None:
        """Send a webhook, and return the status of the response; None: there was none."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10.0))
        try:
            async with self._session.post(
                webhook.url, data=webhook.body, headers=webhook.headers
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    def _render(
        self, task_id: str, message_id: str, timestamp: int, phase: Phase, task: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the body of a webhook: each scheme has the id of the task in another place."""
        kind = f"video.{STATUS_WORDS[phase]}"
        match self._webhooks.scheme:
            case "standard":
                event = {"id": message_id, "object": "event", "created_at": timestamp}
                return {**event, "type": kind, "data": {"id": task_id}}
            case "standard-whole" | "vercel":
                return {"type": kind, "timestamp": timestamp, "data": {"id": task_id, **task}}
            case "kie":
                data = {"task_id": task_id, "state": KIE_WORDS[phase]}
                return {"code": 501 if phase == "failed" else 200, "msg": kind, "data": data}
        return {"id": task_id, **task}


_RUNNING: Final = TaskState(phase="running", progress=0.5, fields={})
_COMPLETED: Final = TaskState(phase="succeeded", progress=1.0, url=ON_CDN, fields={})
