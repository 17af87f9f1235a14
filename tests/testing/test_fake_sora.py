"""The fake service over real sockets: what it answers, what it records, how it ends."""

import asyncio
import contextlib
import gc
import json
import math
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from sora_async.testing import (
    FakeSora,
    Scenario,
    completed,
    failed,
    http_error,
    queued,
    running,
    stall,
    unknown_task,
)

BEARER = {"Authorization": "Bearer secret"}


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[FakeSora, aiohttp.ClientSession]]:
    async with FakeSora(**options) as sora, aiohttp.ClientSession() as http:
        yield sora, http


async def poll(http: aiohttp.ClientSession, sora: FakeSora, task_id: str) -> tuple[int, Any]:
    url = URL(f"{sora.url}/v1/videos/{quote(task_id, safe='')}", encoded=True)
    async with http.get(url) as reply:
        return reply.status, await reply.json()


async def test_a_scenario_runs_on_the_clock_of_the_loop() -> None:
    async with serving(shape="relay") as (sora, http):
        task_id = sora.add(Scenario(queued=2, running=30))
        seen = []
        for pause in (0, 1.9, 0.1, 29.9, 0.1):
            await asyncio.sleep(pause)
            status, body = await poll(http, sora, task_id)
            seen.append((status, body["status"]))

    assert seen == [
        (200, "queued"),
        (200, "queued"),
        (200, "in_progress"),
        (200, "in_progress"),
        (200, "completed"),
    ]
    assert body["completed_at"] - body["created_at"] == 32


async def test_a_scenario_starts_when_added_or_with_the_first_poll() -> None:
    async with serving(shape="relay") as (sora, http):
        now = sora.add(Scenario(queued=0, running=10))
        later = sora.add(Scenario(queued=0, running=10), at_first_poll=True)
        await asyncio.sleep(10)

        _, body_now = await poll(http, sora, now)
        _, body_later = await poll(http, sora, later)

    assert (body_now["status"], body_later["status"]) == ("completed", "in_progress")
    assert body_later["created_at"] - body_now["created_at"] == 10


async def test_a_task_may_be_added_before_the_fake_starts() -> None:
    sora = FakeSora(shape="relay")
    task_id = sora.add(Scenario(queued=0, running=5))
    await asyncio.sleep(5)

    async with sora, aiohttp.ClientSession() as http:
        _, body = await poll(http, sora, task_id)

    assert body["status"] == "completed"


async def test_a_script_answers_poll_by_poll_and_repeats_its_end() -> None:
    async with serving() as (sora, http):
        task_id = sora.script("task_1", running(0.1), http_error(503), unknown_task(), completed())

        seen = [await poll(http, sora, task_id) for _ in range(6)]

    assert [status for status, _ in seen] == [200, 503, 404, 200, 200, 200]
    assert seen[3][1] == seen[4][1] == seen[5][1]
    assert seen[3][1]["video_url"] == f"{sora.cdn_url}/videos/task_1.mp4"


async def test_a_scripted_task_was_completed_when_a_poll_first_said_so() -> None:
    async with serving(shape="openai") as (sora, http):
        sora.script("task_1", running(), completed())
        await poll(http, sora, "task_1")
        await asyncio.sleep(7)
        _, first = await poll(http, sora, "task_1")
        await asyncio.sleep(7)
        _, second = await poll(http, sora, "task_1")

    assert first["completed_at"] - first["created_at"] == 7
    assert second == first


def test_a_script_without_answers_is_refused() -> None:
    with pytest.raises(ValueError, match="one or more"):
        FakeSora().script("task_1")


async def test_responses_repeat_what_was_created() -> None:
    async with serving(shape="openai") as (sora, http):
        order = {"model": "sora-2-pro", "prompt": "雨", "seconds": "4", "size": "720x1280"}
        task_id = sora.add(**order)

        _, body = await poll(http, sora, task_id)

    assert body | order == body


async def test_requests_are_recorded_with_their_moments() -> None:
    async with serving() as (sora, http):
        sora.script("task_1", running())
        await poll(http, sora, "task_1")
        await asyncio.sleep(2.5)
        async with http.get(f"{sora.url}/v1/videos/task_1/content?variant=x", headers=BEARER):
            pass
        async with http.put(f"{sora.url}/elsewhere", data=b"body") as other:
            assert other.status == 404
        await poll(http, sora, "task_1")

        assert sora.polls("task_1") == [0.0, 2.5]
        assert sora.polls("task_2") == []

    assert [at for at, _ in sora.requests] == [0.0, 2.5, 2.5, 2.5]
    _, content, put, _ = (request for _, request in sora.requests)
    assert (content.method, content.path, content.query) == (
        "GET",
        "/v1/videos/task_1/content",
        "variant=x",
    )
    assert (content.endpoint, content.task_id) == ("content", "task_1")
    assert content.headers["authorization"] == "Bearer secret"
    assert (put.method, put.endpoint, put.task_id, put.body) == ("PUT", "other", None, b"body")


