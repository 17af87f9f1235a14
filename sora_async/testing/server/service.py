"""The tasks behind the two origins, and the response to each request."""

import asyncio
import functools
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final, Literal
from urllib.parse import quote, unquote

import attrs
from aiohttp import web

from ..answers.answer import (
    Answer,
    ScenarioRun,
    fixed_answer,
    queued,
    send,
    state_answer,
    unknown_task,
    with_headers,
)
from ..answers.network_faults import reset
from ..answers.sample_video import VIDEO
from ..profiles.http_message import Message, make_message
from ..profiles.render import CREATING, render_body
from ..profiles.routes import Endpoint
from ..profiles.server_profile import ServerProfile
from ..profiles.task_state import CreateCall, FilePlace, Shape, TaskFacts, TaskState
from ..scenario import Scenario
from ..webhooks import Webhooks, find_callback_url
from .characters import Characters
from .create_reader import CreateError, read_create, read_source_id
from .idempotency import IdempotencyKeys
from .pages import list_tasks
from .random_faults import FaultInjector
from .recorded_request import RecordedRequest
from .task_store import QUEUED, FakeTask
from .webhook_sender import WebhookSender

START: Final = datetime(2026, 1, 14, 8, tzinfo=UTC)
"""The wall clock when the service starts, the same on every run."""


