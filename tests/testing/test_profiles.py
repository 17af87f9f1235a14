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

    async def create(self, **fields: str) -> Any:
        data = form(prompt="a boat", **fields)
        status, body = await self.call("POST", "/v1/videos", data=data)
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


def create_body(shape: Shape, **fields: Any) -> dict[str, Any]:
    """The options of a request that creates a task, in an encoding that the server accepts."""
    given: dict[str, Any] = {"prompt": "a boat", **fields}
    match shape:
        case "vllm" | "gemini":
            return {"data": form(**given)}
        case "ark" | "minimax":
            given["content"] = [{"type": "text", "text": given.pop("prompt")}]
        case "kie":
            given = {"model": "sora-2-text-to-video", "input": given}
    return {"json": given}


def made_id(shape: Shape, body: Any) -> str:
    """The id in the response to a create."""
    match shape:
        case "xai":
            return str(body["request_id"])
        case "newapi" | "minimax":
            return str(body["task_id"])
        case "kie":
            return str(body["data"]["taskId"])
    return str(body["id"])


def poll_path(shape: Shape, task_id: str) -> str:
    return SERVERS[shape].routes.poll_target(task_id)


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

    going = [
        Phase.RUNNING if shape == "gemini" else Phase.QUEUED,
        Phase.QUEUED if shape in ("sglang", "xai") else Phase.RUNNING,
    ]
    assert [task.phase for task in seen] == [*going, Phase.SUCCEEDED, Phase.FAILED]
    assert (seen[2].video_url is None) == (
        shape in ("openai", "vllm", "litellm", "llmgateway", "inworld", "merge")
    )
    assert seen[3].failure is not None
    assert seen[3].failure.message == "No."
    without = {"vllm", "sglang", "openrouter", "ofox", "gemini", "ark", "minimax", "newapi", "kie"}
    if shape not in without:
        assert seen[1].progress == 0.5


@pytest.mark.parametrize("shape", SHAPES)
async def test_what_a_create_returns_can_be_polled_and_ends(shape) -> None:
    path = SERVERS[shape].routes.target("create")
    async with calling(shape, default_scenario=DONE) as (sora, caller):
        status, made = await caller.call("POST", path, **create_body(shape))
        task_id = made_id(shape, made)
        _, polled = await caller.get(poll_path(shape, task_id))

        assert [(task.id, task.create.prompt) for task in sora.tasks] == [(task_id, "a boat")]
        assert sora.polls(task_id) == [0.0]

    words = {"xai": "done", "ark": "succeeded", "minimax": "succeeded", "kie": "success"}
    assert status == (202 if shape in ("openrouter", "ofox") else 200)
    task = polled.get("task" if shape == "minimax" else "data", polled)
    assert task["state" if shape == "kie" else "status"] == words.get(shape, "completed")