async def test_the_repr_of_a_request_holds_no_key() -> None:
    async with serving(api_key="secret") as (sora, http):
        await http.get(f"{sora.url}/v1/videos/task_1", headers=BEARER)

    assert "secret" not in repr(sora.requests) + repr(sora)


@pytest.mark.parametrize(
    "task_id",
    ["sora-2:task_01k", "dmlkZW9fMTIz==", "задача", "a/b", "a?b#c", "50%41", "a\nb", "+ "],
)
async def test_ids_of_all_kinds_arrive(task_id) -> None:
    async with serving(shape="relay") as (sora, http):
        sora.script(task_id, completed())

        status, body = await poll(http, sora, task_id)
        async with http.get(URL(body["video_url"], encoded=True)) as file:
            video = await file.read()
        async with http.get(body["video_url"]) as tidied:
            assert await tidied.read() == video

    assert (status, body["id"], file.status) == (200, task_id, 200)
    assert sora.requests[0][1].task_id == task_id
    assert video[4:8] == b"ftyp"


async def test_an_id_that_is_not_percent_encoded_arrives_too() -> None:
    async with serving() as (sora, http):
        sora.script("sora-2:task_1=", completed())

        async with http.get(f"{sora.url}/v1/videos/sora-2:task_1=") as reply:
            assert reply.status == 200

    assert sora.requests[0][1].path == "/v1/videos/sora-2:task_1="


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}]
)
@pytest.mark.parametrize(("shape", "code"), [("page", ""), ("openai", "invalid_api_key")])
async def test_without_the_right_key_there_is_a_401(headers, shape, code) -> None:
    async with serving(api_key="secret", shape=shape) as (sora, http):
        task_id = sora.add()
        async with http.get(f"{sora.url}/v1/videos/{task_id}", headers=headers) as reply:
            body = await reply.json()

    assert reply.status == 401
    assert body["error"]["code"] == code
    assert "secret" not in str(body) and "wrong" not in str(body)
    assert len(sora.polls(task_id)) == 1


async def test_the_right_key_is_accepted() -> None:
    async with serving(api_key="secret") as (sora, http):
        task_id = sora.add()
        async with http.get(f"{sora.url}/v1/videos/{task_id}", headers=BEARER) as reply:
            assert reply.status == 200


async def test_an_unknown_id_is_a_404_or_the_400_of_new_api() -> None:
    async with serving() as (sora, http):
        openai = await poll(http, sora, "nobody")
    async with serving(unknown_status=400) as (sora, http):
        new_api = await poll(http, sora, "nobody")

    assert openai[0] == 404
    assert openai[1]["error"]["message"] == "Video with id 'nobody' not found."
    assert new_api == (400, {"code": "task_not_exist", "message": "task_not_exist", "data": None})


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1/videos/"), ("PUT", "/v1/videos"), ("DELETE", "/v1/videos")],
)
async def test_other_paths_are_not_there(method, path) -> None:
    async with serving() as (sora, http):
        sora.script("task_1", running())
        async with http.request(method, sora.url + path) as reply:
            body = await reply.json()

    assert reply.status == 404
    assert body["error"]["message"] == f"Invalid URL ({method} {path})"


def form() -> aiohttp.FormData:
    fields = aiohttp.FormData({"model": "sora-2-pro", "prompt": "лодка", "style": "unknown"})
    fields.add_field("input_reference", b"\x89PNG\r\n--\r\n\xff", filename="name=prompt.png")
    return fields


@pytest.mark.parametrize("shape", ["page", "relay", "openai"])
@pytest.mark.parametrize("is_form", [True, False])
async def test_a_create_makes_a_task_with_the_default_scenario(shape, is_form) -> None:
    async with serving(shape=shape, default_scenario=Scenario(queued=1, running=1)) as (sora, http):
        wanted = {"model": "sora-2-pro", "prompt": "лодка", "seconds": None}
        given: Any = {"data": form()} if is_form else {"json": wanted}
        async with http.post(f"{sora.url}/v1/videos", **given) as reply:
            made = await reply.json()
        await asyncio.sleep(1.5)
        _, later = await poll(http, sora, made["id"])

    assert (reply.status, made["status"], made["object"]) == (200, "queued", "video")
    assert made["model"] == "sora-2-pro"
    assert "лодка" in json.dumps(later, ensure_ascii=False) or shape == "relay"
    assert later["status"] == ("pending" if shape == "page" else "in_progress")
    assert sora.requests[0][1].endpoint == "create"


