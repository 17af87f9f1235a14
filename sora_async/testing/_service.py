"""What stands behind the two origins: the tasks, and what each request is answered."""

import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final, Literal
from urllib.parse import quote, unquote

import attrs
from aiohttp import web

from ._answers import Answer, queued, say, send
from ._lives import Course, Life
from ._messages import make_message, tell_error, tell_not_ready, tell_wrong_key
from ._replies import unknown_task
from ._requests import Request, read_order
from ._shapes import make_id
from ._snapshots import Facts, Order, Shape
from ._tasks import Task
from ._video import VIDEO

START: Final = datetime(2026, 1, 14, 8, tzinfo=UTC)
"""What the wall clock shows when the service starts: the same on every run."""

Place = Literal["cdn", "content"]
"""Where a file is downloaded from: the second origin, or the API's own endpoint."""


@attrs.define(kw_only=True, eq=False)
class Service:
    """
    The tasks of one fake, and its answers.

    Attributes:
        started: When it started, on the loop's clock, in which all other moments are, too.
        cdn_url: The origin of the video files.
    """

    api_key: str | None
    shape: Shape
    default_life: Life
    unknown_status: Literal[400, 404]
    started: float = 0.0
    cdn_url: str = ""
    _tasks: dict[str, Task] = attrs.field(factory=dict)
    _files: dict[tuple[Place, str], Iterator[Answer]] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def wall_time(self, at: float) -> datetime:
        """Return what the wall clock shows at a moment of the loop's clock."""
        return START + timedelta(seconds=at - self.started)

    def keep(self, task_id: str | None, order: Order, course: Course, created: float | None) -> str:
        """Make a task, in the place of one of the same id, and return its id; None: a new one."""
        if task_id is None:
            new_ids = (make_id(self.shape, number) for number in self._numbers)
            task_id = next(new_id for new_id in new_ids if new_id not in self._tasks)
        self._tasks[task_id] = Task(id=task_id, order=order, course=course, created=created)
        return task_id

    def script_file(self, task_id: str, answers: Sequence[Answer], place: Place) -> None:
        """Answer the downloads of a task's file at a place one after the other."""
        self._files[place, task_id] = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def answer(
        self, request: web.BaseRequest, record: Request, at: float
    ) -> web.StreamResponse:
        """Answer a request to the API."""
        answer, task_id = self._choose(record, at)
        facts = self._gather(task_id, at)
        return await send(answer, request, facts, self._date(at))

    async def answer_file(
        self, request: web.BaseRequest, record: Request, at: float
    ) -> web.StreamResponse:
        """Answer a request to the CDN, which has the file of every task and knows no states."""
        found = _FILE_PATH.fullmatch(record.path)
        task_id = unquote(found[1]) if found and record.method == "GET" else None
        if task_id is None or task_id not in self._tasks:
            raise web.HTTPNotFound
        answer = next(self._files.get(("cdn", task_id), _VIDEOS))
        return await send(answer, request, self._gather(task_id, at), self._date(at))

    def _choose(self, record: Request, at: float) -> tuple[Answer, str]:
        """Return the answer to a request to the API, and the id of the task it is about."""
        if self.api_key not in (None, _read_key(record)):
            return Answer(message=tell_wrong_key), ""
        if record.endpoint == "create":
            return self._create(record, at)
        if record.task_id is None:
            return say(tell_error(404, f"Invalid URL ({record.method} {record.path})")), ""
        task = self._tasks.get(record.task_id)
        if task is None:
            return unknown_task(), record.task_id
        if record.endpoint == "poll":
            return task.poll(at), task.id
        if ("content", task.id) in self._files:
            return next(self._files["content", task.id]), task.id
        return _VIDEO if task.has_file(at) else Answer(message=tell_not_ready), task.id

    def _create(self, record: Request, at: float) -> tuple[Answer, str]:
        try:
            order = read_order(record)
        except ValueError as error:
            return say(tell_error(400, str(error))), ""
        # The page's own server answers a create flat: only its polls are nested.
        answer = queued(shape="openai" if self.shape == "openai" else "relay")
        return answer, self.keep(None, order, self.default_life, at)

    def _gather(self, task_id: str, at: float) -> Facts:
        """Return what a reply says of a task at a moment, also of one that is not known."""
        task = self._tasks.get(task_id) or Task(id=task_id, order=Order(), course=self.default_life)
        created = at if task.created is None else task.created
        return Facts(
            task_id=task_id,
            order=task.order,
            shape=self.shape,
            now=self._stamp(at),
            created=self._stamp(created),
            ended=self._stamp(task.ended(at)),
            poll=task.polls,
            file_url=f"{self.cdn_url}/videos/{quote(task_id, safe='')}.mp4",
            unknown_status=self.unknown_status,
        )

    def _stamp(self, at: float) -> float:
        # Rounded, or noise in the last bits would make whole seconds those before.
        return round(_START_STAMP + (at - self.started), 6)

    def _date(self, at: float) -> str:
        return format_datetime(self.wall_time(at), usegmt=True)


def _read_key(record: Request) -> str | None:
    scheme, _, key = record.headers.get("Authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else None


_START_STAMP: Final = START.timestamp()
_FILE_PATH: Final = re.compile(r"/videos/([^/]+)\.mp4")
_VIDEO: Final = say(make_message(VIDEO, kind="video/mp4"))
_VIDEOS: Final = itertools.repeat(_VIDEO)