@pytest.mark.parametrize(
    ("shape", "call", "status"),
    [
        ("page", "DELETE /v1/videos", 404),
        ("relay", "GET /v1/videos", 404),
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
    job = {"error": {"code": 404, "message": "Job x not found"}}
    style = {
        "vllm": lambda body: body["error"]["code"] == 404,
        "sglang": lambda body: body == {"detail": "Video not found"},
        "openrouter": lambda body: body == job,
        "ofox": lambda body: body == job,
        "tasks": lambda body: set(body["error"]) == {"code", "message", "type"},
        "xai": lambda body: body["error"] == "Request x not found",
        "gemini": lambda body: body["error"]["status"] == "NOT_FOUND",
        "ark": lambda body: body["error"]["code"] == "NotFound",
        "minimax": lambda body: body["error"]["message"] == "invalid task_id (2013)",
        "newapi": lambda body: body["error"]["message"] == "task_not_exist",
        "kie": lambda body: (body["code"], body["data"]) == (404, None),
    }.get(shape, lambda body: body["error"]["message"] == "Video with id 'x' not found.")

    async with calling(shape) as (_, caller):
        unknown = await caller.get(poll_path(shape, "x"))
    async with calling(shape, api_key="secret") as (sora, caller):
        wrong_key = await caller.get(poll_path(shape, sora.add()))

    assert unknown[0] == (500 if shape == "litellm" else 404)
    assert style(unknown[1])
    assert wrong_key[0] == (400 if shape == "litellm" else 401)
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


async def test_sglang_makes_bare_uuids_and_shows_what_it_deletes() -> None:
    async with calling("sglang") as (sora, caller):
        made = await caller.create()
        _, listed = await caller.get("/v1/videos")
        status, deleted = await caller.call("DELETE", f"/v1/videos/{made['id']}")

    assert made["id"] == "00000000-0000-0000-0000-000000000001"
    assert (listed["first_id"], listed["last_id"]) == (made["id"], made["id"])
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

        assert sora.polls(made["id"]) == [0.0] * 3

    assert len({made["id"], *polled}) == 4
    assert statuses == [500] * 3
    assert content[0] == 200
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


@pytest.mark.parametrize("shape", ["openai", "vllm", "sglang"])
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
    assert (whole, all_of_it["has_more"]) == ((25, False) if shape == "vllm" else (20, True))
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


@pytest.mark.parametrize("query", ["limit=-1", "limit=101", "limit=ten", "order=up"])
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


async def test_a_list_of_none_is_empty_and_says_that_there_is_more() -> None:
    async with calling("openai") as (sora, caller):
        nothing = await caller.get("/v1/videos?limit=0")
        sora.add()
        status, page = await caller.get("/v1/videos?limit=0")

    assert nothing[1]["has_more"] is False
    assert (status, page["data"], page["has_more"], page["last_id"]) == (200, [], True, None)


async def test_litellms_list_needs_a_header_ignores_its_parameters_and_has_other_ids() -> None:
    headers = {"custom-llm-provider": "openai"}
    async with calling("litellm") as (_, caller):
        made = [await caller.create() for _ in range(3)]
        refused = await caller.get("/v1/videos")
        status, page = await caller.call("GET", "/v1/videos?limit=1&order=asc", headers=headers)

    assert refused[0] == 400
    assert status == 200
    assert [task["id"] for task in page["data"]] == [f"video_{n:048x}" for n in (3, 2, 1)]
    assert not {task["id"] for task in page["data"]} & {task["id"] for task in made}


async def test_ids_that_are_not_packed_are_listed_as_they_are() -> None:
    async with calling("litellm") as (sora, caller):
        sora.add(task_id="task_1")
        _, page = await caller.call("GET", "/v1/videos", headers={"custom-llm-provider": "openai"})

    assert page["first_id"] == "task_1"


async def test_merges_list_shows_what_the_newest_poll_showed() -> None:
    async with calling("merge", default_scenario=DONE) as (sora, caller):
        task_id = sora.add()
        _, before = await caller.get("/v1/videos")
        await caller.get(f"/v1/videos/{task_id}")
        _, after = await caller.get("/v1/videos")

    assert [page["data"][0]["status"] for page in (before, after)] == ["queued", "completed"]


async def test_arks_list_has_numbered_pages_and_filters() -> None:
    path = "/api/v3/contents/generations/tasks"
    async with calling("ark") as (sora, caller):
        ids = [sora.add() for _ in range(12)]
        sora.script(ids[3], completed())
        _, first = await caller.get(path)
        _, second = await caller.get(f"{path}?page_num=2&page_size=5")
        chosen = f"filter.task_ids={ids[1]}&filter.task_ids={ids[3]}"
        _, some = await caller.get(f"{path}?{chosen}&page_size=500")
        _, done = await caller.get(f"{path}?{chosen}&filter.status=succeeded")
        refused = [await caller.get(f"{path}?page_size={size}") for size in ("0", "501", "ten")]

    assert (len(first["items"]), first["total"]) == (10, 12)
    assert [task["id"] for task in second["items"]] == ids[6:1:-1]
    assert [task["id"] for task in some["items"]] == [ids[3], ids[1]]
    assert [task["id"] for task in done["items"]] == [ids[3]]
    assert [status for status, _ in refused] == [400] * 3


@pytest.mark.parametrize(
    ("shape", "status"),
    [
        *(("llmgateway", 400), ("inworld", 415), ("merge", 422), ("tasks", 400), ("xai", 415)),
        *(("ark", 400), ("newapi", 400), ("kie", 400), ("ofox", 400)),
    ],
)
async def test_a_server_of_json_refuses_a_form(shape, status) -> None:
    async with calling(shape) as (sora, caller):
        path = SERVERS[shape].routes.target("create")
        refused = await caller.call("POST", path, data=form(prompt="a boat"))

        assert sora.tasks == []

    assert refused[0] == status
    assert "Invalid JSON body" in str(refused[1])


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("json", {"data": form(prompt="a boat")}, "Invalid JSON body"),
        ("form", {"json": {}}, "form"),
    ],
)
async def test_any_server_may_accept_one_encoding_only(encoding, body, text) -> None:
    async with calling("openai", create_encoding=encoding) as (sora, caller):
        status, error = await caller.call("POST", "/v1/videos", **body)

        assert sora.tasks == []

    assert status == 400
    assert text in error["error"]["message"]