async def test_a_create_may_ask_whether_to_go_on() -> None:
    async with (
        serving() as (sora, http),
        http.post(f"{sora.url}/v1/videos", json={"prompt": "a"}, expect100=True) as reply,
    ):
        assert reply.status == 200

    assert sora.requests[0][1].body == b'{"prompt": "a"}'


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"{}", b'{"prompt": ""}', b"\xff"])
async def test_a_create_without_a_prompt_is_refused(body) -> None:
    async with serving() as (sora, http), http.post(f"{sora.url}/v1/videos", data=body) as reply:
        error = (await reply.json())["error"]

    assert reply.status == 400
    assert error["type"] == "invalid_request_error"


async def test_ids_are_counted_in_the_format_of_the_shape() -> None:
    page, relay, openai = FakeSora(), FakeSora(shape="relay"), FakeSora(shape="openai")
    relay.script("video_00000000-0000-0000-0000-000000000001", queued())

    assert page.add() == "sora-2:task_01fake00000000000000000001"
    assert page.add() == "sora-2:task_01fake00000000000000000002"
    assert relay.add() == "video_00000000-0000-0000-0000-000000000002"
    assert openai.add() == "video_" + "1".zfill(48)
    assert openai.add(task_id="mine") == "mine"


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="page, relay, openai"):
        FakeSora(shape="azure")  # type: ignore[arg-type]


@pytest.mark.parametrize(("shape", "early"), [("page", 400), ("relay", 400), ("openai", 404)])
async def test_the_content_is_there_once_the_task_is_finished(shape, early) -> None:
    async with serving(shape=shape) as (sora, http):
        task_id = sora.add(Scenario(queued=1, running=1, url_delay=None))
        lost = sora.add(Scenario(queued=0, running=0, failure=("code", "text")))
        seen = []
        for asked in (task_id, lost, task_id, "nobody"):
            async with http.get(f"{sora.url}/v1/videos/{asked}/content") as reply:
                seen.append((reply.status, reply.content_type))
                body = await reply.read()
                if reply.status == 200:
                    video = body
            await asyncio.sleep(1)

    error = "application/json"
    assert seen == [(early, error), (early, error), (200, "video/mp4"), (404, error)]
    assert video[4:12] == b"ftypisom"


async def test_the_content_of_a_script_goes_by_its_newest_answer() -> None:
    async with serving() as (sora, http):
        sora.script("task_1", running(), completed(url=None))
        sora.script("task_2", completed())
        seen = []
        for asked, polls in (("task_1", 0), ("task_1", 1), ("task_1", 1), ("task_2", 0)):
            for _ in range(polls):
                await poll(http, sora, asked)
            async with http.get(f"{sora.url}/v1/videos/{asked}/content") as reply:
                seen.append(reply.status)

    assert seen == [400, 400, 200, 200]


async def test_the_video_is_an_mp4_box_by_box() -> None:
    async with serving() as (sora, http):
        sora.script("task_1", completed())
        async with http.get(f"{sora.url}/v1/videos/task_1/content") as reply:
            rest = await reply.read()

    boxes = []
    while rest:
        size = int.from_bytes(rest[:4])
        boxes.append(rest[4:8])
        assert 8 <= size <= len(rest)
        rest = rest[size:]
    assert boxes == [b"ftyp", b"moov", b"mdat"]


async def test_the_cdn_is_another_origin_that_wants_no_key_and_records_what_it_gets() -> None:
    async with serving(api_key="secret") as (sora, http):
        sora.script("task_1", completed())
        seen = []
        for path, method in (
            ("/videos/task_1.mp4?se=2026", "GET"),
            ("/videos/task_2.mp4", "GET"),
            ("/v1/videos/task_1", "GET"),
            ("/videos/task_1.mp4", "POST"),
        ):
            async with http.request(method, sora.cdn_url + path) as reply:
                seen.append((reply.status, reply.content_type))

    assert seen[0] == (200, "video/mp4")
    assert [status for status, _ in seen[1:]] == [404, 404, 404]
    assert sora.requests == []
    assert sora.cdn_requests[0][1].query == "se=2026"
    assert "Authorization" not in sora.cdn_requests[0][1].headers


async def test_the_wall_clock_is_the_same_on_every_run() -> None:
    async with serving(shape="relay") as (sora, http):
        task_id = sora.add()
        await asyncio.sleep(90)
        now = sora.now
        async with http.get(f"{sora.url}/v1/videos/{task_id}") as reply:
            body = await reply.json()

    assert now == datetime(2026, 1, 14, 8, 1, 30, tzinfo=UTC)
    assert parsedate_to_datetime(reply.headers["Date"]) == now
    assert now - datetime.fromtimestamp(body["created_at"], UTC) == timedelta(seconds=90)


