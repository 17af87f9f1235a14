"""The fake service as tests use it: two origins, their tasks, and the recorded requests."""

import asyncio
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, Self

import attrs

from ..answers.answer import Answer, fixed_answer
from ..profiles.http_message import openai_error
from ..profiles.known_servers import SERVERS
from ..profiles.task_state import CreateCall, FilePlace, Shape, check_shape
from ..scenario import Scenario, Script
from ..webhooks import SentWebhook, Webhooks
from .listener import Listener
from .random_faults import FaultInjector, RandomFaults
from .recorded_request import RecordedRequest
from .service import Service
from .task_store import FakeTask


class FakeSora:
    """
    A video service on loopback that does what the scenarios and scripts of its tasks say.

    Use it with ``async with``, or call :meth:`start` and :meth:`close`. It has the calls of the
    kind of server that *shape* names, at their paths: at least creates (``POST /v1/videos``),
    polls (``GET /v1/videos/{id}``) and downloads (``GET /v1/videos/{id}/content``), and on a
    second origin, the CDN, the video files. Anything else is a 404, or a 405 where the path
    exists. It uses the clock of the running loop, so that on :class:`VirtualTimeLoop` an hour
    costs milliseconds. It is deterministic; *random_faults* depend on their seed alone.

    Args:
        api_key: The key that requests must send as ``Authorization: Bearer``; None: none is
            needed. The CDN never needs one.
        shape: The kind of server, as :data:`Shape` describes them: its calls, its paths, and how
            it spells its responses.
        host: The address to listen on.
        port: The port of *url*; 0 takes a free one. The CDN's port is always a free one.
        default_scenario: The scenario of created tasks, and of those added without one.
        outcomes: What becomes of a create, by a text that its prompt contains: the scenario of its
            task, or the answer to the create. None means those of the table in
            :doc:`/how-to/testing`, such as ``[fail]``; an empty mapping means none.
        create_encoding: The only encoding that creates are accepted in: "form" or "json". None
            means those of the shape.
        deduplicates: Whether creates with the same ``Idempotency-Key`` make one task: a repeated
            create returns the task with the header ``Idempotent-Replayed``. It is a 409 while the
            first one is being answered, and a 422 with another body. None means as the shape,
            of which only "inworld" does.
        cut_creates_every: The connection of each n-th create is reset after its task was made;
            None: of none.
        unknown_status: The status of the response about an unknown id: 404, or 400 with the code
            ``task_not_exist`` as by new-api. None means that of the shape: 404, except with
            "litellm".
        absolute_urls: Whether URLs on the fake's own origin are given whole, and not as paths:
            the ``polling_url`` of "openrouter".
        random_faults: Random faults; None: only scenarios and scripts say what goes wrong.
        webhooks: When webhooks are sent, and how they are signed; None means as ``Webhooks()``:
            only for creates with a ``callback_url``.
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
        outcomes: Mapping[str, Scenario | Answer] | None = None,
        create_encoding: Literal["form", "json"] | None = None,
        deduplicates: bool | None = None,
        cut_creates_every: int | None = None,
        unknown_status: Literal[400, 404] | None = None,
        absolute_urls: bool = False,
        random_faults: RandomFaults | None = None,
        webhooks: Webhooks | None = None,
        keepalive_timeout: float = 30 * 86400.0,
    ) -> None:
        check_shape(shape)
        server = SERVERS[shape]
        default_scenario = default_scenario or Scenario()
        if cut_creates_every is not None and cut_creates_every < 1:
            raise ValueError(f"cut_creates_every is 1 or more, not {cut_creates_every!r}")
        if create_encoding is not None:
            server = attrs.evolve(server, accepted_bodies=frozenset({create_encoding}))
        self._service = Service(
            api_key=api_key,
            shape=shape,
            server=server,
            default_scenario=default_scenario,
            outcomes=_make_outcomes(default_scenario) if outcomes is None else outcomes,
            unknown_status=unknown_status,
            deduplicates=server.deduplicates if deduplicates is None else deduplicates,
            cut_creates_every=cut_creates_every,
            absolute_urls=absolute_urls,
            faults=FaultInjector(random_faults),
            webhook_settings=webhooks or Webhooks(),
        )
        self._api = Listener(
            respond=self._service.answer,
            host=host,
            port=port,
            keepalive_timeout=keepalive_timeout,
            routes=server.routes,
        )
        self._cdn = Listener(
            respond=self._service.answer_file,
            host=host,
            port=0,
            keepalive_timeout=keepalive_timeout,
        )

    def __repr__(self) -> str:
        """Return its address and the counts of tasks and requests; never the key."""
        try:
            url = self.url
        except RuntimeError:
            return "<FakeSora: not started>"
        return f"<FakeSora {url}: tasks: {len(self.tasks)}, requests: {len(self.requests)}>"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """The base URL for clients, such as ``http://127.0.0.1:40123``; known once started."""
        return self._api.url

    @property
    def cdn_url(self) -> str:
        """The origin of the video files, which must not get the key; known once started."""
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
        """All tasks, created or added, from the oldest on."""
        return self._service.tasks

    @property
    def webhooks(self) -> list[SentWebhook]:
        """All webhooks that were sent or lost, in that order."""
        return self._service.webhooks.sent

    @property
    def now(self) -> datetime:
        """
        The fake's wall clock, in UTC, as in its responses and their ``Date`` headers.

        It starts at 2026-01-14T08:00:00Z on every run and follows the loop's clock. Use it for
        headers with a date:
        ``format_datetime(sora.now + timedelta(seconds=20), usegmt=True)``.
        """
        return self._service.wall_time(_now())

    async def start(self) -> None:
        """
        Listen on both origins; a second call does nothing.

        After a :meth:`close` it listens on the same ports again, and the tasks are kept, as in a
        service that was down for a while.

        Raises:
            OSError: The port is in use.
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
        """Stop listening and abort every connection; a second call does nothing."""
        await self._service.webhooks.close()
        await self._api.close()
        await self._cdn.close()

    def add(
        self,
        scenario: Scenario | None = None,
        *,
        task_id: str | None = None,
        at_first_poll: bool = False,
        **create: str,
    ) -> str:
        """
        Add a task with a scenario, and return its id.

        Args:
            scenario: What it goes through; None means the fake's *default_scenario*.
            task_id: The id; None means the next free one, in the format of the shape.
            at_first_poll: Whether the scenario starts with the first poll. Otherwise it starts
                now, on the clock of the running loop.
            create: What the task was created with, as responses repeat it: *model*, *prompt*,
                *seconds* and *size*, all of them text.
        """
        created_at = None if at_first_poll else _now()
        scenario = scenario or self._service.default_scenario
        given: Any = create
        return self._service.add_task(task_id, CreateCall(**given), scenario, created_at)

    def add_character(self, name: str, *, character_id: str | None = None) -> str:
        """
        Add a character, as if it had been created, and return its id.

        Args:
            name: Its name.
            character_id: The id; None means the next free one.
        """
        now = self._service.timestamp(_now())
        return self._service.characters.add(name, character_id, now)

    def on_create(self, *answers: Answer) -> None:
        """
        Set the answers to the next creates and remixes.

        An answer that shows the task, such as ``slow(30, queued())``, is sent after the task was
        made. With any other, such as ``http_error(429)`` or ``reset()``, no task is made, unless
        it is wrapped in :func:`accepted`. A create that the server cannot read is refused as
        always, and uses none of the answers.

        Args:
            answers: One for each create, added to those not used yet. After them, creates are
                answered as usual.
        """
        self._service.creates.extend(answers)

    def script(self, task_id: str, *answers: Answer) -> str:
        """
        Add a task with one answer for each poll, and return its id.

        Args:
            task_id: The id. A task of the same id is replaced.
            answers: One for each poll. The last one is repeated.
        """
        if not answers:
            raise ValueError("a script is one or more answers")
        return self._service.add_task(task_id, CreateCall(), Script(answers), None)

    def script_file(self, task_id: str, *answers: Answer, at: FilePlace = "cdn") -> None:
        """
        Set the answers to the downloads of a task's file, whatever the task's state.

        By default, both places serve a whole video of about a kilobyte.

        Args:
            task_id: The task, which needs a scenario or a script of its own.
            answers: One for each download: :func:`video_file`, or any other answer. The last one
                is repeated.
            at: Which URL: "cdn" is the file on *cdn_url*, "content" is ``/v1/videos/{id}/content``.
        """
        if not answers:
            raise ValueError("a script is one or more answers")
        self._service.script_file(task_id, answers, at)

    def polls(self, task_id: str) -> list[float]:
        """Return when the polls of a task arrived, on the loop's clock; failed ones count too."""
        return [
            at
            for at, request in self.requests
            if request.endpoint == "poll" and request.task_id == task_id
        ]


def _now() -> float:
    return asyncio.get_running_loop().time()


def _make_outcomes(default: Scenario) -> Mapping[str, Scenario | Answer]:
    """Return what the documented texts in a prompt make of *default*."""
    return {
        "[fail]": attrs.evolve(default, failure=("internal_error", "The video could not be made.")),
        "[moderation]": attrs.evolve(
            default, failure=("moderation_blocked", "The prompt was blocked by moderation.")
        ),
        "[hang]": attrs.evolve(default, running=math.inf),
        "[no-url]": attrs.evolve(default, url_delay=None),
        "[refuse]": fixed_answer(_REFUSED),
        "[quota]": fixed_answer(_NO_QUOTA),
    }


_REFUSED: Final = openai_error(
    400, "The prompt violates the content policy.", param="prompt", code="content_policy_violation"
)
_NO_QUOTA: Final = openai_error(
    429, "You exceeded your current quota.", type="insufficient_quota", code="insufficient_quota"
)
