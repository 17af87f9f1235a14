"""The fake's own calls under ``/_fake``, as a program in another language uses them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from support import KEY, ROOT

from sora_async.testing import FakeSora, Scenario
from sora_async.testing.control_api import ControlApi
from sora_async.testing.script_decoder import decode
from sora_async.testing.script_file import ScriptedTask, ScriptFile

PAGE = ROOT / "docs" / "how-to" / "testing-other-languages.rst"
SHORT = Scenario(queued=5, running=25)


class Remote:
    """A fake with a plan, and somebody who can only speak HTTP."""

    def __init__(self, fake: FakeSora, http: aiohttp.ClientSession) -> None:
        self.fake = fake
        self._http = http

    async def ask(self, method: str, target: str, **options: Any) -> tuple[int, Any]:
        async with self._http.request(method, self.fake.url + target, **options) as reply:
            return reply.status, await reply.json()

    async def get(self, target: str) -> Any:
        status, body = await self.ask("GET", target)
        assert status == 200
        return body

    async def post(self, target: str, body: Any = None) -> Any:
        status, told = await self.ask("POST", target, json={} if body is None else body)
        assert status == 200, told
        return told


BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest_asyncio.fixture
async def plain(sora: FakeSora) -> AsyncIterator[Remote]:
    """A service without the calls of the fake itself."""
    async with aiohttp.ClientSession(headers=BEARER) as http:
        yield Remote(sora, http)


@pytest_asyncio.fixture
async def remote(plain: Remote) -> Remote:
    """A service with these calls, and without tasks."""
    return open_control(plain, {"tasks": []})


def open_control(remote: Remote, plan: dict[str, Any]) -> Remote:
    ControlApi(remote.fake, decode(plan, ScriptFile), SHORT).start()
    return remote


async def test_it_describes_itself(remote, sora) -> None:
    told = await remote.get("/_fake")

    assert (told["url"], told["cdn_url"], told["shape"]) == (sora.url, sora.cdn_url, "page")
    assert told["now"] == "2026-01-14T08:00:00+00:00"
    assert await remote.get("/_fake/") == told
    assert "POST /_fake/advance" in told["calls"]


async def test_a_service_without_it_has_no_such_path(plain, sora) -> None:
    status, _ = await plain.ask("GET", "/_fake")

    assert status == 404
    assert len(sora.requests) == 1


async def test_a_path_that_only_begins_alike_is_the_services_own(remote, sora) -> None:
    await remote.ask("GET", "/_fakes")

    assert [request.path for _, request in sora.requests] == ["/_fakes"]


async def test_it_wants_no_key_and_is_no_request(remote, sora) -> None:
    async with aiohttp.ClientSession() as http:
        assert await Remote(sora, http).get("/_fake/tasks") == {"tasks": []}

    assert sora.requests == []


async def test_a_task_with_a_scenario_can_be_added_and_made_older(plain) -> None:
    remote = open_control(plain, {"speed": 2, "tasks": []})

    added = await remote.post(
        "/_fake/tasks", {"scenario": {"queued": 20, "running": 100}, "id": "v"}
    )
    [young] = (await remote.get("/_fake/tasks"))["tasks"]
    told = await remote.post("/_fake/advance", {"seconds": 35})
    [older] = (await remote.get("/_fake/tasks?id=v"))["tasks"]
    await remote.post("/_fake/advance", {"seconds": 25})
    _, shown = await remote.ask("GET", "/v1/videos/v")

    assert added == {"id": "v"}
    assert (young["phase"], older["phase"]) == ("queued", "running")
    assert older["shown"]["detail"]["pending_info"]["progress_pct"] == pytest.approx(0.54)
    assert told == {"now": "2026-01-14T08:00:35+00:00"}
    assert shown["status"] == "completed"
    assert young["created_at"] == older["created_at"] == "2026-01-14T08:00:00+00:00"


async def test_a_task_that_has_not_started_does_not_become_older(remote) -> None:
    await remote.post("/_fake/tasks", {"id": "v", "start": "first_poll"})
    await remote.post("/_fake/advance", {"seconds": 3600})
    [told] = (await remote.get("/_fake/tasks"))["tasks"]

    assert (told["created_at"], told["phase"], told["polls"]) == (None, "queued", 0)


async def test_a_task_that_a_poll_has_ended_keeps_its_age_between_its_moments(remote) -> None:
    await remote.post("/_fake/tasks", {"id": "v", "script": [{"completed": {"shape": "openai"}}]})
    _, before = await remote.ask("GET", "/v1/videos/v")

    await remote.post("/_fake/advance", {"seconds": 3600})
    _, after = await remote.ask("GET", "/v1/videos/v")

    assert after["completed_at"] == before["completed_at"]


async def test_a_task_with_a_script_and_a_prompt_can_be_added(remote) -> None:
    body = {"script": ["queued", {"http_error": 503}], "prompt": "a moon", "seconds": 4}
    task_id = (await remote.post("/_fake/tasks", body))["id"]
    statuses = [(await remote.ask("GET", f"/v1/videos/{task_id}"))[0] for _ in range(2)]
    [told] = (await remote.get(f"/_fake/tasks?id={task_id}"))["tasks"]

    assert statuses == [200, 503]
    assert told["create"]["prompt"] == "a moon"
    assert told["create"]["seconds"] == "4"
    assert told["polls"] == 2


async def test_a_task_that_is_not_visible_yet_shows_nothing(remote) -> None:
    await remote.post("/_fake/tasks", {"scenario": {"visible_after": 60}})
    [told] = (await remote.get("/_fake/tasks"))["tasks"]

    assert (told["phase"], told["shown"]) == (None, None)


async def test_requests_are_listed_without_keys(remote, sora) -> None:
    sora.add(SHORT, task_id="v")
    form = aiohttp.FormData({"prompt": "a boat"})
    form.add_field("input_reference", b"picture", filename="a.png", content_type="image/png")

    await remote.ask("GET", "/v1/videos/v?a=b")
    await remote.ask("POST", "/v1/videos", data=form)
    async with aiohttp.ClientSession() as http:
        await (await http.get(f"{sora.cdn_url}/videos/v.mp4", headers={"Cookie": "secret"})).read()
    told = (await remote.get("/_fake/requests"))["requests"]

    poll, create, file = told
    assert (poll["endpoint"], poll["task_id"], poll["query"]) == ("poll", "v", "a=b")
    assert (poll["at"], poll["origin"], poll["fields"]) == (0.0, "api", None)
    assert create["fields"] == {"prompt": "a boat"}
    assert create["files"] == {
        "input_reference": {"name": "a.png", "content_type": "image/png", "size": 7}
    }
    assert (file["origin"], file["path"]) == ("cdn", "/videos/v.mp4")
    assert poll["headers"]["Authorization"] == file["headers"]["Cookie"] == "…"
    assert "Authorization" not in file["headers"]


async def test_requests_are_chosen_by_what_they_are(remote) -> None:
    for task_id in "abc":
        await remote.ask("GET", f"/v1/videos/{task_id}")

    one = await remote.get("/_fake/requests?endpoint=poll&task_id=b")
    none = await remote.get("/_fake/requests?origin=cdn")

    assert [each["task_id"] for each in one["requests"]] == ["b"]
    assert none == {"requests": []}


async def test_creates_get_the_set_answers(plain, sora) -> None:
    remote = open_control(plain, {"creates": [{"http_error": 429}], "tasks": []})

    told = await remote.post("/_fake/creates", {"answers": ["queued", {"http_error": 503}]})
    posts = [await remote.ask("POST", "/v1/videos", json={"prompt": "a"}) for _ in range(4)]

    assert told == {"queued": ["http_error(status=429)", "queued()", "http_error(status=503)"]}
    assert [status for status, _ in posts] == [429, 200, 503, 200]
    assert len(sora.tasks) == 2


async def read_file(url: str) -> tuple[int, int] | str:
    key = BEARER if url.endswith("/content") else {}
    async with aiohttp.ClientSession(headers=key) as http:
        try:
            async with http.get(url) as reply:
                return reply.status, len(await reply.read())
        except aiohttp.ClientError as error:
            return type(error).__name__


async def test_downloads_go_as_the_file_says(plain, sora) -> None:
    downloads = {"cdn": [{"http_error": 403}, {"video_file": 900}], "content": ["reset"]}
    remote = open_control(plain, {"tasks": [{"id": "v", "scenario": {}, "downloads": downloads}]})
    cdn, content = f"{sora.cdn_url}/videos/v.mp4", f"{sora.url}/v1/videos/v/content"

    ends = [await read_file(cdn) for _ in range(3)]

    assert [status for status, _ in ends] == [403, 200, 200]
    assert ends[1:] == [(200, 900), (200, 900)]
    assert await read_file(content) == "ClientOSError"

    await remote.post("/_fake/reset")

    assert (await read_file(cdn))[0] == 403


async def test_downloads_of_a_created_task_can_be_told_later(remote, sora) -> None:
    _, created = await remote.ask("POST", "/v1/videos", json={"prompt": "a"})
    task_id = created["id"]

    body = {"task_id": task_id, "at": "content", "answers": [{"http_error": 502}]}
    told = await remote.post("/_fake/downloads", body)
    await remote.post("/_fake/downloads", {"task_id": task_id, "answers": [{"video_file": 700}]})

    assert told == {"queued": ["http_error(status=502)"]}
    assert (await read_file(f"{sora.url}/v1/videos/{task_id}/content"))[0] == 502
    assert await read_file(f"{sora.cdn_url}/videos/{task_id}.mp4") == (200, 700)


async def test_a_reset_makes_it_what_it_was_at_the_start(plain, sora) -> None:
    scripted = {"id": "v", "script": ["queued", {"running": 0.5}]}
    remote = open_control(plain, {"tasks": [{}, scripted]})
    first = [task.id for task in sora.tasks]
    await remote.post("/_fake/tasks", {"id": "w"})
    await remote.post("/_fake/creates", {"answers": ["reset"]})
    await remote.ask("GET", "/v1/videos/v")

    told = await remote.post("/_fake/reset")

    assert told == {"tasks": first}
    assert sora.requests == []
    _, shown = await remote.ask("GET", "/v1/videos/v")
    assert shown["detail"]["pending_info"]["progress_pct"] is None
    status, _ = await remote.ask("POST", "/v1/videos", json={"prompt": "a"})
    assert status == 200


@pytest.mark.parametrize(
    ("target", "body", "complaint"),
    [
        ("/_fake/tasks", b'{"scenaro": {}}', "scenaro: there is no such field; is it 'scenario'?"),
        ("/_fake/tasks", b"[]", "expected fields, got a list"),
        ("/_fake/tasks", b"{", "the body is not JSON: "),
        ("/_fake/tasks", b"\xff", "the body is not JSON: "),
        ("/_fake/tasks", b"[" * 100_000, "the body is not JSON: "),
        ("/_fake/creates", b"{}", "the field 'answers' is missing"),
        ("/_fake/creates", b'{"answers": ["odd"]}', "answers[0]: there is no answer 'odd'"),
        ("/_fake/downloads", b'{"task_id": "v", "answers": []}', "a script is one or more answers"),
        ("/_fake/downloads", b'{"answers": ["reset"]}', "the field 'task_id' is missing"),
        ("/_fake/advance", b'{"seconds": -1}', "seconds: expected a number from 0 on, got -1"),
        ("/_fake/advance", b'{"seconds": 1e12}', "seconds: at most 315360000 seconds in one call"),
        ("/_fake/advance", b"", "the field 'seconds' is missing"),
    ],
)
async def test_a_body_that_cannot_be_decoded_is_a_400(remote, target, body, complaint) -> None:
    status, told = await remote.ask("POST", target, data=body)

    assert status == 400
    assert told["error"].startswith(complaint)


async def test_an_unknown_filter_is_a_400(remote) -> None:
    status, told = await remote.ask("GET", "/_fake/requests?id=v")

    assert status == 400
    assert told["error"].startswith("id: there is no such filter, only origin, endpoint")


@pytest.mark.parametrize("call", ["GET /_fake/nothing", "DELETE /_fake/tasks", "POST /_fake"])
async def test_an_unknown_call_names_the_known_ones(remote, call) -> None:
    status, told = await remote.ask(*call.split())

    assert status == 404
    assert told["error"].startswith(f"there is no {call}, but GET /_fake, ")


async def test_the_page_names_every_call(remote) -> None:
    calls = (await remote.get("/_fake"))["calls"]

    assert [call for call in calls if f"``{call}``" not in PAGE.read_text("utf-8")] == []


def test_a_scripted_task_without_fields_has_the_default_scenario() -> None:
    assert ScriptedTask().make_scenario(SHORT, 5.0) == Scenario(queued=1, running=5)


async def test_webhooks_and_characters_can_be_seen(plain, sora) -> None:
    remote = open_control(plain, {"tasks": [], "characters": [{"name": "Mo", "id": "char_mo"}]})
    url = "http://127.0.0.1:9/hook"
    await remote.ask("POST", "/v1/videos", json={"prompt": "a boat", "callback_url": url})
    await remote.post("/_fake/advance", {"seconds": 300})
    await asyncio.sleep(60)

    [webhook] = (await remote.get("/_fake/webhooks"))["webhooks"]

    assert (webhook["url"], webhook["status"], webhook["is_lost"]) == (url, None, False)
    assert webhook["body"]["data"] == {"id": webhook["task_id"]}
    assert "webhook-signature" in webhook["headers"]
    assert list(sora._service.characters._characters) == ["char_mo"]
