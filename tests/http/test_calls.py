"""Get, list, delete and cancel: what they send, and what is retried."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import aiohttp
import attrs
import pytest
from support import KEY

from sora_async import (
    ServiceUnavailableError,
    SoraClient,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from sora_async.dialects import OPENAI
from sora_async.testing import FakeSora

CANCELLING = attrs.evolve(OPENAI, name="cancelling", cancel_path="/v1/videos/{id}/cancel")


@contextlib.asynccontextmanager
async def serve(*responses: tuple[int, object]) -> AsyncIterator[tuple[str, list[str]]]:
    """Answer requests with a status and JSON each; yield the address, and the heads received."""
    heads: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status, value = responses[min(len(heads), len(responses) - 1)]
        heads.append(head)
        body = b"" if value is None else json.dumps(value).encode()
        start = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(start.encode() + body)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


class TestCancel:
    @pytest.mark.parametrize(
        "body", [None, {}, {"id": "a", "status": "cancelled"}, {"id": "a", "status": "queued"}]
    )
    async def test_a_good_status_is_a_cancelled_task(self, body: object) -> None:
        async with (
            serve((200, body)) as (url, heads),
            SoraClient(base_url=url, dialect=CANCELLING) as client,
        ):
            await client.cancel_task("a")

        assert [head.partition(" HTTP")[0] for head in heads] == ["POST /v1/videos/a/cancel"]
        assert "content-length: 0" in heads[0].lower()
        assert "application/json" not in heads[0].lower().partition("content-type")[2]

    async def test_a_delete_is_the_cancel_where_the_dialect_says_so(self) -> None:
        async with (
            serve((200, {"task_id": "a", "action": "cancelled", "status": "cancelled"})) as (
                url,
                heads,
            ),
            SoraClient(base_url=url, dialect="minimax") as client,
        ):
            await client.cancel_task("a")

        assert heads[0].startswith("DELETE /v2/video_generation/a HTTP")

    async def test_it_is_retried_after_a_transient_error(self) -> None:
        async with (
            serve((503, {"error": "busy"}), (200, None)) as (url, heads),
            SoraClient(base_url=url, dialect=CANCELLING) as client,
        ):
            await client.cancel_task("a")

        assert len(heads) == 2

    async def test_one_that_has_ended_is_not_tried_again(self) -> None:
        async with (
            serve((409, {"error": {"message": "already finished"}})) as (url, heads),
            SoraClient(base_url=url, dialect=CANCELLING) as client,
        ):
            with pytest.raises(ServiceUnavailableError, match="already finished"):
                await client.cancel_task("a")

        assert len(heads) == 1

    async def test_an_unknown_task_is_an_error(self) -> None:
        async with (
            serve((404, {"error": {"message": "no task a"}})) as (url, _),
            SoraClient(base_url=url, dialect=CANCELLING, max_retries=0) as client,
        ):
            with pytest.raises(TaskNotFoundError):
                await client.cancel_task("a")

    async def test_a_dialect_without_it_does_not_offer_it(self) -> None:
        client = SoraClient(base_url="http://127.0.0.1:9")

        with pytest.raises(UnsupportedOperationError, match="does not offer the call 'cancel'"):
            await client.cancel_task("a")


@pytest.mark.parametrize("is_given", [False, True])
async def test_only_a_request_with_a_body_and_a_get_name_json(
    is_given: bool,
) -> None:
    async with (
        FakeSora(api_key=KEY, shape="openai") as sora,
        aiohttp.ClientSession() as session,
        SoraClient(base_url=sora.url, api_key=KEY, session=session if is_given else None) as client,
    ):
        task_id = sora.add()
        await client.get_task(task_id)
        await client.delete_task(task_id)

    kinds = [request.headers.get("Content-Type") for _, request in sora.requests]
    assert kinds == ["application/json", None]
