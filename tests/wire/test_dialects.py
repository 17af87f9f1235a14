"""Dialects: which one is chosen, where the calls go, and what may be one."""

import pickle
from typing import Any

import attrs
import pytest

from sora_async import InvalidArgumentError, SoraClient
from sora_async._http.endpoints import MAX_ADDRESSES, Endpoints
from sora_async.dialects import DIALECTS, OPENAI, OPENROUTER, UNIFIED, Dialect, FieldSpelling
from sora_async.testing import FakeSora, completed, queued, raw


@pytest.mark.parametrize(
    ("address", "dialect", "base_url"),
    [
        ("https://a.example", OPENAI, "https://a.example"),
        ("https://a.example/v1/", OPENAI, "https://a.example"),
        ("https://a.example/v1/videos", OPENAI, "https://a.example"),
        ("https://a.example/relay/v1", OPENAI, "https://a.example/relay"),
        ("https://a.example/v1/video", UNIFIED, "https://a.example"),
        ("https://a.example/relay/v1/video/", UNIFIED, "https://a.example/relay"),
        ("https://openrouter.ai", OPENROUTER, "https://openrouter.ai"),
        ("https://openrouter.ai/api", OPENROUTER, "https://openrouter.ai"),
        ("https://openrouter.ai/api/v1", OPENROUTER, "https://openrouter.ai"),
        ("https://eu.openrouter.ai/api/v1/videos", OPENROUTER, "https://eu.openrouter.ai"),
        ("https://notopenrouter.ai/api/v1", OPENAI, "https://notopenrouter.ai/api"),
    ],
)
def test_the_address_chooses_the_dialect_and_may_have_the_start_of_its_paths(
    address: str, dialect: Dialect, base_url: str
) -> None:
    client = SoraClient(base_url=address)

    assert (client.dialect, client.base_url) == (dialect, base_url)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_has_a_name(name: Any) -> None:
    client = SoraClient(base_url="https://a.example", dialect=name)

    assert client.dialect is DIALECTS[name]
    assert client.dialect.name == name


@pytest.mark.parametrize("dialect", ["klingon", 7, dict])
def test_what_is_no_dialect_is_refused(dialect: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="dialect: expected a Dialect or one of openai"):
        SoraClient(dialect=dialect)


@pytest.mark.parametrize(
    "fields",
    [
        {"create_path": None},
        {"create_path": "v1/videos"},
        {"poll_path": "/v1/videos"},
        {"create_path": "/v1/{id}"},
        {"list_path": "/v1/videos#x"},
        {"delete_path": 7},
        {"body": "xml"},
        {"deduplicates_creates": "no"},
        {"list_is_live": 1},
    ],
)
def test_a_dialect_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^{next(iter(fields))}: expected"):
        Dialect(name="own", **fields)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda one: one.name)
def test_a_dialect_is_a_value(dialect: Dialect) -> None:
    assert pickle.loads(pickle.dumps(dialect)) == dialect
    assert hash(dialect) == hash(attrs.evolve(dialect))


async def test_a_dialect_of_ones_own_is_a_page_of_data() -> None:
    own = Dialect(
        name="own",
        create_path="/v1/video/create",
        poll_path="/v1/video/query?id={id}",
        content_path="/files/{id}",
        body="json",
        fields={
            "size": "resolution",
            "input_reference": FieldSpelling(
                name="picture",
                json={"href": "at {value}", "kind": "start", "weights": [1, "{value}"]},
            ),
        },
    )
    async with (
        FakeSora(shape="unified") as sora,
        SoraClient(base_url=f"{sora.url}/v1", dialect=own) as client,
    ):
        sora.on_create(queued(), completed(url=None))
        task = await client.create_task(
            prompt="a boat", size="720p", input_reference="https://a.example/1.png"
        )
        await client.get_task(task.id)
        done = await client.create_and_wait(prompt="a boat", until="completed")

    (_, create), (_, poll), *_ = sora.requests
    assert create.path == "/v1/video/create"
    assert create.fields == {
        "prompt": "a boat",
        "resolution": "720p",
        "picture": {
            "href": "at https://a.example/1.png",
            "kind": "start",
            "weights": [1, "https://a.example/1.png"],
        },
    }
    assert done.content_url == f"{sora.url}/files/{done.id}"
    assert (poll.path, poll.task_id) == ("/v1/video/query", task.id)


async def test_ids_are_safe_in_a_query() -> None:
    async with (
        FakeSora(shape="unified") as sora,
        SoraClient(base_url=sora.url, dialect="unified") as client,
    ):
        for task_id in ("sora-2:task_1", "dmlk==", "a+b&id=c", "a;b", "任务", "a%20b"):
            sora.script(task_id, completed())
            assert (await client.get_task(task_id)).id == task_id


@pytest.mark.parametrize("is_absolute", [False, True])
async def test_a_polling_address_is_followed_on_the_own_origin(is_absolute: bool) -> None:
    async with (
        FakeSora(shape="openrouter", api_key="key-12345678", absolute_urls=is_absolute) as sora,
        SoraClient(base_url=sora.url, api_key="key-12345678", dialect="openrouter") as client,
    ):
        path = "/api/v1/videos/elsewhere?x=%2F"
        sora.script("elsewhere", completed())
        sora.on_create(queued(id="job-1", polling_url=f"{sora.url if is_absolute else ''}{path}"))

        task = await client.create_and_wait(prompt="a boat")

        (_, poll) = sora.requests[-1]
        assert task.id == "job-1"
        assert (poll.task_id, poll.query) == ("elsewhere", "x=%2F")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/api/v1/videos/x",
        "//evil.example/x",
        "{url}@evil.example/x",
        "http://user@127.0.0.1/x",
        "http://[::1/x",
        "javascript:alert(1)",
        "/a b",
        "",
        7,
    ],
)
async def test_a_polling_address_elsewhere_is_not_asked(address: object) -> None:
    async with (
        FakeSora(shape="openrouter") as sora,
        SoraClient(base_url=sora.url, dialect="openrouter") as client,
    ):
        named = address.replace("{url}", sora.url) if isinstance(address, str) else address
        sora.on_create(queued(polling_url=named))

        task = await client.create_and_wait(prompt="a boat")

        assert {request.task_id for _, request in sora.requests[1:]} == {task.id}


def test_the_address_of_a_file_has_the_id_encoded_once() -> None:
    addresses = Endpoints("https://api.example/relay", OPENAI)

    assert str(addresses.locate_content("a/b c")) == (
        "https://api.example/relay/v1/videos/a%2Fb%20c/content"
    )


def test_only_so_many_polling_addresses_are_remembered() -> None:
    addresses = Endpoints("https://api.example", OPENROUTER)

    for number in range(MAX_ADDRESSES + 1):
        addresses.learn(str(number), {"polling_url": "/elsewhere"}, url="https://api.example/x")

    assert addresses.locate_poll("0").path != "/elsewhere"
    assert addresses.locate_poll("1").path == "/elsewhere"
    assert len(addresses._elsewhere) == MAX_ADDRESSES


async def test_a_success_without_url_and_content_ends_all_the_same() -> None:
    async with (
        FakeSora(shape="unified") as sora,
        SoraClient(base_url=sora.url, dialect="unified") as client,
    ):
        sora.on_create(raw(b'{"id": "x", "status": "queued"}'))
        sora.script("x", raw(b'{"id": "x", "status": "completed"}'))

        task = await client.create_and_wait(prompt="a boat")

        assert (task.video_url, task.content_url) == (None, None)
