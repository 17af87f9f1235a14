"""Each server that the fake can be: its paths, its bodies, its ids, and how it says no."""

import contextlib
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, get_args

import aiohttp
import attrs
import pytest
from multidict import CIMultiDict
from support import ROOT

from sora_async import Phase
from sora_async._wire.response import Response, decode_response
from sora_async.testing import FakeSora, Scenario, Shape, completed, failed, queued, running
from sora_async.testing.profiles.known_servers import SERVERS

SHAPES: tuple[Shape, ...] = get_args(Shape)
PAGE = ROOT / "docs" / "explanation" / "what-servers-do.rst"
DONE = Scenario(queued=0, running=0)


@attrs.frozen
class Caller:
    """An HTTP client with the paths of OpenAI in its head, and a fake."""

    sora: FakeSora
    http: aiohttp.ClientSession

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.http.request(method, self.sora.url + path, **options) as reply:
            body = await reply.read()
            is_json = reply.content_type == "application/json"
            return reply.status, json.loads(body) if is_json else body

    async def get(self, path: str) -> tuple[int, Any]:
        return await self.call("GET", path)

    async def create(self, path: str = "/v1/videos", **fields: str) -> Any:
        status, body = await self.call("POST", path, data=form(prompt="a boat", **fields))
        assert status == 200
        return body


@contextlib.asynccontextmanager
async def calling(shape: Shape, **options: Any) -> AsyncIterator[tuple[FakeSora, Caller]]:
    async with FakeSora(shape=shape, **options) as sora, aiohttp.ClientSession() as http:
        yield sora, Caller(sora, http)


def form(**fields: str) -> aiohttp.FormData:
    """A form, and not the URL-encoded text that aiohttp makes of plain fields."""
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        data.add_field(name, value)
    return data


def poll_path(shape: Shape, task_id: str) -> str:
    match shape:
        case "unified":
            return f"/v1/video/query?id={task_id}"
        case "openrouter":
            return f"/api/v1/videos/{task_id}"
    return f"/v1/videos/{task_id}"


def test_the_page_has_the_calls_of_every_server() -> None:
    row = re.compile(
        r"^   \* - ``(\w+)``\n     - ``(.*)``\n     - (.*)\n     - ?(.*)$", re.MULTILINE
    )

    def describe(shape: Shape) -> tuple[str, str, str, str]:
        server = SERVERS[shape]
        create = [route for route in server.routes.routes if route.endpoint == "create"]
        kinds = [word for word in ("form", "JSON") if word.lower() in server.accepted_bodies]
        calls = {route.endpoint for route in server.routes.routes} - {"create", "poll"}
        target = f"{create[0].method} {create[0].target}"
        return shape, target, ", ".join(kinds), ", ".join(sorted(calls))

    assert row.findall(PAGE.read_text("utf-8")) == [describe(shape) for shape in SHAPES]


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_client_of_this_package_reads_every_server(shape) -> None:
    """Both were written from the same facts, and must agree on each state of a task."""
    async with calling(shape) as (sora, caller):
        sora.script("task_1", queued(), running(0.5), completed(), failed("500", "No."))
        seen = []
        for _ in range(4):
            async with caller.http.get(sora.url + poll_path(shape, "task_1")) as answer:
                reply = Response(
                    url=str(answer.url),
                    status=answer.status,
                    headers=CIMultiDict(answer.headers),
                    body=await answer.read(),
                    received=datetime(2026, 1, 14, 8, tzinfo=UTC),
                )
            seen.append(decode_response(reply, task_id="task_1"))

    going = [Phase.QUEUED, Phase.QUEUED if shape == "sglang" else Phase.RUNNING]
    assert [task.phase for task in seen] == [*going, Phase.SUCCEEDED, Phase.FAILED]
    assert (seen[2].video_url is None) == (shape in ("openai", "vllm", "litellm"))
    assert seen[3].failure is not None
    assert seen[3].failure.message == "No."
    if shape in ("page", "relay", "openai", "unified", "litellm"):
        assert seen[1].progress == 0.5


@pytest.mark.parametrize("shape", SHAPES)
async def test_what_a_create_returns_can_be_polled_and_ends(shape) -> None:
    path = {"unified": "/v1/video/create", "openrouter": "/api/v1/videos"}.get(shape, "/v1/videos")
    body: Any = {"json": {"prompt": "a boat"}}
    if shape == "vllm":
        body = {"data": form(prompt="a boat")}
    async with calling(shape, default_scenario=DONE) as (sora, caller):
        status, made = await caller.call("POST", path, **body)
        _, polled = await caller.get(poll_path(shape, made["id"]))

        assert [task.id for task in sora.tasks] == [made["id"]]
        assert sora.polls(made["id"]) == [0.0]

    assert status == (202 if shape == "openrouter" else 200)
    assert polled["status"] == "completed"


