"""The life of a video at each kind of server: create, wait, list, remix, delete."""

from collections.abc import Mapping
from typing import Any, Final, get_args

import pytest
from support import KEY, client_of

from sora_async import (
    Phase,
    SoraClient,
    TaskFailedError,
    UnsupportedOperationError,
    VideoTask,
    dialects,
)
from sora_async.testing import FakeSora, Scenario, Shape, accepted

NOT_READ: Final = {"kie"}
SHAPES: Final[tuple[Shape, ...]] = tuple(
    shape for shape in get_args(Shape) if shape not in NOT_READ
)
"""The kinds of servers that a dialect of the package speaks."""

DIALECTS: Final[dict[str, Any]] = {
    **{shape: shape for shape in SHAPES if shape in dialects.DIALECTS},
    "llmgateway": "gateway",
    "merge": "gateway",
}
"""Those of servers that do not speak OpenAI's."""

WITHOUT_URL: Final = {"openai", "vllm", "litellm", "llmgateway", "inworld", "merge"}

PNG: Final = b"\x89PNG\r\n\x1a\n" + bytes(64)


def client_dialect(shape: Shape) -> dialects.Dialect:
    return dialects.DIALECTS[DIALECTS.get(shape, "openai")]


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Any:
    """Each kind of server; the service and the client are of it."""
    return request.param


@pytest.fixture
def sora_service_options(shape: Shape) -> Mapping[str, Any]:
    return {"api_key": KEY, "shape": shape}


@pytest.fixture
def sora_client_options(shape: Shape) -> Mapping[str, Any]:
    return {"dialect": DIALECTS.get(shape)}


async def test_a_video_is_created_and_waited_for_on_every_server(sora, client, shape) -> None:
    watch = client.create_and_wait(
        prompt="a paper boat 纸船", model="sora-2", seconds=8, size="720x1280"
    )
    events = [event async for event in watch]
    task = await watch

    [made] = sora.tasks
    assert (watch.task_id, task.id) == (made.id, made.id)
    assert (task.phase, events[-1].task) == (Phase.SUCCEEDED, task)
    assert (events[0].polls, events[0].task.id) == (0, made.id)
    assert (task.video_url is None) == (shape in WITHOUT_URL)
    assert (task.content_url is None) == (client_dialect(shape).content_path is None)
    order = made.create
    assert (order.prompt, order.model) == ("a paper boat 纸船", "sora-2")
    assert (order.seconds, order.size) == ("8", "720x1280")
    endpoints = {request.endpoint for _, request in sora.requests}
    assert endpoints == {"create", "poll", *(["content"] if shape in WITHOUT_URL else [])}
    assert [request.endpoint for _, request in sora.requests].count("create") == 1
    assert all(request.task_id == made.id for _, request in sora.requests[1:])


async def test_a_reference_arrives_on_every_server(sora, client, shape) -> None:
    await client.create_task(prompt="a boat", input_reference=PNG)

    [made] = sora.tasks
    if client_dialect(shape).body == "json":
        assert "data:image/png;base64,iVBORw0KGgo" in str(made.create.fields)
    else:
        upload = made.create.files["input_reference"]
        assert (upload.content_type, upload.body) == ("image/png", PNG)
        assert upload.name == "input_reference.png"


async def test_a_task_that_fails_says_why_on_every_server(sora, client) -> None:
    scenario = Scenario(failure=("moderation_blocked", "The prompt was refused."))
    sora.on_create(accepted(scenario=scenario))
    watch = client.create_and_wait(prompt="a boat")

    with pytest.raises(TaskFailedError) as caught:
        await watch

    assert caught.value.task.id == watch.task_id == sora.tasks[0].id
    assert caught.value.task.phase is Phase.FAILED


async def test_a_later_process_needs_the_id_alone(sora, client, shape) -> None:
    task_id = (await client.create_task(prompt="a boat")).id
    await client.close()

    async with client_of(sora, dialect=DIALECTS.get(shape)) as later:
        first = Phase.RUNNING if shape == "gemini" else Phase.QUEUED
        assert (await later.get_task(task_id)).phase is first
        assert (await later.wait_until_complete(task_id)).id == task_id


async def test_a_task_that_polls_do_not_see_yet_is_waited_for(sora, client) -> None:
    sora.on_create(accepted(scenario=Scenario(visible_after=20.0)))

    task = await client.create_and_wait(prompt="a boat")

    assert task.phase is Phase.SUCCEEDED