async def test_tasks_have_their_url_in_results() -> None:
    async with calling("tasks") as (sora, caller):
        _, made = await caller.call(
            "POST", "/v1/videos/generations", json={"prompt": "a boat", "duration": "8"}
        )
        sora.script("task_1", queued(), running(0.65), completed(), completed(url=None), failed())
        bodies = [(await caller.get("/v1/tasks/task_1"))[1] for _ in range(5)]

    assert (made["status"], made["usage"]["credits_reserved"]) == ("pending", 8)
    assert made["task_info"] == {"can_cancel": True, "estimated_time": 165, "video_duration": 8}
    words = ["pending", "processing", "completed", "completed", "failed"]
    assert [body["status"] for body in bodies] == words
    assert bodies[1]["progress"] == 65
    assert bodies[2]["results"] == [f"{sora.cdn_url}/videos/task_1.mp4"]
    assert "results" not in bodies[3]
    assert bodies[4]["error"]["code"] == "internal_error"


async def test_xai_has_only_a_request_id_at_first_and_none_later() -> None:
    async with calling("xai") as (sora, caller):
        _, made = await caller.call(
            "POST", "/v1/videos/generations", json={"prompt": "a boat", "duration": 8}
        )
        sora.script("task_1", running(0.42), completed(), completed(url=None), failed("a", "b"))
        bodies = [(await caller.get("/v1/videos/task_1"))[1] for _ in range(4)]

    assert set(made) == {"request_id"}
    assert bodies[0] == {"status": "pending", "progress": 42}
    video = {"url": f"{sora.cdn_url}/videos/task_1.mp4", "duration": 10, "respect_moderation": True}
    assert bodies[1] == {"status": "done", "video": video, "model": "sora-2"}
    assert bodies[2]["video"] == {"duration": 10}
    assert (bodies[3]["status"], bodies[3]["error"]) == ("failed", {"code": "a", "message": "b"})


async def test_geminis_url_is_on_its_own_origin_and_needs_the_key() -> None:
    key = {"Authorization": "Bearer secret"}
    async with calling("gemini", api_key="secret") as (sora, caller):
        sora.script("task_1", queued(), running(0.5), completed("https://a.example/b"), failed())
        sora.add(DONE, task_id="task_2")
        bodies = []
        for task_id in ("task_1",) * 4 + ("task_2",):
            path = f"/v1beta/openai/videos/{task_id}"
            bodies.append((await caller.call("GET", path, headers=key))[1])
        url = bodies[4]["url"].removeprefix(sora.url)
        refused = await caller.get(url)
        status, video = await caller.call("GET", url, headers=key)

    words = ["processing", "processing", "completed", "failed", "completed"]
    assert [body["status"] for body in bodies] == words
    assert bodies[2]["url"] == "https://a.example/b"
    assert bodies[3]["error"]["code"] == "internal_error"
    assert (refused[0], status, video[4:8]) == (401, 200, b"ftyp")


async def test_ark_takes_content_and_has_its_url_there() -> None:
    path = "/api/v3/contents/generations/tasks"
    content = [
        {"type": "text", "text": "a boat"},
        {
            "type": "image_url",
            "image_url": {"url": "https://a.example/b.png"},
            "role": "first_frame",
        },
        "odd",
    ]
    body = {"model": "seedance", "content": content, "duration": 5}
    async with calling("ark") as (sora, caller):
        _, made = await caller.call("POST", path, json=body)
        refused = await caller.call("POST", path, json={"content": "a boat"})
        sora.script("task_1", running(0.4), completed(), failed("Sensitive", "No."))
        bodies = [(await caller.get(f"{path}/task_1"))[1] for _ in range(3)]

        assert sora.tasks[0].create.prompt == "a boat"
        assert sora.tasks[0].create.seconds == "5"

    assert set(made) == {"id"}
    assert refused[0] == 400
    assert [task["status"] for task in bodies] == ["running", "succeeded", "failed"]
    assert bodies[1]["content"] == {"video_url": f"{sora.cdn_url}/videos/task_1.mp4"}
    assert bodies[2]["error"] == {"code": "Sensitive", "message": "No."}


@pytest.mark.parametrize(
    ("shape", "path"),
    [("ark", "/api/v3/contents/generations/tasks"), ("minimax", "/v2/video_generation")],
)
async def test_a_delete_cancels_what_is_queued_and_removes_what_has_ended(shape, path) -> None:
    async with calling(shape) as (sora, caller):
        ids = [sora.add(Scenario(queued=60)), sora.add(Scenario(queued=0)), sora.add(DONE)]
        deleted = [await caller.call("DELETE", f"{path}/{task_id}") for task_id in ids]
        _, cancelled = await caller.get(poll_path(shape, ids[0]))

        assert [task.id for task in sora.tasks] == ids[:2]

    assert [status for status, _ in deleted] == [200, 400, 200]
    assert cancelled.get("task", cancelled)["status"] == "cancelled"
    words = [(ids[0], "cancelled"), (ids[2], "deleted")]
    told = [{"task_id": one, "action": word, "status": word} for one, word in words]
    assert [deleted[0][1], deleted[2][1]] == ([{}, {}] if shape == "ark" else told)


