"""The tasks behind the two origins, and the response to each request."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final, Literal
from urllib.parse import quote, unquote

import attrs
from aiohttp import web

from ..answers.answer import Answer, ScenarioRun, fixed_answer, queued, send, unknown_task
from ..answers.sample_video import VIDEO
from ..profiles.http_message import Message, make_message
from ..profiles.known_servers import SERVERS
from ..profiles.render import render_body
from ..profiles.routes import Endpoint
from ..profiles.server_profile import ServerProfile
from ..profiles.task_state import CreateCall, FilePlace, Shape, TaskFacts, TaskState
from ..scenario import Scenario
from .characters import Characters
from .create_reader import read_create
from .pages import list_tasks
from .random_faults import FaultInjector
from .recorded_request import RecordedRequest
from .task_store import FakeTask

START: Final = datetime(2026, 1, 14, 8, tzinfo=UTC)
"""The wall clock when the service starts, the same on every run."""


@attrs.define(kw_only=True, eq=False)
class Service:
    """
    The tasks of one fake, and its responses.

    Attributes:
        api_key: The key that requests must bring; None: none.
        shape: The kind of server.
        default_scenario: The scenario of tasks made by creates.
        unknown_status: The status of the response about an unknown id.
        faults: The random faults.
        absolute_urls: Whether URLs on the fake's own origin are given whole.
        started: When it started, on the loop's clock, which all other moments are on, too.
        api_url: The origin of the API.
        cdn_url: The origin of the video files.
        creates: The answers to the next creates.
    """

    api_key: str | None
    shape: Shape
    default_scenario: Scenario
    unknown_status: Literal[400, 404]
    faults: FaultInjector
    absolute_urls: bool = False
    started: float = 0.0
    api_url: str = ""
    cdn_url: str = ""
    creates: list[Answer] = attrs.field(factory=list)
    _characters: Characters = attrs.field(factory=Characters)
    _tasks: dict[str, FakeTask] = attrs.field(factory=dict)
    _files: dict[str, Iterator[Answer]] = attrs.field(factory=dict)
    _contents: dict[str, Iterator[Answer]] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    @property
    def server(self) -> ServerProfile:
        """The profile of the kind of server."""
        return SERVERS[self.shape]

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
        remixed_from: str | None = None,
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
        return task_id

    def advance(self, seconds: float) -> None:
        """Make all tasks whose clock has started, and the wall clock, *seconds* older."""
        self.started -= seconds
        for task in self._tasks.values():
            task.advance(seconds)

    def reset(self) -> None:
        """Remove all tasks, and start again with the first id."""
        self._tasks.clear()
        self._numbers = itertools.count(1)
        self._characters = Characters()
        self._files.clear()
        self._contents.clear()
        self.creates.clear()
        self.faults.reset()

    def show(self, task: FakeTask, at: float) -> dict[str, Any] | None:
        """Return the object of a task in a list, without a poll; None: it is not visible yet."""
        state = task.state_at(at)
        return None if state is None else render_body(state, self._facts(task.id, at, "list"))

    def script_file(self, task_id: str, answers: Sequence[Answer], place: FilePlace) -> None:
        """Set the answers to the downloads of a task's file at *place*; the last one repeats."""
        files = self._files if place == "cdn" else self._contents
        files[task_id] = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def answer(
        self, request: web.BaseRequest, record: RecordedRequest, at: float
    ) -> web.StreamResponse:
        """Answer a request to the API."""
        answer, task_id = self.faults.answer(record, lambda: self._choose(record, at))
        facts = self._facts(task_id, at, record.endpoint)
        return await send(answer, request, facts, self._headers(at))

    async def answer_file(
        self, request: web.BaseRequest, record: RecordedRequest, at: float
    ) -> web.StreamResponse:
        """Answer a request to the CDN, which has the file of every task, whatever its state."""
        found = _FILE_PATH.fullmatch(record.path)
        task_id = unquote(found[1]) if found and record.method == "GET" else None
        if task_id is None or task_id not in self._tasks:
            raise web.HTTPNotFound
        answer = next(self._files.get(task_id, _VIDEOS))
        return await send(answer, request, self._facts(task_id, at), self._headers(at))

    def _choose(self, record: RecordedRequest, at: float) -> tuple[Answer, str]:
        """Return the answer to a request to the API, and the id of its task."""
        if self.api_key not in (None, _read_key(record)):
            return fixed_answer(self.server.wrong_key), ""
        match record.endpoint:
            case "create":
                return self._create(record, at)
            case "list":
                return fixed_answer(self._list(record, at)), ""
            case "character":
                shown = self._characters.answer(record, self.server, self._timestamp(at))
                return fixed_answer(shown), ""
            case "other":
                return fixed_answer(self.server.no_such_call(record.method, record.path)), ""
        task = self._tasks.get(record.task_id or "")
        if task is not None and record.endpoint == "poll":
            return task.poll(at), task.id
        if task is not None and record.endpoint == "content" and task.id in self._contents:
            return next(self._contents[task.id]), task.id
        state = None if task is None else task.state_at(at)
        if task is None or state is None:
            return unknown_task(), record.task_id or ""
        match record.endpoint:
            case "delete":
                return fixed_answer(self._delete(task, state, at)), task.id
            case "remix":
                return self._remix(task, state, record, at)
        error = self.server.file_error(
            state, is_url_late=state.url is None and task.is_url_late(at)
        )
        return _VIDEO if error is None else fixed_answer(error), task.id

    def _create(self, record: RecordedRequest, at: float) -> tuple[Answer, str]:
        try:
            create = read_create(record, self.server)
        except ValueError as error:
            return fixed_answer(self.server.render_error(400, str(error))), ""
        return self._make_task(create, at)

    def _remix(
        self, source: FakeTask, state: TaskState, record: RecordedRequest, at: float
    ) -> tuple[Answer, str]:
        render_error = self.server.render_error
        try:
            given = read_create(record, self.server, is_remix=True)
        except ValueError as error:
            return fixed_answer(render_error(400, str(error))), ""
        if state.phase != "succeeded":
            return fixed_answer(render_error(400, "Only a completed video can be remixed.")), ""
        create = attrs.evolve(source.create, prompt=given.prompt, fields=given.fields, files={})
        return self._make_task(create, at, source.id)

    def _make_task(
        self, create: CreateCall, at: float, remixed_from: str | None = None
    ) -> tuple[Answer, str]:
        """Make the task of *create*, unless the test wants this one to be refused."""
        answer = self.creates.pop(0) if self.creates else queued()
        if not answer.is_accepted:
            return answer, ""
        scenario = answer.scenario or self.default_scenario
        return answer, self.add_task(None, create, scenario, at, remixed_from)

    def _list(self, record: RecordedRequest, at: float) -> Message:
        def show(task: FakeTask) -> dict[str, Any] | None:
            return self.show(task, at)

        return list_tasks(self.server, record.query, self.tasks, show)

    def _delete(self, task: FakeTask, state: TaskState, at: float) -> Message:
        last = render_body(state, self._facts(task.id, at, "delete"))
        del self._tasks[task.id]
        if self.server.shows_deleted:
            return make_message(last | {"status": "deleted"})
        return make_message({"id": task.id, "object": "video.deleted", "deleted": True})

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
            now=self._timestamp(at),
            created_at=self._timestamp(created_at),
            ended_at=self._timestamp(task.ended_at(at)),
            poll=task.polls,
            file_url=f"{self.cdn_url}/videos/{quote(task_id, safe='')}.mp4",
            unknown_status=self.unknown_status,
            endpoint=endpoint,
            api_url=self.api_url,
            absolute_urls=self.absolute_urls,
            remixed_from=task.remixed_from,
        )

    def _timestamp(self, at: float) -> float:
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