async def test_closing_twice_is_fine_and_the_urls_are_known_from_the_start_on() -> None:
    sora = FakeSora()
    with pytest.raises(RuntimeError, match="before it has started"):
        _ = sora.url

    await sora.start()
    await sora.start()
    url = sora.url
    await sora.close()
    await sora.close()

    assert url == sora.url != sora.cdn_url


async def test_a_fake_that_was_down_comes_back_on_the_same_ports_with_its_tasks() -> None:
    async with serving(shape="relay") as (sora, http):
        task_id = sora.add(Scenario(queued=0, running=10))
        before = (sora.url, sora.cdn_url)
        await poll(http, sora, task_id)
        await sora.close()
        with pytest.raises(aiohttp.ClientConnectorError):
            await poll(http, sora, task_id)
        await asyncio.sleep(10)
        await sora.start()

        _, body = await poll(http, sora, task_id)

    assert body["status"] == "completed"
    assert (sora.url, sora.cdn_url) == before


async def test_a_port_that_is_taken_is_an_error_that_leaves_nothing_behind() -> None:
    async with FakeSora() as first:
        port = int(first.url.rpartition(":")[2])
        second = FakeSora(port=port)

        with pytest.raises(OSError, match="address already in use"):
            await second.start()
        await second.close()


async def test_when_the_port_of_the_cdn_is_taken_the_other_is_given_back() -> None:
    sora = FakeSora()
    await sora.start()
    await sora.close()
    port = int(sora.cdn_url.rpartition(":")[2])
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(OSError, match="address already in use"),
    ):
        await sora.start()

    async with sora:
        pass


async def test_ipv6_addresses_stand_in_brackets() -> None:
    with contextlib.closing(socket.socket(socket.AF_INET6)) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")

    async with serving(host="::1") as (sora, http):
        status, _ = await poll(http, sora, sora.add())

    assert sora.url.startswith("http://[::1]:")
    assert status == 200


async def test_connections_are_kept_for_hours_unless_asked_otherwise() -> None:
    async def count_connections(**options: Any) -> int:
        made = 0

        async def count(*_: object) -> None:
            nonlocal made
            made += 1

        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(count)
        connector = aiohttp.TCPConnector(keepalive_timeout=1e6)
        async with (
            FakeSora(**options) as sora,
            aiohttp.ClientSession(connector=connector, trace_configs=[trace]) as http,
        ):
            for _ in range(3):
                await poll(http, sora, "task_1")
                await asyncio.sleep(10_000)
        return made

    assert await count_connections() == 1
    assert await count_connections(keepalive_timeout=60) == 3


async def test_closing_ends_stalled_requests_and_leaves_no_task() -> None:
    everyone = asyncio.all_tasks()
    async with serving() as (sora, http):
        sora.script("task_1", stall())
        waiting = [asyncio.ensure_future(poll(http, sora, "task_1")) for _ in range(5)]
        while len(sora.requests) < 5:
            await asyncio.sleep(0)

        await sora.close()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)

        assert all(isinstance(outcome, aiohttp.ClientError) for outcome in outcomes)
        assert asyncio.get_running_loop().time() == 0.0
        assert asyncio.all_tasks() == everyone


async def test_a_client_that_goes_away_ends_its_request() -> None:
    everyone = asyncio.all_tasks()
    async with serving() as (sora, http):
        sora.script("task_1", stall())

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await poll(http, sora, "task_1")
        for _ in range(9):
            await asyncio.sleep(0.01)

        assert asyncio.all_tasks() == everyone
        assert sora.polls("task_1") == [0.0]


async def test_a_client_that_does_not_read_does_not_hold_up_closing() -> None:
    async with FakeSora() as sora:
        sora.script("task_1", running(padding="x" * 10_000_000))
        _, writer = await asyncio.open_connection("127.0.0.1", URL(sora.url).port, limit=1)
        writer.write(b"GET /v1/videos/task_1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.sleep(1)

        await sora.close()

        assert asyncio.get_running_loop().time() == 1.0
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_half_a_request_is_not_recorded_and_does_not_hold_up_closing() -> None:
    async with FakeSora() as sora:
        _, writer = await asyncio.open_connection("127.0.0.1", URL(sora.url).port)
        writer.write(b"POST /v1/videos HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        await asyncio.sleep(1)

        await sora.close()

        assert sora.requests == []
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    gc.collect()


async def test_a_task_that_hangs_for_ever_can_be_had() -> None:
    async with serving(shape="openai") as (sora, http):
        task_id = sora.add(Scenario(running=math.inf, faults={2: failed(), 3: completed()}))
        await asyncio.sleep(1e6)

        seen = [(await poll(http, sora, task_id))[1]["status"] for _ in range(4)]

    assert seen == ["in_progress", "failed", "completed", "in_progress"]