async def test_minimax_shows_a_task_in_an_envelope_and_lists_it_bare() -> None:
    path = "/v2/query/video_generation"
    body = {"content": [{"type": "text", "text": "a boat"}], "duration": 5}
    async with calling("minimax") as (sora, caller):
        _, made = await caller.call("POST", "/v2/video_generation", json=body)
        sora.script("task_1", running(0.4), completed(), failed("1026", "No."))
        bodies = [(await caller.get(f"{path}/task_1"))[1]["task"] for _ in range(3)]
        _, listed = await caller.get(f"{path}?filter.task_ids={made['task_id']}")

    assert set(made) == {"task_id"}
    assert [task["status"] for task in bodies] == ["running", "succeeded", "failed"]
    assert bodies[1]["content"] == {"url": f"{sora.cdn_url}/videos/task_1.mp4"}
    assert bodies[2]["error"] == {"code": "1026", "message": "No."}
    assert [task["id"] for task in listed["items"]] == [made["task_id"]]


async def test_newapis_other_path_has_an_error_of_code_0_in_every_response() -> None:
    path = "/v1/video/generations"
    async with calling("newapi") as (sora, caller):
        _, made = await caller.call("POST", path, json={"prompt": "a boat", "duration": 5})
        sora.script("task_1", queued(), running(0.4), completed(), failed("a", "b"))
        bodies = [(await caller.get(f"{path}/task_1"))[1] for _ in range(4)]

    assert set(made) == {"task_id", "status"}
    words = ["queued", "in_progress", "completed", "failed"]
    assert [body["status"] for body in bodies] == words
    assert [body["error"]["code"] for body in bodies] == [0, 0, 0, "a"]
    assert [body["url"] for body in bodies] == ["", "", f"{sora.cdn_url}/videos/task_1.mp4", ""]


async def test_kie_has_an_envelope_and_its_url_in_json_inside_of_a_text() -> None:
    body = {"model": "sora-2-text-to-video", "input": {"prompt": "a boat", "seconds": 4}}
    async with calling("kie") as (sora, caller):
        await caller.call("POST", "/api/v1/jobs/createTask", json=body)
        refused = await caller.call("POST", "/api/v1/jobs/createTask", json={"input": "a boat"})
        sora.script("task_1", running(0.4), completed(), completed(url=None), failed("501", "No."))
        path = "/api/v1/jobs/recordInfo?taskId=task_1"
        found = [(await caller.get(path))[1]["data"] for _ in range(4)]

        assert sora.tasks[0].create.seconds == "4"

    assert refused[0] == 400
    assert [data["state"] for data in found] == ["generating", "success", "success", "fail"]
    urls = json.loads(found[1]["resultJson"])["resultUrls"]
    assert urls == [f"{sora.cdn_url}/videos/task_1.mp4"]
    assert found[2]["resultJson"] == ""
    assert (found[3]["failCode"], found[3]["failMsg"]) == ("501", "No.")


@pytest.mark.parametrize(
    ("shape", "queued_status", "running_status", "text"),
    [
        ("inworld", 200, 409, "video_not_cancellable"),
        ("ofox", 200, 400, "cancel_failed"),
        ("xai", 200, 200, ""),
    ],
)
async def test_a_task_is_cancelled_while_a_server_can(
    shape, queued_status, running_status, text
) -> None:
    async with calling(shape) as (sora, caller):
        ids = [sora.add(Scenario(queued=60)), sora.add(Scenario(queued=0)), sora.add(DONE)]
        answers = [await caller.call("POST", f"/v1/videos/{one}/cancel") for one in ids]
        _, polled = await caller.get(poll_path(shape, ids[0]))

        assert [request.endpoint for _, request in sora.requests[:3]] == ["cancel"] * 3

    assert [status for status, _ in answers[:2]] == [queued_status, running_status]
    assert answers[2][0] == (409 if shape == "inworld" else 400)
    assert text in str(answers[1][1])
    assert (answers[0][1]["status"], polled["status"]) == ("cancelled", "cancelled")


async def test_every_response_has_a_request_id() -> None:
    async with calling("openai") as (sora, caller):
        ids = []
        for path in ("/v1/videos", "/v1/videos/x", "/nowhere"):
            async with caller.http.get(sora.url + path) as response:
                ids.append(response.headers["x-request-id"])

    assert ids == [f"req_{number:032x}" for number in (1, 2, 3)]
