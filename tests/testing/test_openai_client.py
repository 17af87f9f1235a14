"""openai-python against the fake, with its strict checks: every call that it has for videos."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from openai.types import Video

from sora_async.testing import (
    FakeSora,
    Scenario,
    accepted,
    completed,
    http_error,
    queued,
    reset,
    running,
    with_headers,
)

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
    options: dict[str, Any] = {"max_retries": 0, "_strict_response_validation": True}
    async with AsyncOpenAI(api_key="secret", base_url=f"{sora.url}/v1", **options) as one:
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


async def make(client: AsyncOpenAI, call: str, **body: Any) -> Video:
    """Call an endpoint in JSON: openai-python 3.57 fails on the id of a video in a form."""
    return await client.post(f"/videos/{call}", body=body, cast_to=Video)


async def test_edit_makes_another_video_of_one_or_of_a_file(sora, client) -> None:
    source = await client.videos.create_and_poll(
        prompt="a boat", seconds="8", poll_interval_ms=5000
    )

    edited = await make(client, "edits", prompt="by night", video={"id": source.id})
    uploaded = await client.videos.edit(prompt="by day", video=("a.mp4", b"\0", "video/mp4"))

    assert (edited.status, edited.prompt, edited.seconds) == ("queued", "by night", "8")
    assert (uploaded.prompt, uploaded.remixed_from_video_id) == ("by day", None)
    assert [request.endpoint for _, request in sora.requests[-2:]] == ["edit", "edit"]
    assert sora.tasks[2].create.files["video"].name == "a.mp4"


async def test_extend_makes_a_video_of_another_length(client) -> None:
    source = await client.videos.create_and_poll(
        prompt="a boat", size="1024x1792", seconds="8", poll_interval_ms=5000
    )

    longer = await make(client, "extensions", prompt="on", seconds="16", **{"video[id]": source.id})
    uploaded = await client.videos.extend(
        prompt="on", seconds="4", video=("a.mp4", b"\0", "video/mp4")
    )

    assert (longer.seconds, longer.size, longer.status) == ("16", "1024x1792", "queued")
    assert uploaded.seconds == "4"
    with pytest.raises(openai.BadRequestError, match="Only a completed video can be extended"):
        await make(client, "extensions", prompt="on", seconds="4", video={"id": longer.id})
    with pytest.raises(openai.BadRequestError, match="Only a completed video can be edited"):
        await make(client, "edits", prompt="again", video={"id": longer.id})
    with pytest.raises(openai.NotFoundError):
        await make(client, "edits", prompt="again", video={"id": "video_nobody"})


@pytest.mark.parametrize("body", [{"prompt": "a"}, {"prompt": "a", "video": {}}, {"video": "x"}])
async def test_an_edit_needs_a_prompt_and_a_video(client, body) -> None:
    with pytest.raises(openai.BadRequestError):
        await client.post("/videos/edits", body=body, cast_to=object)


async def test_characters_may_be_there_from_the_start(sora, client) -> None:
    mo = sora.add_character("Mo")
    sora.add_character("Pia", character_id="char_pia")

    found = [await client.videos.get_character(one) for one in (mo, "char_pia")]

    assert [one.name for one in found] == ["Mo", "Pia"]
    assert mo.startswith("char_")


async def test_a_list_may_be_of_none(client) -> None:
    await client.videos.create(prompt="a boat")

    page = await client.videos.list(limit=0)

    assert page.data == []
    assert [video.id async for video in page] == []


async def test_requests_have_ids(client) -> None:
    made = await client.videos.create(prompt="a boat")

    with pytest.raises(openai.NotFoundError) as caught:
        await client.videos.retrieve("video_nobody")

    assert made._request_id == f"req_{1:032x}"
    assert caught.value.request_id == f"req_{2:032x}"


async def test_a_prompt_chooses_its_outcome(client) -> None:
    video = await client.videos.create_and_poll(prompt="a boat [fail]", poll_interval_ms=5000)

    assert video.status == "failed"
    with pytest.raises(openai.BadRequestError, match="content policy"):
        await client.videos.create(prompt="[refuse]")


async def test_poll_follows_the_header_of_a_good_response(sora, client) -> None:
    sora.script(
        "video_1",
        with_headers({"openai-poll-after-ms": "7000"}, queued()),
        with_headers({}, running(0.2), status=202),
        completed(),
    )

    video = await client.videos.poll("video_1")

    assert video.status == "completed"
    assert sora.polls("video_1") == pytest.approx([0, 7, 14])
