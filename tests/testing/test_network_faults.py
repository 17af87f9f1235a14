"""Each answer does on the wire what its name says, to aiohttp's client and to a bare socket."""

import asyncio
import contextlib
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sora_async.testing import (
    Answer,
    FakeSora,
    close_after,
    completed,
    drip,
    failed,
    garbage_status_line,
    gzip_bomb,
    gzipped,
    html,
    http_error,
    queued,
    raw,
    redirect,
    reset,
    reset_midway,
    running,
    slow,
    stall,
    stall_body,
    truncated,
    unknown_task,
)

PATH = "/v1/videos/task_1"


@contextlib.asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[tuple[FakeSora, aiohttp.ClientSession]]:
    """Serve one scripted task, and a client that gives every request a connection of its own."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        FakeSora(shape="relay") as sora,
        aiohttp.ClientSession(sora.url, connector=connector) as http,
    ):
        sora.script("task_1", *answers)
        yield sora, http


@contextlib.asynccontextmanager
async def dialled(sora: FakeSora) -> AsyncIterator[asyncio.StreamReader]:
    """Send one poll over a bare connection."""
    port = int(sora.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        yield reader
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def split(reply: bytes) -> tuple[dict[str, str], bytes]:
    """Return the headers, in lower case, and the body of a reply."""
    head, _, body = reply.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines), body


async def test_an_http_error_has_openais_body_unless_told_otherwise() -> None:
    answers = [
        http_error(429, headers={"Retry-After": "20"}),
        http_error(524),
        http_error(503, {"message": "系统繁忙"}),
        http_error(500, "oops", {"content-type": "text/x-oops"}),
        http_error(502, b""),
        http_error(502, "oops"),
    ]
    seen = []
    async with serving(*answers) as (_, http):
        for _ in answers:
            async with http.get(PATH) as reply:
                seen.append((reply.status, reply.content_type, await reply.text()))
                assert reply.headers.get("Retry-After") == ("20" if reply.status == 429 else None)

    assert [(status, kind) for status, kind, _ in seen] == [
        (429, "application/json"),
        (524, "application/json"),
        (503, "application/json"),
        (500, "text/x-oops"),
        (502, "application/json"),
        (502, "text/plain"),
    ]
    assert json.loads(seen[0][2])["error"]["code"] == "rate_limit_exceeded"
    assert json.loads(seen[1][2])["error"] == {
        "message": "HTTP 524",
        "type": "server_error",
        "param": None,
        "code": None,
    }
    assert json.loads(seen[2][2]) == {"message": "系统繁忙"}
    assert [text for _, _, text in seen[3:]] == ["oops", "", "oops"]


async def test_a_date_may_be_given() -> None:
    async with (
        serving(http_error(503, headers={"date": "Thu, 01 Jan 1970 00:00:00 GMT"})) as (_, http),
        http.get(PATH) as reply,
    ):
        assert reply.headers.getall("Date") == ["Thu, 01 Jan 1970 00:00:00 GMT"]


async def test_html_is_a_web_page_with_any_status() -> None:
    async with serving(html(), html(502)) as (_, http):
        for status in (200, 502):
            async with http.get(PATH) as reply:
                assert (reply.status, reply.content_type) == (status, "text/html")
                assert "<!doctype html>" in await reply.text()


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b'{"progress": NaN}',
        b'{"status": "queued", "status": "completed"}',
        b"[" * 100_000,
        b'{"progress": 1' + b"0" * 400 + b"}",
        b'"\\ud800"',
        b"\xff\xfe",
    ],
)
async def test_raw_sends_any_bytes_and_calls_them_json(body) -> None:
    async with serving(raw(body), raw(body, 418, {"X-Odd": "1"})) as (_, http):
        async with http.get(PATH) as reply:
            assert (reply.status, reply.content_type) == (200, "application/json")
            assert await reply.read() == body
        async with http.get(PATH) as reply:
            assert (reply.status, reply.headers["x-odd"]) == (418, "1")


async def test_raw_takes_text_and_json_too() -> None:
    async with serving(raw('{"a": "雨"}'), raw({"b": [float("inf")]})) as (_, http):
        async with http.get(PATH) as reply:
            assert await reply.json() == {"a": "雨"}
        async with http.get(PATH) as reply:
            assert await reply.read() == b'{"b":[Infinity]}'


async def test_reset_breaks_the_connection_before_any_byte() -> None:
    async with serving(reset()) as (sora, http):
        with pytest.raises(aiohttp.ClientOSError):
            await http.get(PATH)
        async with dialled(sora) as reader:
            with pytest.raises(ConnectionResetError):
                await reader.read(1)


async def test_aiohttp_hides_a_single_reset_by_asking_again() -> None:
    async with serving(reset(), completed()) as (sora, http), http.get(PATH) as reply:
        assert (await reply.json())["status"] == "completed"

    assert sora.polls("task_1") == [0.0, 0.0]


async def test_reset_midway_breaks_the_connection_in_the_body() -> None:
    async with serving(reset_midway(), reset_midway(completed())) as (sora, http):
        async with http.get(PATH) as reply:
            assert reply.status == 200
            with pytest.raises(aiohttp.ClientError):
                await reply.read()
        async with dialled(sora) as reader:
            headers, half = split(await reader.read(1 << 16))
            with pytest.raises(ConnectionResetError):
                await reader.read(1)

    assert b"completed" in half
    assert len(half) == int(headers["content-length"]) // 2


async def test_truncated_announces_more_than_it_sends_and_closes() -> None:
    async with serving(truncated(), truncated(completed())) as (sora, http):
        async with http.get(PATH) as reply:
            assert reply.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await reply.read()
        async with dialled(sora) as reader:
            headers, half = split(await reader.read())

    assert b"completed" in half
    assert len(half) == int(headers["content-length"]) // 2


async def test_drip_sends_byte_by_byte() -> None:
    async with serving(drip(3.0, raw(b"{}!"))) as (sora, _):
        async with dialled(sora) as reader:
            headers = await reader.readuntil(b"\r\n\r\n")
            pieces = [await reader.read(100) for _ in range(3)]

        assert b"Content-Length: 3\r\n" in headers
        assert pieces == [b"{", b"}", b"!"]
        assert asyncio.get_running_loop().time() == 9.0


async def test_drip_without_an_answer_never_ends() -> None:
    async with serving(drip(10.0)) as (_, http):
        async with http.get(PATH) as reply:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3600):
                    await reply.read()
        assert reply.status == 200


async def test_a_stall_answers_nothing_until_somebody_goes() -> None:
    async with serving(stall()) as (_, http):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7200):
                await http.get(PATH)


async def test_a_stall_may_end_in_a_close() -> None:
    async with serving(stall(60)) as (sora, http):
        async with dialled(sora) as reader:
            assert await reader.read() == b""
            assert asyncio.get_running_loop().time() == 60.0
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await http.get(PATH)


async def test_stall_body_sends_half_and_then_nothing() -> None:
    async with serving(stall_body()) as (_, http), http.get(PATH) as reply:
        assert reply.status == 200
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7200):
                await reply.read()


async def test_stall_body_may_send_the_rest_later() -> None:
    async with serving(stall_body(5.0, completed())) as (_, http):
        async with http.get(PATH) as reply:
            body = await reply.json()

        assert body["status"] == "completed"
        assert asyncio.get_running_loop().time() == 5.0


async def test_close_after_answers_in_full_and_closes_a_connection_that_was_to_be_kept() -> None:
    async with serving(close_after(completed()), close_after()) as (sora, http):
        async with dialled(sora) as reader:
            headers, body = split(await reader.read())
        async with http.get(PATH) as reply:
            assert (await reply.json())["status"] == "in_progress"

    assert json.loads(body)["status"] == "completed"
    assert "connection" not in headers
    assert len(body) == int(headers["content-length"])


async def test_a_garbage_status_line_is_no_http() -> None:
    async with serving(garbage_status_line()) as (sora, http):
        async with dialled(sora) as reader:
            reply = await reader.read()
        with pytest.raises(aiohttp.ClientError):
            await http.get(PATH)

    assert not reply.startswith(b"HTTP")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_lead_to_the_same_origin(status) -> None:
    async with serving(redirect("/v1/videos/task_2", status)) as (sora, http):
        sora.script("task_2", completed())
        async with http.get(PATH) as reply:
            assert (await reply.json())["id"] == "task_2"

    assert [request.task_id for _, request in sora.requests] == ["task_1", "task_2"]


async def test_a_redirect_to_another_origin_shows_what_was_sent_there() -> None:
    async with serving(running()) as (sora, http):
        sora.script("task_1", redirect(f"{sora.cdn_url}/videos/task_1.mp4"))
        async with http.get(PATH, headers={"X-Key": "secret"}) as reply:
            assert reply.content_type == "video/mp4"

    assert [request.headers["X-Key"] for _, request in sora.cdn_requests] == ["secret"]


async def test_gzipped_is_compressed_whether_asked_for_or_not() -> None:
    async with serving(gzipped(completed())) as (sora, http):
        async with dialled(sora) as reader:
            head = await reader.readuntil(b"\r\n\r\n")
            headers, _ = split(head)
            packed = await reader.readexactly(int(headers["content-length"]))
        async with http.get(PATH) as reply:
            assert (await reply.json())["status"] == "completed"

    assert headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed))["status"] == "completed"


@pytest.mark.parametrize("size", [2, 3, 1 << 20, (1 << 20) + 2, 5_000_000])
async def test_a_gzip_bomb_is_small_as_sent_and_valid_once_decompressed(size) -> None:
    async with FakeSora() as sora:
        sora.script("task_1", gzip_bomb(size))
        async with (
            aiohttp.ClientSession(sora.url, auto_decompress=False) as http,
            http.get(PATH) as reply,
        ):
            packed = await reply.read()

    unpacked = zlib.decompress(packed, wbits=31)
    assert len(unpacked) == size
    assert json.loads(unpacked) == {}
    assert len(packed) < 200 + size // 200


async def test_a_gzip_bomb_costs_the_fake_no_memory_and_ends_with_its_client() -> None:
    tracemalloc.start()
    try:
        async with serving(gzip_bomb(1 << 40)) as (_, http), http.get(PATH) as reply:
            unpacked = 0
            while unpacked < 16 << 20:
                unpacked += len(await reply.content.readany())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 << 20


async def test_slow_answers_later() -> None:
    async with serving(slow(2.5, slow(1.5, http_error(503)))) as (_, http):
        async with http.get(PATH) as reply:
            assert reply.status == 503

        assert asyncio.get_running_loop().time() == 4.0


async def test_faults_can_be_combined() -> None:
    async with serving(slow(2.0, truncated(gzipped(completed())))) as (sora, _):
        async with dialled(sora) as reader:
            headers, half = split(await reader.read())
        async with aiohttp.request("GET", f"{sora.url}{PATH}/content") as reply:
            assert reply.status == 200, "the task itself is completed"

        assert asyncio.get_running_loop().time() == 2.0
    assert headers["content-encoding"] == "gzip"
    assert len(half) == int(headers["content-length"]) // 2


@pytest.mark.parametrize(
    "stalled",
    [
        reset(),
        reset_midway(),
        truncated(),
        drip(1.0),
        drip(1.0, running()),
        stall(),
        stall(9e9),
        stall_body(),
        stall_body(9e9),
        close_after(),
        garbage_status_line(),
        gzip_bomb(1 << 40),
        slow(9e9, running()),
    ],
    ids=repr,
)
async def test_nothing_is_left_of_a_fault_once_the_fake_is_closed(stalled) -> None:
    everyone = asyncio.all_tasks()
    async with FakeSora() as sora:
        sora.script("task_1", stalled)
        async with dialled(sora):
            while not sora.requests:
                await asyncio.sleep(0)
            await asyncio.sleep(0)

            await sora.close()

            assert asyncio.all_tasks() == everyone
            assert asyncio.get_running_loop().time() <= 1.0


@pytest.mark.parametrize(
    ("answer", "call"),
    [
        (queued(), "queued()"),
        (running(0.1), "running(0.1)"),
        (completed(url=None, shape="openai"), "completed(url=None, shape='openai')"),
        (failed("a", "b"), "failed('a', 'b')"),
        (unknown_task(), "unknown_task()"),
        (http_error(429, headers={"A": "b"}), "http_error(429, headers={'A': 'b'})"),
        (slow(2, gzipped(running())), "slow(2, gzipped(running()))"),
        (gzip_bomb(1 << 30), "gzip_bomb(1073741824)"),
    ],
)
def test_the_repr_of_an_answer_is_the_call_that_made_it(answer: Answer, call: str) -> None:
    assert repr(answer) == call


def test_the_repr_of_an_answer_stays_short() -> None:
    answer: Any = slow(1, raw(b"x" * 10_000))

    assert len(repr(answer)) < 100
