"""The control API of the fake, under ``/_fake``: for tests of programs in any language."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final
from urllib.parse import parse_qsl

import attrs
from aiohttp import web

from .answers.answer import Answer
from .profiles.task_state import FilePlace
from .scenario import Scenario
from .script_decoder import ScriptError, decode
from .script_file import ScriptedTask, ScriptFile
from .server.create_reader import ECHOED_FIELDS
from .server.fake_sora import FakeSora
from .server.recorded_request import RecordedRequest
from .server.task_store import FakeTask

ROOT: Final = "/_fake"
"""No kind of server has a path that begins with this."""


@attrs.frozen(kw_only=True)
class _Advance:
    """The body of ``POST /_fake/advance``."""

    seconds: float


@attrs.frozen(kw_only=True)
class _Creates:
    """The body of ``POST /_fake/creates``."""

    answers: Sequence[Answer]


@attrs.frozen(kw_only=True)
class _Downloads:
    """The body of ``POST /_fake/downloads``."""

    task_id: str
    answers: Sequence[Answer]
    at: FilePlace = "cdn"

    def __attrs_post_init__(self) -> None:
        if not self.answers:
            raise ValueError("a script is one or more answers")


class ControlApi:
    """
    Lets a program in another process control a fake.

    It needs no key, and its calls are not recorded as requests.
    """

    def __init__(self, fake: FakeSora, script: ScriptFile, default_scenario: Scenario) -> None:
        self._fake = fake
        self._script = script
        self._default_scenario = default_scenario
        self._started = 0.0
        self._calls: Mapping[str, Callable[[RecordedRequest], Any]] = {
            "GET /_fake": self._describe_fake,
            "GET /_fake/tasks": self._list_tasks,
            "POST /_fake/tasks": self._add_task,
            "POST /_fake/creates": self._script_creates,
            "POST /_fake/downloads": self._script_downloads,
            "GET /_fake/requests": self._list_requests,
            "GET /_fake/webhooks": self._list_webhooks,
            "POST /_fake/advance": self._advance,
            "POST /_fake/reset": self._reset,
        }

    def start(self) -> None:
        """Add the tasks of the script, and let the fake answer calls."""
        self._fake._api.control = self.answer
        self._started = asyncio.get_running_loop().time()
        for task in self._script.tasks or ():
            self._add(task)
        for character in self._script.characters:
            self._fake.add_character(character.name, character_id=character.id)
        self._fake.on_create(*self._script.creates)

    def answer(self, request: RecordedRequest, at: float) -> web.Response | None:
        """Answer a request under ``/_fake``; None for any other."""
        path = request.path.removesuffix("/")
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            return None
        call = self._calls.get(f"{request.method} {path}")
        if call is None:
            known = ", ".join(self._calls)
            return _json_response(
                404, {"error": f"there is no {request.method} {path}, but {known}"}
            )
        try:
            return _json_response(200, call(request))
        except ScriptError as error:
            return _json_response(400, {"error": str(error)})

    def _add(self, scripted: ScriptedTask) -> str:
        is_late = scripted.script is not None or scripted.start == "first_poll"
        created_at = None if is_late else asyncio.get_running_loop().time()
        scenario = scripted.make_scenario(self._default_scenario, self._script.speed or 1.0)
        task_id = self._fake._service.add_task(scripted.id, scripted.create, scenario, created_at)
        for place, answers in scripted.downloads.items():
            self._fake.script_file(task_id, *answers, at=place)
        return task_id

    def _describe_fake(self, _request: RecordedRequest) -> Any:
        service = self._fake._service
        return {
            "url": self._fake.url,
            "cdn_url": self._fake.cdn_url,
            "shape": service.shape,
            "now": self._fake.now.isoformat(),
            "calls": list(self._calls),
        }

    def _list_tasks(self, request: RecordedRequest) -> Any:
        wanted = _read_query(request, "id")
        tasks = [self._describe_task(task) for task in self._fake.tasks]
        return {"tasks": [task for task in tasks if wanted.items() <= task.items()]}

    def _describe_task(self, task: FakeTask) -> dict[str, Any]:
        service = self._fake._service
        at = asyncio.get_running_loop().time()
        state = task.state_at(at)
        return {
            "id": task.id,
            "phase": None if state is None else state.phase,
            "polls": task.polls,
            "created_at": None
            if task.created_at is None
            else service.wall_time(task.created_at).isoformat(),
            "create": {name: getattr(task.create, name) for name in ECHOED_FIELDS},
            "fields": dict(task.create.fields),
            "files": _describe_files(task.create.files),
            "shown": service.show(task, at),
        }

    def _add_task(self, request: RecordedRequest) -> Any:
        return {"id": self._add(_read_body(request, ScriptedTask))}

    def _script_creates(self, request: RecordedRequest) -> Any:
        self._fake.on_create(*_read_body(request, _Creates).answers)
        return {"queued": [repr(answer) for answer in self._fake._service.creates]}

    def _script_downloads(self, request: RecordedRequest) -> Any:
        given = _read_body(request, _Downloads)
        self._fake.script_file(given.task_id, *given.answers, at=given.at)
        return {"queued": [repr(answer) for answer in given.answers]}

    def _list_requests(self, request: RecordedRequest) -> Any:
        wanted = _read_query(request, "origin", "endpoint", "task_id", "method")
        origins = {"api": self._fake.requests, "cdn": self._fake.cdn_requests}
        described = [
            {"at": round(at - self._started, 3), "origin": name, **_describe_request(each)}
            for name, requests in origins.items()
            for at, each in requests
        ]
        described.sort(key=itemgetter("at"))
        return {"requests": [each for each in described if wanted.items() <= each.items()]}

    def _list_webhooks(self, _request: RecordedRequest) -> Any:
        sent = [
            {
                **attrs.asdict(webhook),
                "at": round(webhook.at - self._started, 3),
                "body": json.loads(webhook.body),
            }
            for webhook in self._fake.webhooks
        ]
        return {"webhooks": sent}

    def _advance(self, request: RecordedRequest) -> Any:
        seconds = _read_body(request, _Advance).seconds
        # The wall clock is a datetime, whose last year is 9999.
        if seconds > _MAX_ADVANCE:
            raise ScriptError(("seconds",), f"at most {_MAX_ADVANCE:.0f} seconds in one call")
        self._fake._service.advance(seconds)
        return {"now": self._fake.now.isoformat()}

    def _reset(self, _request: RecordedRequest) -> Any:
        self._fake._service.reset()
        self._fake.requests.clear()
        self._fake.cdn_requests.clear()
        self.start()
        return {"tasks": [task.id for task in self._fake.tasks]}


def _describe_request(request: RecordedRequest) -> dict[str, Any]:
    try:
        fields, files = dict(request.fields), _describe_files(request.files)
    except ValueError:
        fields, files = None, {}
    # Only whether there was a key is shown.
    headers = {
        name: "…" if name.lower() in _SECRET_HEADERS else value
        for name, value in request.headers.items()
    }
    return {
        **attrs.asdict(request, filter=attrs.filters.exclude("headers", "body")),
        "headers": headers,
        "size": len(request.body),
        "fields": fields,
        "files": files,
    }


def _describe_files(files: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"name": each.name, "content_type": each.content_type, "size": len(each.body)}
        for name, each in files.items()
    }


def _read_query(request: RecordedRequest, *names: str) -> dict[str, str]:
    given = dict(parse_qsl(request.query, keep_blank_values=True))
    for name in given:
        if name not in names:
            raise ScriptError((name,), f"there is no such filter, only {', '.join(names)}")
    return given


def _read_body(request: RecordedRequest, kind: type[Any]) -> Any:
    try:
        data = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ScriptError((), f"the body is not JSON: {error}") from error
    return decode(data, kind)


def _json_response(status: int, body: Any) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, indent=2, default=str)
    return web.Response(status=status, text=text + "\n", content_type="application/json")


_SECRET_HEADERS: Final = {"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"}
_MAX_ADVANCE: Final = 10 * 365 * 86400.0
