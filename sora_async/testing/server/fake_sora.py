"""The fake service as its users see it: two origins, the tasks behind them, what was asked."""

import asyncio
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self

from ..answers.answer import Answer
from ..answers.random_faults import FaultDecision, RandomFaults
from ..scenario import Scenario, Script
from ..servers.task_state import CreateCall, FilePlace, Shape, check_shape
from .listener import Listener
from .recorded_request import RecordedRequest
from .service import Service
from .task_store import FakeTask


class FakeSora:
    """
    A video service on loopback that does what the lives and scripts of its tasks say.

    Use it with ``async with``, or call :meth:`start` and :meth:`close`. It has the calls of the
    kind of server that *shape* names, at their paths: at least creates (``POST /v1/videos``),
    polls (``GET /v1/videos/{id}``) and downloads (``GET /v1/videos/{id}/content``), and on a
    second origin, the CDN, the video URLs it gives out. Anything else is a 404, or a 405 where the
    path is known. All its time is the running loop's, so that on :class:`VirtualTimeLoop` an hour
    costs milliseconds; nothing in it is left to chance, except by *random_faults*, and that by a seed.

    Args:
        api_key: The key that requests must bring as ``Authorization: Bearer``; None: none is
            asked for. The CDN never asks.
        shape: The kind of server, as :data:`Shape` describes them: its calls, its paths, and how
            its replies are spelled.
        host: The address to listen on.
        port: The port of *url*; 0 takes a free one. The CDN's port is always a free one.
        default_scenario: The life of created tasks, and of those added without one.
        unknown_status: How an unknown id is answered: 404 as by OpenAI, or as new-api does, 400
            with the code ``task_not_exist``.
        absolute_urls: Whether an address on the fake's own origin is given whole, and not as a
            path: the ``polling_url`` of "openrouter".
        random_faults: Faults by chance; None: what goes wrong is what lives and scripts say.
        keepalive_timeout: Seconds after which an idle connection is closed. The default, 30 days,
            leaves connections alone while a virtual clock jumps over hours.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        shape: Shape = "page",
        host: str = "127.0.0.1",
        port: int = 0,
        default_scenario: Scenario | None = None,
        unknown_status: Literal[400, 404] = 404,
        absolute_urls: bool = False,
        random_faults: RandomFaults | None = None,
        keepalive_timeout: float = 30 * 86400.0,
    ) -> None:
        check_shape(shape)
        self._service = Service(
            api_key=api_key,
            shape=shape,
            default_scenario=default_scenario or Scenario(),
            unknown_status=unknown_status,
            is_absolute=absolute_urls,
            fate=FaultDecision(random_faults),
        )
        answer, answer_file = self._service.answer, self._service.answer_file
        self._api = Listener(
            answer,
            host=host,
            port=port,
            keepalive_timeout=keepalive_timeout,
            routes=self._service.server.routes,
        )
        self._cdn = Listener(answer_file, host=host, port=0, keepalive_timeout=keepalive_timeout)

    def __repr__(self) -> str:
        """Return where it is and what there is in it; never the key."""
        try:
            place = self.url
        except RuntimeError:
            return "<FakeSora: not started>"
        return f"<FakeSora {place}: tasks: {len(self.tasks)}, requests: {len(self.requests)}>"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """The base URL for clients, such as ``http://127.0.0.1:40123``; known once started."""
        return self._api.url

    @property
    def cdn_url(self) -> str:
        """The origin of the video files, where no key belongs; known once started."""
        return self._cdn.url

    @property
    def requests(self) -> list[tuple[float, RecordedRequest]]:
        """All requests to *url*, each with the moment it arrived, on the loop's clock."""
        return self._api.requests

    @property
    def cdn_requests(self) -> list[tuple[float, RecordedRequest]]:
        """All requests to *cdn_url*, as in *requests*; a key must not be among their headers."""
        return self._cdn.requests

    @property
    def tasks(self) -> list[FakeTask]:
        """The tasks that there are, however they came to be, from the oldest on."""
        return self._service.tasks

    @property
    def now(self) -> datetime:
        """
        The fake's wall clock, in UTC, which its replies and their ``Date`` headers show.

        It starts at 2026-01-14T08:00:00Z on every run and keeps the pace of the loop's clock. It
        is for headers that name a date:
        ``format_datetime(sora.now + timedelta(seconds=20), usegmt=True)``.
        """
        return self._service.wall_time(_now())

    async def start(self) -> None:
        """
        Listen on both origins; nothing happens where they are listened on already.

        After a :meth:`close` the same ports are taken again, and the tasks are as they were: a
        service that was down for a while.

        Raises:
            OSError: The port is taken.
        """
        if not self._service.cdn_url:
            self._service.started = _now()
        await self._api.start()
        try:
            await self._cdn.start()
        except BaseException:
            await self._api.close()
            raise
        self._service.api_url, self._service.cdn_url = self._api.url, self._cdn.url

    async def close(self) -> None:
        """Stop listening and break every connection at once; a second call does nothing."""
        await self._api.close()
        await self._cdn.close()

    def add(
        self,
        scenario: Scenario | None = None,
        *,
        task_id: str | None = None,
        at_first_poll: bool = False,
        **order: str,
    ) -> str:
        """
        Make a task that lives by the clock, and return its id.

        Args:
            scenario: What it goes through; None means the fake's *default_scenario*.
            task_id: The id; None means the next of a row, in the spelling of the shape.
            at_first_poll: Whether the life begins with the first poll. Otherwise it begins now,
                on the clock of the running loop, whenever it is looked at.
            order: What was asked for, as replies repeat it: *model*, *prompt*, *seconds* and
                *size*, all of them text.
        """
        created = None if at_first_poll else _now()
        scenario = scenario or self._service.default_scenario
        named: Any = order
        return self._service.keep(task_id, CreateCall(**named), scenario, created)

    def on_create(self, *answers: Answer) -> None:
        """
        Say what the next creates, and remixes, are answered.

        An answer that shows the task, such as ``slow(30, queued())``, comes after it was made.
        Any other, such as ``http_error(429)`` or ``reset()``, comes instead; :func:`accepted` says
        that the task was made all the same. A create that the server cannot read is refused as
        ever, and counts for nothing here.

        Args:
            answers: One for each create, behind those that are still to come. After them, creates
                are answered as usual.
        """
        self._service.creates.extend(answers)

    def script(self, task_id: str, *answers: Answer) -> str:
        """
        Make a task that is answered one poll after the other, and return its id.

        Args:
            task_id: The id. A task of the same id is replaced.
            answers: One for each poll. The last one repeats for ever.
        """
        if not answers:
            raise ValueError("a script is one or more answers")
        return self._service.keep(task_id, CreateCall(), Script(answers), None)

    def script_file(self, task_id: str, *answers: Answer, at: FilePlace = "cdn") -> None:
        """
        Answer the downloads of a task's file one after the other, whatever the task's state.

        Without it, both places serve a video of about a kilobyte, whole.

        Args:
            task_id: The task, which needs a scenario or a script of its own.
            answers: One for each download: :func:`video_file`, or any other answer. The last one
                repeats for ever.
            at: Where: "cdn" is the file on *cdn_url*, "content" is ``/v1/videos/{id}/content``.
        """
        if not answers:
            raise ValueError("a script is one or more answers")
        self._service.script_file(task_id, answers, at)

    def polls(self, task_id: str) -> list[float]:
        """Return when the polls of a task arrived, on the loop's clock; refused ones count too."""
        return [
            at
            for at, request in self.requests
            if request.endpoint == "poll" and request.task_id == task_id
        ]


def _now() -> float:
    return asyncio.get_running_loop().time()