@pytest.mark.parametrize(
    ("shape", "call", "status"),
    [
        ("page", "GET /v1/videos", 404),
        ("relay", "DELETE /v1/videos/task_1", 404),
        ("openai", "GET /v1/video/query?id=task_1", 404),
        ("openai", "PUT /v1/videos", 405),
        ("unified", "GET /v1/videos/task_1", 404),
        ("unified", "POST /v1/video/query?id=task_1", 404),
        ("vllm", "POST /v1/videos/task_1/remix", 404),
        ("vllm", "POST /v1/videos/task_1", 405),
        ("sglang", "POST /v1/videos/characters", 405),
        ("litellm", "DELETE /v1/videos/task_1", 405),
        ("openrouter", "GET /v1/videos/task_1", 404),
        ("openrouter", "GET /api/v1/videos", 404),
    ],
)
async def test_calls_that_a_server_lacks_are_refused(shape, call, status) -> None:
    method, path = call.split()
    async with calling(shape) as (sora, caller):
        sora.add(DONE, task_id="task_1")
        async with caller.http.request(method, sora.url + path) as reply:
            assert reply.status == status
            assert ("Allow" in reply.headers) == (status == 405)
            body = await reply.json()

    is_fastapi = shape in ("vllm", "sglang", "litellm")
    text = body["detail"] if is_fastapi else body["error"]["message"]
    fastapi = {404: "Not Found", 405: "Method Not Allowed"}[status]
    other = "Not Found" if shape == "openrouter" else f"{method} "
    assert (fastapi if is_fastapi else other) in text
    assert sora.requests[0][1].endpoint == "other"
    assert len(sora.tasks) == 1


@pytest.mark.parametrize("shape", SHAPES)
async def test_every_server_refuses_in_its_own_format(shape) -> None:
    style = {
        "vllm": lambda body: body["error"]["code"] == 404,
        "sglang": lambda body: body == {"detail": "Video not found"},
        "openrouter": lambda body: body == {"error": {"code": 404, "message": "Job x not found"}},
    }.get(shape, lambda body: body["error"]["message"] == "Video with id 'x' not found.")

    async with calling(shape) as (_, caller):
        unknown = await caller.get(poll_path(shape, "x"))
    async with calling(shape, api_key="secret") as (sora, caller):
        wrong_key = await caller.get(poll_path(shape, sora.add()))

    assert unknown[0] == 404
    assert style(unknown[1])
    assert wrong_key[0] == 401
    assert "secret" not in str(wrong_key[1])


@pytest.mark.parametrize("shape", SHAPES)
def test_ids_are_never_the_same_twice_and_have_no_slash(shape) -> None:
    ids = {SERVERS[shape].make_id(number) for number in range(1, 100)}

    assert len(ids) == 99
    assert not any("/" in task_id for task_id in ids)


async def test_unified_takes_json_alone_and_asks_by_a_query() -> None:
    order = {"model": "sora-2", "prompt": "a boat", "duration": 15, "images": ["https://a/b.png"]}
    async with calling("unified") as (sora, caller):
        sent_form = await caller.call("POST", "/v1/video/create", data=form(prompt="a boat"))
        status, made = await caller.call("POST", "/v1/video/create", json=order)
        no_id = await caller.get("/v1/video/query")
        encoded = await caller.get(f"/v1/video/query?x=1&id={made['id'].replace(':', '%3A')}")

        assert sora.tasks[0].create.seconds == "15"
        assert sora.tasks[0].create.fields == order
        assert [request.endpoint for _, request in sora.requests] == ["create"] * 2 + ["poll"] * 2

    assert (sent_form[0], no_id[0]) == (400, 404)
    assert (status, set(made)) == (200, {"id", "status", "status_update_time"})
    assert made["id"].startswith("sora-2:task_")
    assert encoded[0] == 200
    assert encoded[1]["id"] == made["id"]


async def test_unified_stays_nested_to_the_end_with_decoys_around_its_url() -> None:
    async with calling("unified") as (sora, caller):
        sora.script("task_1", running(0.4), completed(), completed(url=None))
        bodies = [(await caller.get("/v1/video/query?id=task_1"))[1] for _ in range(3)]

    assert bodies[0]["detail"]["pending_info"]["progress_pct"] == 0.4
    assert bodies[1]["video_url"] == bodies[1]["detail"]["url"]
    assert bodies[1]["video_url"].endswith(".mp4")
    assert not bodies[1]["thumbnail_url"].endswith(".mp4")
    assert bodies[2]["status"] == "completed"
    assert bodies[2]["video_url"] is bodies[2]["thumbnail_url"] is None


