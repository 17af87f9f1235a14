"""The fake's own calls, under ``/_fake``: for tests of programs in any language."""

import asyncio
import json
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Final
from urllib.parse import parse_qsl

import attrs
from aiohttp import web

from ..answers.answer import Answer
from ..scenario import Scenario
from ..script_file import ScriptedTask, ScriptFile
from ..script_reader import MisreadError, read
from ..servers.task_state import FilePlace
from .fake_sora import FakeSora
from .recorded_request import REPEATED, RecordedRequest
from .task_store import FakeTask

ROOT: Final = "/_fake"
"""No kind of server has a path that begins like this."""


@attrs.frozen(kw_only=True)
class _Advance:
    """The body of ``POST /_fake/advance``."""

    seconds: float


@attrs.frozen(kw_only=True)
class _Creates:
    """The body of ``POST /_fake/creates``."""

    answers: tuple[Answer, ...]


@attrs.frozen(kw_only=True)
class _Downloads:
    """The body of ``POST /_fake/downloads``."""

    task_id: str
    answers: tuple[Answer, ...]
    at: FilePlace = "cdn"

    def __attrs_post_init__(self) -> None:
        if not self.answers:
            raise ValueError("a script is one or more answers")


class ControlApi:
    """
    What a program in another process can do with a fake.

    It wants no key, and none of its calls counts as a request to the service.
    """

    def __init__(self, fake: FakeSora, plan: ScriptFile, default_scenario: Scenario) -> None:
        self._fake = fake
        self._plan = plan
        self._default_life = default_scenario
        self._began = 0.0
        self._calls: Mapping[str, Callable[[RecordedRequest], Any]] = {
            "GET /_fake": self._introduce,
            "GET /_fake/tasks": self._tell_tasks,
            "POST /_fake/tasks": self._add_task,
            "POST /_fake/creates": self._plan_creates,
            "POST /_fake/downloads": self._plan_downloads,
            "GET /_fake/requests": self._tell_requests,
            "POST /_fake/advance": self._advance,
            "POST /_fake/reset": self._reset,
        }

    def begin(self) -> None:
        """Make the tasks of the plan, and let the fake take calls."""
        self._fake._api.control = self.answer
        self._began = asyncio.get_running_loop().time()
        for task in self._plan.tasks or ():
            self._keep(task)
        self._fake.on_create(*self._plan.creates)

    def answer(self, request: RecordedRequest, at: float) -> web.Response | None:
        """Answer a request that is for the fake itself; None for any other."""
        path = request.path.removesuffix("/")
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            return None
        call = self._calls.get(f"{request.method} {path}")
        if call is None:
            known = ", ".join(self._calls)
            return _say(404, {"error": f"there is no {request.method} {path}, but {known}"})
        try:
            return _say(200, call(request))
        except MisreadError as error:
            return _say(400, {"error": str(error)})

    def _keep(self, planned: ScriptedTask) -> str:
        is_late = planned.script is not None or planned.start == "first_poll"
        created = None if is_late else asyncio.get_running_loop().time()
        course = planned.course(self._default_life, self._plan.speed or 1.0)
        task_id = self._fake._service.keep(planned.id, planned.order, course, created)
        for place, answers in planned.downloads.items():
            self._fake.script_file(task_id, *answers, at=place)
        return task_id

    def _introduce(self, _request: RecordedRequest) -> Any:
        service = self._fake._service
        return {
            "url": self._fake.url,
            "cdn_url": self._fake.cdn_url,
            "shape": service.shape,
            "now": self._fake.now.isoformat(),
            "calls": list(self._calls),
        }

    def _tell_tasks(self, request: RecordedRequest) -> Any:
        wanted = _read_query(request, "id")
        tasks = [self._tell_task(task) for task in self._fake.tasks]
        return {"tasks": [task for task in tasks if wanted.items() <= task.items()]}

    def _tell_task(self, task: FakeTask) -> dict[str, Any]:
        service = self._fake._service
        at = asyncio.get_running_loop().time()
        snapshot = task.look(at)
        return {
            "id": task.id,
            "phase": None if snapshot is None else snapshot.phase,
            "polls": task.polls,
            "created": None
            if task.created is None
            else service.wall_time(task.created).isoformat(),
            "order": {name: getattr(task.order, name) for name in REPEATED},
            "fields": dict(task.order.fields),
            "files": _tell_files(task.order.files),
            "shown": service.show(task, at),
        }

    def _add_task(self, request: RecordedRequest) -> Any:
        return {"id": self._keep(_read_body(request, ScriptedTask))}

    def _plan_creates(self, request: RecordedRequest) -> Any:
        self._fake.on_create(*_read_body(request, _Creates).answers)
        return {"to_come": [repr(answer) for answer in self._fake._service.creates]}

    def _plan_downloads(self, request: RecordedRequest) -> Any:
        plan = _read_body(request, _Downloads)
        self._fake.script_file(plan.task_id, *plan.answers, at=plan.at)
        return {"to_come": [repr(answer) for answer in plan.answers]}

    def _tell_requests(self, request: RecordedRequest) -> Any:
        wanted = _read_query(request, "origin", "endpoint", "task_id", "method")
        origins = {"api": self._fake.requests, "cdn": self._fake.cdn_requests}
        told = [
            {"at": round(at - self._began, 3), "origin": name, **_tell_request(each)}
            for name, requests in origins.items()
            for at, each in requests
        ]
        told.sort(key=itemgetter("at"))
        return {"requests": [each for each in told if wanted.items() <= each.items()]}

    def _advance(self, request: RecordedRequest) -> Any:
        seconds = _read_body(request, _Advance).seconds
        # The wall clock is a datetime, which ends in the year 9999.
        if seconds > _LONGEST:
            raise MisreadError(("seconds",), f"at most {_LONGEST:.0f} seconds pass at once")
        self._fake._service.advance(seconds)
        return {"now": self._fake.now.isoformat()}

    def _reset(self, _request: RecordedRequest) -> Any:
        self._fake._service.forget()
        self._fake.requests.clear()
        self._fake.cdn_requests.clear()
        self.begin()
        return {"tasks": [task.id for task in self._fake.tasks]}


def _tell_request(request: RecordedRequest) -> dict[str, Any]:
    try:
        fields, files = dict(request.fields), _tell_files(request.files)
    except ValueError:
        fields, files = None, {}
    # A key is no matter for a log: whether there was one is.
    headers = {
        name: "…" if name.lower() in _SECRET else value for name, value in request.headers.items()
    }
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "endpoint": request.endpoint,
        "task_id": request.task_id,
        "headers": headers,
        "size": len(request.body),
        "fields": fields,
        "files": files,
    }


def _tell_files(files: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"name": each.name, "content_type": each.content_type, "size": len(each.body)}
        for name, each in files.items()
    }


def _read_query(request: RecordedRequest, *names: str) -> dict[str, str]:
    given = dict(parse_qsl(request.query, keep_blank_values=True))
    for name in given:
        if name not in names:
            raise MisreadError((name,), f"there is no such filter, only {', '.join(names)}")
    return given


def _read_body(request: RecordedRequest, kind: type[Any]) -> Any:
    try:
        data = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise MisreadError((), f"the body is no JSON: {error}") from error
    return read(data, kind)


def _say(status: int, body: Any) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, indent=2, default=str)
    return web.Response(status=status, text=text + "\n", content_type="application/json")


_SECRET: Final = {"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"}
_LONGEST: Final = 10 * 365 * 86400.0
