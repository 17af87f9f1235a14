"""Answers that change others: headers, statuses and charsets; and the 304."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sora_async.testing import (
    Answer,
    FakeSora,
    completed,
    encoded,
    failed,
    http_error,
    not_modified,
    running,
    with_headers,
)


@contextlib.asynccontextmanager
async def answering(*answers: Answer) -> AsyncIterator[Any]:
    """Yield a function that polls a task and returns status, headers and body."""
    async with FakeSora(shape="relay") as sora, aiohttp.ClientSession() as http:
        sora.script("task_1", *answers)

        async def poll() -> tuple[int, Any, bytes]:
            async with http.get(f"{sora.url}/v1/videos/task_1") as response:
                return response.status, response.headers, await response.read()

        yield poll


async def test_a_good_response_may_say_when_to_poll_next() -> None:
    async with answering(with_headers({"Retry-After": "20"}, running(0.3), status=202)) as poll:
        status, headers, body = await poll()

    assert (status, headers["Retry-After"]) == (202, "20")
    assert json.loads(body)["progress"] == 30


async def test_headers_replace_those_of_the_answer() -> None:
    async with answering(with_headers({"content-type": "text/plain"})) as poll:
        status, headers, body = await poll()

    assert (status, headers["Content-Type"]) == (200, "text/plain")
    assert json.loads(body)["status"] == "in_progress"


async def test_a_poll_may_be_answered_that_nothing_has_changed() -> None:
    async with answering(running(0.1), not_modified({"Retry-After": "5"}), completed()) as poll:
        seen = [await poll() for _ in range(3)]

    assert [status for status, _, _ in seen] == [200, 304, 200]
    assert (seen[1][1]["Retry-After"], seen[1][2]) == ("5", b"")


@pytest.mark.parametrize("charset", ["gbk", "gb2312", "utf-8-sig", "utf-16"])
async def test_a_body_may_be_in_another_charset(charset) -> None:
    async with answering(encoded(charset, failed("违规", "视频生成失败"))) as poll:
        _, headers, body = await poll()

    assert headers["Content-Type"] == f"application/json; charset={charset}"
    assert json.loads(body.decode(charset))["error"] == {"code": "违规", "message": "视频生成失败"}
    assert "视频".encode("ascii", "backslashreplace") not in body


async def test_a_charset_without_an_answer_is_of_a_running_task() -> None:
    async with answering(encoded("gbk")) as poll:
        _, _, body = await poll()

    assert json.loads(body.decode("gbk"))["status"] == "in_progress"


def test_they_show_the_task_that_the_inner_answer_shows() -> None:
    inner = running(0.3)

    assert with_headers({}, inner).state is encoded("gbk", inner).state is inner.state
    assert with_headers({}, http_error(429)).state is not_modified().state is None