async def test_vllm_takes_forms_alone() -> None:
    async with calling("vllm") as (sora, caller):
        status, body = await caller.call("POST", "/v1/videos", json={"prompt": "a boat"})
        assert sora.tasks == []
        made = await caller.create(seconds="4")

    assert status == 400
    assert body["error"]["code"] == 400
    assert made["id"].startswith("video_gen_")
    assert made["seconds"] == "4"


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [("400", 400, 400), ("500", 500, 500), ("418", 500, 418), ("oom", 500, "oom"), (None, 500, "")],
)
async def test_vllm_shows_a_failed_task_as_an_http_error(code, status, told) -> None:
    async with calling("vllm") as (sora, caller):
        sora.script("task_1", running(0.5), failed(code, "Out of memory."))
        going = await caller.get("/v1/videos/task_1")
        lost = await caller.get("/v1/videos/task_1")
        content = await caller.get("/v1/videos/task_1/content")
        listed = await caller.get("/v1/videos")

    assert (going[0], going[1]["progress"]) == (200, 0)
    assert lost[0] == status
    assert lost[1]["status"] == "failed"
    assert lost[1]["error"] == {"code": told, "message": "Out of memory."}
    assert content[0] == 422
    assert (listed[0], listed[1]["data"]) == (200, [lost[1]])


async def test_vllm_has_the_file_and_no_url() -> None:
    async with calling("vllm") as (sora, caller):
        task_id = sora.add(Scenario(queued=0, running=0))
        later = sora.add(Scenario(queued=1))
        _, body = await caller.get(f"/v1/videos/{task_id}")
        status, video = await caller.get(f"/v1/videos/{task_id}/content")
        early = await caller.get(f"/v1/videos/{later}/content")

    assert not any("url" in name for name in body)
    assert (status, video[4:8]) == (200, b"ftyp")
    assert early[0] == 404


async def test_sglang_is_queued_until_its_url_is_there_and_has_no_file_then() -> None:
    async with calling("sglang") as (sora, caller):
        sora.script("task_1", running(0.5), completed())
        sora.script("task_2", completed(url=None))
        going = await caller.get("/v1/videos/task_1")
        early = await caller.get("/v1/videos/task_1/content")
        _, done = await caller.get("/v1/videos/task_1")
        refused = await caller.get("/v1/videos/task_1/content")
        local = await caller.get("/v1/videos/task_2/content")

    assert (going[1]["status"], going[1]["url"]) == ("queued", None)
    assert (early[0], refused[0], local[0]) == (404, 400, 200)
    assert (done["status"], done["url"]) == ("completed", f"{sora.cdn_url}/videos/task_1.mp4")
    assert "detail" in refused[1]


async def test_sglang_makes_bare_uuids_lists_without_cursors_and_shows_what_it_deletes() -> None:
    async with calling("sglang") as (sora, caller):
        made = await caller.create()
        _, listed = await caller.get("/v1/videos")
        status, deleted = await caller.call("DELETE", f"/v1/videos/{made['id']}")

    assert made["id"] == "00000000-0000-0000-0000-000000000001"
    assert set(listed) == {"object", "data"}
    assert [task["id"] for task in listed["data"]] == [made["id"]]
    assert (status, deleted["id"], deleted["status"]) == (200, made["id"], "deleted")
    assert sora.tasks == []


@pytest.mark.parametrize("shape", ["openai", "sglang"])
@pytest.mark.parametrize("call", ["GET {}", "GET {}/content", "DELETE {}", "POST {}/remix"])
async def test_a_task_that_is_not_visible_yet_is_unknown_to_every_call(shape, call) -> None:
    async with calling(shape) as (sora, caller):
        task_id = sora.add(Scenario(visible_after=60))
        method, path = call.format(f"/v1/videos/{task_id}").split()
        status, _ = await caller.call(method, path)

        assert status == 404
        assert len(sora.tasks) == 1


async def test_litellm_gives_a_new_id_with_each_poll_and_none_of_them_can_be_polled() -> None:
    async with calling("litellm", default_scenario=DONE) as (sora, caller):
        made = await caller.create()
        polled = [(await caller.get(f"/v1/videos/{made['id']}"))[1]["id"] for _ in range(3)]
        statuses = [(await caller.get(f"/v1/videos/{polled_id}"))[0] for polled_id in polled]
        content = await caller.get(f"/v1/videos/{made['id']}/content")
        _, listed = await caller.get("/v1/videos")

        assert sora.polls(made["id"]) == [0.0] * 3

    assert len({made["id"], *polled}) == 4
    assert statuses == [404] * 3
    assert content[0] == 200
    assert listed["last_id"] == made["id"]
    assert made["id"].endswith("=")


