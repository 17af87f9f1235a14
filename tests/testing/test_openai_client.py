"""Another's client against the fake: openai-python's own, every call it has for videos."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from sora_async.testing import FakeSora, Scenario, accepted, http_error, reset

# It calls its own methods for videos deprecated; every other warning is an error here, too.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

PICTURE = b"\x89PNG\r\n\x1a\n--boundary\r\n\r\n\xff"


@pytest_asyncio.fixture
async def sora() -> AsyncIterator[FakeSora]:
    scenario = Scenario(queued=2, running=8)
    async with FakeSora(shape="openai", api_key="secret", default_scenario=scenario) as server:
        yield server


@pytest_asyncio.fixture
async def client(sora: FakeSora) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="secret", base_url=f"{sora.url}/v1", max_retries=0) as one:
        yield one


async def test_create_uploads_a_picture(sora, client) -> None:
    video = await client.videos.create(
        prompt="лодка под дождём",
        model="sora-2-pro",
        seconds="8",
        size="720x1280",
        input_reference=("лодка.png", PICTURE, "image/png"),
    )

    assert (video.status, video.progress, video.object) == ("queued", 0, "video")
    assert (video.model, video.seconds, video.size) == ("sora-2-pro", "8", "720x1280")
    assert video.prompt == "лодка под дождём"
    (task,) = sora.tasks
    assert task.id == video.id
    picture = task.create.files["input_reference"]
    assert (picture.name, picture.content_type) == ("лодка.png", "image/png")
    assert picture.body == PICTURE


async def test_create_uploads_from_a_path(sora, client, tmp_path) -> None:
    path = Path(tmp_path, "boat.jpg")
    path.write_bytes(PICTURE)

    await client.videos.create(prompt="a boat", input_reference=path)

    picture = sora.tasks[0].create.files["input_reference"]
    assert (picture.name, picture.body) == ("boat.jpg", PICTURE)


async def test_retrieve_and_poll_follow_the_task_to_its_end(sora, client) -> None:
    made = await client.videos.create(prompt="a boat")
    await asyncio.sleep(6)

    halfway = await client.videos.retrieve(made.id)
    done = await client.videos.poll(made.id)

    assert (halfway.status, halfway.progress) == ("in_progress", 54)
    assert (done.status, done.progress) == ("completed", 100)
    assert done.completed_at is not None
    assert done.completed_at - done.created_at == 10
    assert sora.polls(made.id) == pytest.approx([6, 6, 7, 8, 9, 10])


async def test_create_and_poll_obeys_the_interval(sora, client) -> None:
    done = await client.videos.create_and_poll(prompt="a boat", poll_interval_ms=4000)

    assert done.status == "completed"
    assert sora.polls(done.id) == pytest.approx([0, 4, 8, 12])


async def test_poll_returns_a_failure(sora, client) -> None:
    lost = sora.add(Scenario(queued=0, running=1, failure=("moderation_blocked", "Blocked.")))

    video = await client.videos.poll(lost)

    assert video.status == "failed"
    assert video.error is not None
    assert (video.error.code, video.error.message) == ("moderation_blocked", "Blocked.")


async def test_download_content_is_the_video(client) -> None:
    made = await client.videos.create(prompt="a boat")
    with pytest.raises(openai.NotFoundError, match="not ready"):
        await client.videos.download_content(made.id)
    await asyncio.sleep(10)

    content = await client.videos.download_content(made.id, variant="video")

    assert content.content[4:8] == b"ftyp"
    assert content.response.headers["content-type"] == "video/mp4"


async def test_list_goes_through_all_pages(sora, client) -> None:
    ids = [(await client.videos.create(prompt=f"boat {number}")).id for number in range(5)]

    newest_first = [video.id async for video in client.videos.list(limit=2)]
    oldest_first = [video.id async for video in client.videos.list(limit=2, order="asc")]
    rest = await client.videos.list(after=ids[1])

    assert newest_first == ids[::-1]
    assert oldest_first == ids
    assert [video.id for video in rest.data] == [ids[0]]
    lists = [request.query for _, request in sora.requests if request.endpoint == "list"]
    assert len(lists) == 3 + 3 + 1


async def test_delete_takes_a_video_away(sora, client) -> None:
    made = await client.videos.create(prompt="a boat")

    answer = await client.videos.delete(made.id)

    assert (answer.id, answer.deleted, answer.object) == (made.id, True, "video.deleted")
    assert sora.tasks == []
    with pytest.raises(openai.NotFoundError, match=made.id):
        await client.videos.retrieve(made.id)


async def test_remix_makes_another_video(sora, client) -> None:
    source = await client.videos.create_and_poll(
        prompt="a boat", size="1024x1792", poll_interval_ms=5000
    )

    remix = await client.videos.remix(source.id, prompt="the same, by night")

    assert remix.id != source.id
    assert (remix.remixed_from_video_id, remix.status) == (source.id, "queued")
    assert (remix.prompt, remix.size) == ("the same, by night", "1024x1792")
    assert sora.tasks[1].remixed_from == source.id
    with pytest.raises(openai.BadRequestError, match="Only a completed video"):
        await client.videos.remix(remix.id, prompt="again")


async def test_characters_are_made_and_found(sora, client) -> None:
    made = await client.videos.create_character(
        name="Мурка", video=("cat.mp4", b"\0\0\0\x18ftypmp42", "video/mp4")
    )

    found = await client.videos.get_character(made.id)

    assert (found.id, found.name, found.created_at) == (made.id, "Мурка", made.created_at)
    uploaded = sora.requests[0][1].files["video"]
    assert (uploaded.name, uploaded.content_type) == ("cat.mp4", "video/mp4")
    with pytest.raises(openai.NotFoundError):
        await client.videos.get_character("char_nobody")


async def test_refusals_are_the_errors_that_it_knows(sora, client) -> None:
    sora.on_create(http_error(429), http_error(503), reset())

    with pytest.raises(openai.RateLimitError):
        await client.videos.create(prompt="a boat")
    with pytest.raises(openai.InternalServerError):
        await client.videos.create(prompt="a boat")
    with pytest.raises(openai.APIConnectionError):
        await client.videos.create(prompt="a boat")
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
        await client.with_options(api_key="wrong").videos.retrieve("video_1")
    assert sora.tasks == []


async def test_its_retries_make_a_task_twice(sora, client) -> None:
    sora.on_create(accepted(http_error(502)))

    video = await client.with_options(max_retries=1).videos.create(prompt="a boat")

    assert [task.create.prompt for task in sora.tasks] == ["a boat", "a boat"]
    assert sora.tasks[1].id == video.id
