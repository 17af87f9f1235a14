"""Creates with an ``Idempotency-Key``, and creates whose connection breaks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sora_async.testing import FakeSora, accepted, http_error, queued, slow

BOAT = {"prompt": "a boat"}


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[FakeSora, aiohttp.ClientSession]]:
    options = {"shape": "openai", "deduplicates": True, **options}
    async with FakeSora(**options) as sora, aiohttp.ClientSession() as http:
        yield sora, http


async def create(
    http: aiohttp.ClientSession, sora: FakeSora, key: str | None = "k1", **options: Any
) -> tuple[int, Any, bool]:
    """Return the status, the body, and whether it is a replay."""
    headers = {} if key is None else {"Idempotency-Key": key}
    options = options or {"json": BOAT}
    async with http.post(f"{sora.url}/v1/videos", headers=headers, **options) as response:
        return response.status, await response.json(), "Idempotent-Replayed" in response.headers


def form() -> aiohttp.FormData:
    data = aiohttp.FormData(default_to_multipart=True)
    data.add_field("prompt", "a boat")
    data.add_field("input_reference", b"\x89PNG", filename="boat.png")
    return data


async def test_a_key_makes_one_task() -> None:
    async with serving() as (sora, http):
        first = await create(http, sora)
        await asyncio.sleep(30)
        again = await create(http, sora)
        other = await create(http, sora, key="k2")

        assert len(sora.tasks) == 2

    assert (first[0], first[2], again[0], again[2], other[2]) == (200, False, 200, True, False)
    assert again[1]["id"] == first[1]["id"] != other[1]["id"]
    assert again[1]["status"] == "in_progress"


@pytest.mark.parametrize(
    ("options", "key"),
    [({"deduplicates": False}, "k1"), ({}, None), ({"deduplicates": None}, "k1")],
)
async def test_without_a_key_or_a_server_that_knows_it_each_create_makes_a_task(
    options, key
) -> None:
    async with serving(**options) as (sora, http):
        for _ in range(2):
            await create(http, sora, key=key)

        assert len(sora.tasks) == 2


async def test_inworld_knows_keys_by_itself() -> None:
    async with serving(shape="inworld", deduplicates=None) as (sora, http):
        for _ in range(2):
            await create(http, sora)

        assert len(sora.tasks) == 1


async def test_a_key_with_another_body_is_a_422() -> None:
    async with serving() as (sora, http):
        await create(http, sora)
        status, body, _ = await create(http, sora, json={"prompt": "a fox"})

        assert len(sora.tasks) == 1

    assert status == 422
    assert "another request" in body["error"]["message"]


async def test_a_form_is_the_same_whatever_its_boundary() -> None:
    async with serving() as (sora, http):
        answers = [await create(http, sora, data=form()) for _ in range(2)]

    assert [(status, is_replay) for status, _, is_replay in answers] == [(200, False), (200, True)]


async def test_a_key_with_another_file_is_a_422() -> None:
    other = aiohttp.FormData(default_to_multipart=True)
    other.add_field("prompt", "a boat")
    other.add_field("input_reference", b"\x89PNG2", filename="boat.png")
    async with serving() as (sora, http):
        await create(http, sora, data=form())
        status, _, _ = await create(http, sora, data=other)

    assert status == 422


async def test_a_key_in_use_is_a_409() -> None:
    async with serving() as (sora, http):
        sora.on_create(slow(30, queued()))
        first = asyncio.create_task(create(http, sora))
        await asyncio.sleep(10)
        meanwhile = await create(http, sora)
        await first
        after = await create(http, sora)

        assert len(sora.tasks) == 1

    assert (meanwhile[0], after[0], after[2]) == (409, 200, True)


async def test_a_refused_create_leaves_its_key_unused() -> None:
    async with serving() as (sora, http):
        sora.on_create(http_error(429))
        refused = await create(http, sora)
        made = await create(http, sora)

    assert (refused[0], made[0], made[2]) == (429, 200, False)


async def test_a_create_whose_response_was_an_error_is_replayed() -> None:
    async with serving() as (sora, http):
        sora.on_create(accepted(http_error(502)))
        lost = await create(http, sora)
        again = await create(http, sora)

        assert [task.id for task in sora.tasks] == [again[1]["id"]]

    assert (lost[0], again[0]) == (502, 200)


async def test_a_key_of_a_deleted_task_finds_nothing() -> None:
    async with serving() as (sora, http):
        _, made, _ = await create(http, sora)
        await http.delete(f"{sora.url}/v1/videos/{made['id']}")
        status, _, _ = await create(http, sora)

    assert status == 404


async def test_every_third_create_is_cut_after_its_task_was_made() -> None:
    async with serving(cut_creates_every=3) as (sora, http):
        results = []
        for number in range(6):
            try:
                results.append((await create(http, sora, key=f"k{number}"))[0])
            except aiohttp.ClientError:
                results.append(None)

        assert len(sora.tasks) == 6

    assert results == [200, 200, None, 200, 200, None]


async def test_a_create_that_was_cut_can_be_repeated() -> None:
    async with serving(cut_creates_every=2) as (sora, http):
        await create(http, sora)
        with pytest.raises(aiohttp.ClientError):
            await create(http, sora, key="k2")
        status, body, is_replay = await create(http, sora, key="k2")

        assert [task.id for task in sora.tasks][1] == body["id"]

    assert (status, is_replay) == (200, True)


def test_a_count_of_creates_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        FakeSora(cut_creates_every=0)