async def test_a_prompt_becomes_a_file_in_one_call_on_every_server(sora, client, tmp_path) -> None:
    watch = client.create_and_wait(prompt="a boat")
    download = client.download(watch, tmp_path / "boat.mp4")
    events = [event async for event in download]
    file = await download

    [made] = sora.tasks
    assert download.task_id == made.id
    assert file.task is not None
    assert file.task.id == made.id
    assert (file.content_type, events[-1].received) == ("video/mp4", file.size)
    assert [path.name for path in tmp_path.iterdir()] == ["boat.mp4"]
    keys = ["Authorization" in request.headers for _, request in sora.cdn_requests]
    assert not any(keys)


async def test_a_batch_goes_on_on_every_server(sora, shape, tmp_path) -> None:
    for prompts in (["a boat"], ["a boat", "a fox", "a fox"]):
        async with client_of(sora, dialect=DIALECTS.get(shape)) as client:
            outcomes = [one async for one in client.batch(prompts, output_dir=tmp_path)]
        assert [one.error for one in outcomes] == [None] * len(prompts)

    assert len(sora.tasks) == 3
    assert len(list(tmp_path.glob("*.mp4"))) == 3


HAS_LIST: Final = {"page", "openai", "vllm", "sglang", "inworld"}
HAS_DELETE: Final = {"page", "openai", "vllm", "sglang", "inworld", "ark", "minimax"}
HAS_CANCEL: Final = {"ofox", "inworld", "xai", "minimax"}
HAS_REMIX: Final = {"page", "relay", "openai", "litellm"}
HAS_CHARACTERS: Final = {"openai", "litellm"}


async def finish(sora: FakeSora, client: SoraClient) -> VideoTask:
    sora.on_create(accepted(scenario=Scenario(queued=1.0, running=1.0)))
    return await client.create_and_wait(prompt="a boat", until="completed")


@pytest.mark.parametrize(
    "shape", [shape for shape in SHAPES if shape not in ("litellm", "ark", "minimax")]
)
async def test_tasks_are_listed_where_a_server_has_a_list(client, shape) -> None:
    ids = [(await client.create_task(prompt=f"boat {number}")).id for number in range(5)]
    if shape not in HAS_LIST:
        with pytest.raises(UnsupportedOperationError):
            [task async for task in client.list_tasks()]
        return

    assert [task.id async for task in client.list_tasks()] == ids[::-1]
    assert [task.id async for task in client.list_tasks(limit=2, order="asc")] == ids[:2]
    after = [task.id async for task in client.list_tasks(after=ids[2])]
    assert after == ids[1::-1]


async def test_a_task_is_deleted_where_a_server_can(sora, client, shape) -> None:
    task = await finish(sora, client)
    if shape not in HAS_DELETE:
        with pytest.raises(UnsupportedOperationError):
            await client.delete_task(task.id)
        return

    assert await client.delete_task(task.id) is None
    assert sora.tasks == []


async def test_a_queued_task_is_cancelled_where_a_server_can(client, shape) -> None:
    task = await client.create_task(prompt="a boat")
    if shape not in HAS_CANCEL:
        with pytest.raises(UnsupportedOperationError):
            await client.cancel_task(task.id)
        return

    await client.cancel_task(task.id)

    with pytest.raises(TaskFailedError) as caught:
        await client.wait_until_complete(task.id)
    assert caught.value.task.failure is not None
    assert caught.value.task.failure.code == "cancelled"


async def test_a_video_is_remixed_where_a_server_can(sora, client, shape) -> None:
    task = await finish(sora, client)
    if shape not in HAS_REMIX:
        with pytest.raises(UnsupportedOperationError):
            await client.remix_task(task.id, prompt="at night")
        return

    remix = await client.remix_task(task.id, prompt="at night")

    assert sora.tasks[1].remixed_from == task.id
    assert sora.tasks[1].create.prompt == "at night"
    assert (await client.wait_until_complete(remix.id)).phase is Phase.SUCCEEDED


async def test_a_character_is_made_where_a_server_knows_them(client, shape) -> None:
    mp4 = b"\0\0\0\x18ftypisom" + bytes(64)
    if shape not in HAS_CHARACTERS:
        with pytest.raises(UnsupportedOperationError):
            await client.create_character(name="Mo", video=mp4)
        with pytest.raises(UnsupportedOperationError):
            await client.get_character("char_1")
        return

    made = await client.create_character(name="Mo", video=mp4)

    assert made.name == "Mo"
    assert made.created_at is not None
    assert await client.get_character(made.id) == made
