"""What stands behind the two origins: the tasks, and what each request is answered."""

import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final, Literal
from urllib.parse import quote, unquote

import attrs
from aiohttp import web

from ..answers.answer import Answer, queued, say, send
from ..answers.http_message import Message, make_message
from ..answers.random_faults import FaultDecision
from ..answers.replies import unknown_task
from ..answers.sample_video import VIDEO
from ..scenario import Scenario, ScenarioRun
from ..servers.profiles import SERVERS
from ..servers.server_profile import ServerProfile
from ..servers.shapes import spell
from ..servers.task_state import CreateCall, FilePlace, Shape, TaskFacts, TaskState
from .characters import Characters
from .pages import list_tasks
from .recorded_request import RecordedRequest, read_order
from .routes import Endpoint
from .task_store import FakeTask

START: Final = datetime(2026, 1, 14, 8, tzinfo=UTC)
"""What the wall clock shows when the service starts: the same on every run."""


@attrs.define(kw_only=True, eq=False)
class Service:
    """
    The tasks of one fake, and its answers.

    Attributes:
        started: When it started, on the loop's clock, in which all other moments are, too.
        api_url: The origin of the API.
        cdn_url: The origin of the video files.
        fate: What goes wrong by chance.
        creates: What the next creates are answered.
    """

    api_key: str | None
    shape: Shape
    default_scenario: Scenario
    unknown_status: Literal[400, 404]
    fate: FaultDecision
    is_absolute: bool = False
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
        """The kind of server that this is."""
        return SERVERS[self.shape]

    @property
    def tasks(self) -> list[FakeTask]:
        """All tasks, from the oldest on."""
        return list(self._tasks.values())

    def wall_time(self, at: float) -> datetime:
        """Return what the wall clock shows at a moment of the loop's clock."""
        return START + timedelta(seconds=at - self.started)

    def keep(
        self,
        task_id: str | None,
        order: CreateCall,
        course: ScenarioRun,
        created: float | None,
        remixed_from: str | None = None,
    ) -> str:
        """Make a task, in the place of one of the same id, and return its id; None: a new one."""
        if task_id is None:
            new_ids = (self.server.make_id(number) for number in self._numbers)
            task_id = next(new_id for new_id in new_ids if new_id not in self._tasks)
        self._tasks[task_id] = FakeTask(
            id=task_id, order=order, course=course, created=created, remixed_from=remixed_from
        )
        return task_id

    def advance(self, seconds: float) -> None:
        """Let *seconds* have passed for all tasks that have begun, and on the wall clock."""
        self.started -= seconds
        for task in self._tasks.values():
            task.grow(seconds)

    def forget(self) -> None:
        """Forget all tasks, and begin again with the first id."""
        self._tasks.clear()
        self._numbers = itertools.count(1)
        self._characters = Characters()
        self._files.clear()
        self._contents.clear()
        self.creates.clear()
        self.fate.forget()

    def show(self, task: FakeTask, at: float) -> dict[str, Any] | None:
        """Return the object that shows a task, without a poll; None where it is not known yet."""
        snapshot = task.look(at)
        return None if snapshot is None else spell(snapshot, self._gather(task.id, at, "list"))

    def script_file(self, task_id: str, answers: Sequence[Answer], place: FilePlace) -> None:
        """Answer the downloads of a task's file at a place one after the other."""
        files = self._files if place == "cdn" else self._contents
        files[task_id] = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def answer(
        self, request: web.BaseRequest, record: RecordedRequest, at: float
    ) -> web.StreamResponse:
        """Answer a request to the API."""
        answer, task_id = self.fate.answer(record, lambda: self._choose(record, at))
        facts = self._gather(task_id, at, record.endpoint)
        return await send(answer, request, facts, self._date(at))

    async def answer_file(
        self, request: web.BaseRequest, record: RecordedRequest, at: float
    ) -> web.StreamResponse:
        """Answer a request to the CDN, which has the file of every task and knows no states."""
        found = _FILE_PATH.fullmatch(record.path)
        task_id = unquote(found[1]) if found and record.method == "GET" else None
        if task_id is None or task_id not in self._tasks:
            raise web.HTTPNotFound
        answer = next(self._files.get(task_id, _VIDEOS))
        return await send(answer, request, self._gather(task_id, at), self._date(at))

    def _choose(self, record: RecordedRequest, at: float) -> tuple[Answer, str]:
        """Return the answer to a request to the API, and the id of the task it is about."""
        if self.api_key not in (None, _read_key(record)):
            return say(self.server.wrong_key), ""
        match record.endpoint:
            case "create":
                return self._create(record, at)
            case "list":
                return say(self._list(record, at)), ""
            case "character":
                return say(self._characters.answer(record, self.server, self._stamp(at))), ""
            case "other":
                return say(self.server.turn_away(record.method, record.path)), ""
        task = self._tasks.get(record.task_id or "")
        if task is not None and record.endpoint == "poll":
            return task.poll(at), task.id
        if task is not None and record.endpoint == "content" and task.id in self._contents:
            return next(self._contents[task.id]), task.id
        snapshot = None if task is None else task.look(at)
        if task is None or snapshot is None:
            return unknown_task(), record.task_id or ""
        match record.endpoint:
            case "delete":
                return say(self._delete(task, snapshot, at)), task.id
            case "remix":
                return self._remix(task, snapshot, record, at)
        refusal = self.server.refuse_file(snapshot)
        return _VIDEO if refusal is None else say(refusal), task.id

    def _create(self, record: RecordedRequest, at: float) -> tuple[Answer, str]:
        try:
            order = read_order(record, self.server)
        except ValueError as error:
            return say(self.server.tell(400, str(error))), ""
        return self._take(order, at)

    def _remix(
        self, source: FakeTask, snapshot: TaskState, record: RecordedRequest, at: float
    ) -> tuple[Answer, str]:
        try:
            asked = read_order(record, self.server, is_remix=True)
        except ValueError as error:
            return say(self.server.tell(400, str(error))), ""
        if snapshot.phase != "succeeded":
            return say(self.server.tell(400, "Only a completed video can be remixed.")), ""
        order = attrs.evolve(source.order, prompt=asked.prompt, fields=asked.fields, files={})
        return self._take(order, at, source.id)

    def _take(
        self, order: CreateCall, at: float, remixed_from: str | None = None
    ) -> tuple[Answer, str]:
        """Make the task of *order*, unless the test has said that this one is refused."""
        answer = self.creates.pop(0) if self.creates else queued()
        if not answer.is_accepted:
            return answer, ""
        scenario = answer.scenario or self.default_scenario
        return answer, self.keep(None, order, scenario, at, remixed_from)

    def _list(self, record: RecordedRequest, at: float) -> Message:
        def show(task: FakeTask) -> dict[str, Any] | None:
            return self.show(task, at)

        return list_tasks(self.server, record.query, self.tasks, show)

    def _delete(self, task: FakeTask, snapshot: TaskState, at: float) -> Message:
        last = spell(snapshot, self._gather(task.id, at, "delete"))
        del self._tasks[task.id]
        if self.server.shows_deleted:
            return make_message(last | {"status": "deleted"})
        return make_message({"id": task.id, "object": "video.deleted", "deleted": True})

    def _gather(self, task_id: str, at: float, endpoint: Endpoint = "content") -> TaskFacts:
        """Return what a reply says of a task at a moment, also of one that is not known."""
        task = self._tasks.get(task_id) or FakeTask(
            id=task_id, order=CreateCall(), course=self.default_scenario
        )
        created = at if task.created is None else task.created
        return TaskFacts(
            task_id=task_id,
            order=task.order,
            shape=self.shape,
            now=self._stamp(at),
            created=self._stamp(created),
            ended=self._stamp(task.ended(at)),
            poll=task.polls,
            file_url=f"{self.cdn_url}/videos/{quote(task_id, safe='')}.mp4",
            unknown_status=self.unknown_status,
            endpoint=endpoint,
            api_url=self.api_url,
            is_absolute=self.is_absolute,
            remixed_from=task.remixed_from,
        )

    def _stamp(self, at: float) -> float:
        # Rounded, or noise in the last bits would make whole seconds those before.
        return round(_START_STAMP + (at - self.started), 6)

    def _date(self, at: float) -> str:
        return format_datetime(self.wall_time(at), usegmt=True)


def _read_key(record: RecordedRequest) -> str | None:
    scheme, _, key = record.headers.get("Authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else None


_START_STAMP: Final = START.timestamp()
_FILE_PATH: Final = re.compile(r"/videos/([^/]+)\.mp4")
_VIDEO: Final = say(make_message(VIDEO, kind="video/mp4"))
_VIDEOS: Final = itertools.repeat(_VIDEO)