@pytest.mark.parametrize("is_absolute", [False, True])
async def test_openrouter_gives_addresses(is_absolute) -> None:
    async with calling("openrouter", absolute_urls=is_absolute) as (sora, caller):
        form_status, _ = await caller.call("POST", "/api/v1/videos", data=form(prompt="a boat"))
        order = {"prompt": "a boat", "duration": 8}
        status, made = await caller.call("POST", "/api/v1/videos", json=order)
        going = await caller.get(f"/api/v1/videos/{made['id']}")
        sora.script(made["id"], completed(), completed("https://else.where/a.mp4"))
        bodies = [(await caller.get(f"/api/v1/videos/{made['id']}"))[1] for _ in range(2)]
        own = bodies[0]["unsigned_urls"][0]
        file = await caller.get(own.removeprefix(sora.url))

    origin = sora.url if is_absolute else ""
    assert made["polling_url"] == f"{origin}/api/v1/videos/{made['id']}"
    assert (form_status, status, made["status"]) == (400, 202, "pending")
    assert set(going[1]) == {"id", "polling_url", "status"}
    assert own == f"{sora.url}/api/v1/videos/{made['id']}/content?index=0"
    assert (file[0], file[1][4:8]) == (200, b"ftyp")
    assert bodies[1]["unsigned_urls"] == ["https://else.where/a.mp4"]


async def test_openrouter_may_be_done_without_an_address_and_fails_with_a_text() -> None:
    async with calling("openrouter") as (sora, caller):
        sora.script("job-1", completed(url=None), failed("code", "Blocked."))
        done, lost = [(await caller.get("/api/v1/videos/job-1"))[1] for _ in range(2)]
        early = await caller.get("/api/v1/videos/job-1/content")

    assert (done["status"], "unsigned_urls" in done) == ("completed", False)
    assert (lost["status"], lost["error"]) == ("failed", "Blocked.")
    assert early[0] == 404


async def test_the_relay_can_remix_and_says_of_what() -> None:
    async with calling("relay", default_scenario=DONE) as (_, caller):
        made = await caller.create()
        status, remix = await caller.call(
            "POST", f"/v1/videos/{made['id']}/remix", json={"prompt": "by night"}
        )
        no_prompt = await caller.call("POST", f"/v1/videos/{made['id']}/remix", json={})

    assert "remixed_from_video_id" not in made
    assert (status, remix["remixed_from_video_id"]) == (200, made["id"])
    assert no_prompt[0] == 400


@pytest.mark.parametrize("shape", ["openai", "vllm"])
async def test_lists_come_in_pages(shape) -> None:
    async with calling(shape) as (sora, caller):
        ids = [sora.add() for _ in range(25)]
        sora.add(Scenario(visible_after=60))
        _, all_of_it = await caller.get("/v1/videos")
        _, first = await caller.get("/v1/videos?limit=10")
        _, last = await caller.get(f"/v1/videos?limit=10&after={ids[5]}")
        _, oldest = await caller.get("/v1/videos?order=asc&limit=1")
        _, lost = await caller.get("/v1/videos?after=nobody")

    whole = len(all_of_it["data"])
    assert (whole, all_of_it["has_more"]) == ((20, True) if shape == "openai" else (25, False))
    assert [task["id"] for task in first["data"]] == ids[:14:-1]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[24], ids[15], True)
    assert [task["id"] for task in last["data"]] == ids[4::-1]
    assert last["has_more"] is False
    assert [task["id"] for task in oldest["data"]] == [ids[0]]
    assert lost == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=ten", "order=up"])
async def test_a_list_that_makes_no_sense_is_refused(query) -> None:
    async with calling("openai") as (_, caller):
        status, _ = await caller.get(f"/v1/videos?{query}")

    assert status == 400


async def test_a_list_shows_a_scripted_task_as_it_was_last_seen() -> None:
    async with calling("openai") as (sora, caller):
        sora.script("task_1", running(0.3), queued(), failed())
        seen = []
        for _ in range(4):
            _, listed = await caller.get("/v1/videos")
            seen.append(listed["data"][0]["status"])
            await caller.get("/v1/videos/task_1")

    assert seen == ["in_progress", "in_progress", "queued", "failed"]
    assert len(sora.polls("task_1")) == 4


@pytest.mark.parametrize("shape", ["openai", "litellm"])
async def test_a_character_needs_a_name_a_video_and_a_form(shape) -> None:
    whole = form(name="cat")
    whole.add_field("video", b"\0", filename="cat.mp4", content_type="video/mp4")
    async with calling(shape) as (_, caller):
        statuses = [
            (await caller.call("POST", "/v1/videos/characters", **body))[0]
            for body in (
                {"json": {"name": "cat", "video": "x"}},
                {"data": form(name="cat")},
                {"data": whole},
            )
        ]

    assert statuses == [400, 400, 200]