@attrs.define(kw_only=True, eq=False)
class Service:
    """
    The tasks of one fake, and its responses; what is not described here is as for ``FakeSora``.

    Attributes:
        server: What the kind of server offers, and how it spells it.
        started: When it started, on the loop's clock, which all other moments are on, too.
        api_url: The origin of the API.
        cdn_url: The origin of the video files.
        creates: The answers to the next creates.
    """

    api_key: str | None
    shape: Shape
    server: ServerProfile
    default_scenario: Scenario
    outcomes: Mapping[str, Scenario | Answer]
    unknown_status: Literal[400, 404] | None
    deduplicates: bool
    cut_creates_every: int | None
    faults: FaultInjector
    webhook_settings: Webhooks
    absolute_urls: bool
    started: float = 0.0
    api_url: str = ""
    cdn_url: str = ""
    creates: list[Answer] = attrs.field(factory=list)
    characters: Characters = attrs.field(factory=Characters)
    webhooks: WebhookSender = attrs.field(init=False)
    _keys: IdempotencyKeys = attrs.field(factory=IdempotencyKeys)
    _creates_received: int = 0
    _requests_answered: int = 0
    _tasks: dict[str, FakeTask] = attrs.field(factory=dict)
    _downloads: dict[tuple[FilePlace, str], Iterator[Answer]] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        self.webhooks = WebhookSender(self.webhook_settings, self._describe_task, self.timestamp)

    @property
    def tasks(self) -> list[FakeTask]:
        """All tasks, from the oldest on."""
        return list(self._tasks.values())

    def wall_time(self, at: float) -> datetime:
        """Return the wall clock at a moment of the loop's clock."""
        return START + timedelta(seconds=at - self.started)

    def add_task(
        self,
        task_id: str | None,
        create: CreateCall,
        scenario: ScenarioRun,
        created_at: float | None,
        *,
        remixed_from: str | None = None,
        callback_url: str | None = None,
    ) -> str:
        """Add a task, replacing one of the same id, and return its id; None: the next free one."""
        if task_id is None:
            new_ids = (self.server.make_id(number) for number in self._numbers)
            task_id = next(new_id for new_id in new_ids if new_id not in self._tasks)
        self._tasks[task_id] = FakeTask(
            id=task_id,
            create=create,
            scenario=scenario,
            created_at=created_at,
            remixed_from=remixed_from,
        )
        self.webhooks.add(self._tasks[task_id], callback_url)
        return task_id

    def advance(self, seconds: float) -> None:
        """Make all tasks whose clock has started, and the wall clock, *seconds* older."""
        self.started -= seconds
        for task in self._tasks.values():
            task.advance(seconds)
        self.webhooks.advance(seconds)

    def reset(self) -> None:
        """Remove all tasks, and start again with the first id."""
        self._tasks.clear()
        self._numbers = itertools.count(1)
        self.characters = Characters()
        self._keys.clear()
        self._creates_received = 0
        self._downloads.clear()
        self.creates.clear()
        self.faults.reset()
        self.webhooks.reset()

    def show(self, task: FakeTask, at: float) -> dict[str, Any] | None:
        """Return the object of a task in a list, without a poll; None: it is not visible yet."""
        state = task.state_at(at)
        if state is not None and self.server.list_shows_last_poll:
            state = task.polled_state()
        if state is None:
            return None
        body = render_body(state, self._facts(task.id, at, "list"))
        if self.server.make_list_id is not None:
            body["id"] = self.server.make_list_id(task.id)
        return body

    def script_file(self, task_id: str, answers: Sequence[Answer], place: FilePlace) -> None:
        """Set the answers to the downloads of a task's file at *place*; the last one repeats."""
        self._downloads[place, task_id] = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def answer(
        self, request: web.BaseRequest, record: RecordedRequest, at: float
    ) -> web.StreamResponse:
        """Answer a request to the API."""
        answer, task_id = self.faults.answer(record, lambda: self._choose(record, at))
        if record.endpoint in CREATING:
            await self.webhooks.announce(task_id)
        facts = self._facts(task_id, at, record.endpoint)
        self._requests_answered += 1
        headers = {"x-request-id": f"req_{self._requests_answered:032x}", **self._headers(at)}
        with self._keys.using(record):
            return await send(answer, request, facts, headers)

    async def answer_file(
        self, request: web.BaseRequest, record: RecordedRequest, at: float
    ) -> web.StreamResponse:
        """Answer a request to the CDN, which has the file of every task, whatever its state."""
        found = _FILE_PATH.fullmatch(record.path)
        task_id = unquote(found[1]) if found and record.method == "GET" else None
        if task_id is None or task_id not in self._tasks:
            raise web.HTTPNotFound
        answer = next(self._downloads.get(("cdn", task_id), _VIDEOS))
        return await send(answer, request, self._facts(task_id, at), self._headers(at))

    def _choose(self, record: RecordedRequest, at: float) -> tuple[Answer, str]:
        """Return the answer to a request to the API, and the id of its task."""
        if self.api_key not in (None, _read_key(record)):
            return fixed_answer(self.server.wrong_key), ""
        match record.endpoint:
            case "create":
                return self._create(record, at)
            case "list":
                show = functools.partial(self.show, at=at)
                return fixed_answer(list_tasks(self.server, record, self.tasks, show)), ""
            case "character":
                shown = self.characters.answer(record, self.server, self.timestamp(at))
                return fixed_answer(shown), ""
            case "edit" | "extend":
                return self._make_variant(record, at)
            case "other":
                return fixed_answer(self.server.no_such_call(record.method, record.path)), ""
        task = self._tasks.get(record.task_id or "")
        if task is not None and record.endpoint == "poll":
            return self._poll(task, at), task.id
        if task is not None and record.endpoint == "content":
            scripted = self._downloads.get(("content", task.id))
            if scripted is not None:
                return next(scripted), task.id
        state = None if task is None else task.state_at(at)
        if task is None or state is None:
            return unknown_task(), record.task_id or ""
        match record.endpoint:
            case "delete":
                return fixed_answer(self._delete(task, state, at)), task.id
            case "cancel":
                return fixed_answer(self._cancel(task, state, at)), task.id
            case "remix":
                return self._make_variant(record, at)
        error = self.server.file_error(
            state, is_url_late=state.url is None and task.is_url_late(at)
        )
        return _VIDEO if error is None else fixed_answer(error), task.id

    def _poll(self, task: FakeTask, at: float) -> Answer:
        answer = task.poll(at)
        self.webhooks.schedule(task)
        is_scripted = task.ends_at() is None
        if is_scripted and answer.state and answer.state.phase in ("succeeded", "failed"):
            self.webhooks.finish(task)
        return answer

    def _create(self, record: RecordedRequest, at: float) -> tuple[Answer, str]:
        try:
            create = read_create(record, self.server)
            self._creates_received += 1
            known_id = self._keys.find(record, create) if self.deduplicates else None
        except CreateError as error:
            return self._refuse(error.status, error.message)
        if known_id is not None:
            return self._cut(self._replay(known_id, at), known_id)
        answer, task_id = self._make_task(record, create, at)
        if task_id and self.deduplicates:
            self._keys.add(record, create, task_id)
        return self._cut(answer, task_id)

    def _cut(self, answer: Answer, task_id: str) -> tuple[Answer, str]:
        """Return *answer*, or a reset for each n-th create that has made its task."""
        every = self.cut_creates_every
        if task_id and every is not None and self._creates_received % every == 0:
            return reset(), task_id
        return answer, task_id

    def _replay(self, task_id: str, at: float) -> Answer:
        """Return the answer to a create whose task was made by an earlier one."""
        task = self._tasks.get(task_id)
        state = None if task is None else task.state_at(at)
        answer = unknown_task() if task is None else state_answer(state or QUEUED)
        return with_headers({"Idempotent-Replayed": "true"}, answer)

    def _make_variant(self, record: RecordedRequest, at: float) -> tuple[Answer, str]:
        """Make a task from another one: a remix, an edit or an extension."""
        try:
            given = read_create(record, self.server, needs_encoding=False)
            source_id = record.task_id or read_source_id(given)
        except CreateError as error:
            return self._refuse(error.status, error.message)
        if source_id is None:  # the video was uploaded
            return self._make_task(record, given, at)
        source = self._tasks.get(source_id)
        state = None if source is None else source.state_at(at)
        if source is None or state is None:
            return unknown_task(), source_id
        if state.phase != "succeeded":
            verb = {"remix": "remixed", "edit": "edited"}.get(record.endpoint, "extended")
            return self._refuse(400, f"Only a completed video can be {verb}.")
        create = attrs.evolve(source.create, prompt=given.prompt, fields=given.fields, files={})
        if record.endpoint == "extend":
            create = attrs.evolve(create, seconds=given.seconds)
        remixed_from = source.id if record.endpoint == "remix" else None
        return self._make_task(record, create, at, remixed_from)

    def _make_task(
        self,
        record: RecordedRequest,
        create: CreateCall,
        at: float,
        remixed_from: str | None = None,
    ) -> tuple[Answer, str]:
        """Make the task of *create*, unless the test wants this one to be refused."""
        outcome = next(
            (self.outcomes[text] for text in self.outcomes if text in create.prompt), None
        )
        answer = queued()
        if self.creates:
            answer = self.creates.pop(0)
        elif isinstance(outcome, Answer):
            answer = outcome
        if not answer.is_accepted:
            return answer, ""
        scenario = outcome if isinstance(outcome, Scenario) else self.default_scenario
        task_id = self.add_task(
            None,
            create,
            answer.scenario or scenario,
            at,
            remixed_from=remixed_from,
            callback_url=find_callback_url(create, record.query),
        )
        return answer, task_id

    def _refuse(self, status: int, message: str) -> tuple[Answer, str]:
        return fixed_answer(self.server.render_error(status, message)), ""

    def _cancel(self, task: FakeTask, state: TaskState, at: float) -> Message:
        error = self.server.cancel_error or (400, "The task has ended.", "task_ended")
        can_run = self.server.cancel_error is None
        if state.phase != "queued" and not (can_run and state.phase == "running"):
            status, text, code = error
            return self.server.render_error(status, text, code=code)
        cancelled = task.cancel()
        self.webhooks.finish(task)
        return make_message(render_body(cancelled, self._facts(task.id, at, "cancel")))

    def _delete(self, task: FakeTask, state: TaskState, at: float) -> Message:
        removed = self.server.render_removed
        if removed is not None and state.phase == "running":
            return self.server.render_error(400, "A running task cannot be deleted.")
        if removed is not None and state.phase == "queued":
            task.cancel()
            self.webhooks.finish(task)
            return make_message(removed(task.id, "cancelled"))
        last = render_body(state, self._facts(task.id, at, "delete"))
        del self._tasks[task.id]
        if removed is not None:
            return make_message(removed(task.id, "deleted"))
        if self.server.shows_deleted:
            return make_message(last | {"status": "deleted"})
        return make_message({"id": task.id, "object": "video.deleted", "deleted": True})

    def _describe_task(
        self, task_id: str, state: TaskState | None
    ) -> tuple[TaskState, dict[str, Any]] | None:
        """Return a state of a task, by default the present one, and the object that shows it."""
        task = self._tasks.get(task_id)
        if task is None:
            return None
        at = asyncio.get_running_loop().time()
        state = state or task.state_at(at) or QUEUED
        return state, render_body(state, self._facts(task_id, at, "poll"))

    def _facts(self, task_id: str, at: float, endpoint: Endpoint = "content") -> TaskFacts:
        """Return what a response says of a task beside its state, also of an unknown one."""
        task = self._tasks.get(task_id) or FakeTask(
            id=task_id, create=CreateCall(), scenario=self.default_scenario
        )
        created_at = at if task.created_at is None else task.created_at
        return TaskFacts(
            task_id=task_id,
            create=task.create,
            shape=self.shape,
            now=self.timestamp(at),
            created_at=self.timestamp(created_at),
            ended_at=self.timestamp(task.ended_at(at)),
            poll=task.polls,
            file_url=f"{self.cdn_url}/videos/{quote(task_id, safe='')}.mp4",
            unknown_status=self.unknown_status,
            endpoint=endpoint,
            api_url=self.api_url,
            absolute_urls=self.absolute_urls,
            remixed_from=task.remixed_from,
        )

    def timestamp(self, at: float) -> float:
        """Return the wall clock at a moment of the loop's clock, in seconds since 1970."""
        # Rounded: float noise would turn whole seconds into those before.
        return round(_START_TIMESTAMP + (at - self.started), 6)

    def _headers(self, at: float) -> Mapping[str, str]:
        return {"Date": format_datetime(self.wall_time(at), usegmt=True)}


def _read_key(record: RecordedRequest) -> str | None:
    scheme, _, key = record.headers.get("Authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else None


_START_TIMESTAMP: Final = START.timestamp()
_FILE_PATH: Final = re.compile(r"/videos/([^/]+)\.mp4")
_VIDEO: Final = fixed_answer(make_message(VIDEO, content_type="video/mp4"))
_VIDEOS: Final = itertools.repeat(_VIDEO)
