"""A success without a URL: the service's content address is asked for the file."""

import asyncio
from collections.abc import Callable

import pytest
from support import KEY

from sora_async import Phase, RateLimit, SoraClient, VideoMissingError, VideoTask, Watch
from sora_async.testing import (
    Answer,
    FakeSora,
    Scenario,
    Shape,
    completed,
    html,
    http_error,
    raw,
    redirect,
    reset,
    stall,
    video_file,
)

Clock = Callable[[], float]
LIFE = Scenario(queued=5, running=25, url_delay=None)


async def follow(watch: Watch, now: Clock) -> tuple[float, VideoTask]:
    """Return how long after its success a wait ended, and with what."""
    succeeded_at = None
    async for event in watch:
        if event.task.phase is Phase.SUCCEEDED and succeeded_at is None:
            succeeded_at = now()
    assert succeeded_at is not None
    return now() - succeeded_at, await watch


def count_content(sora: FakeSora) -> int:
    return [request.endpoint for _, request in sora.requests].count("content")


@pytest.mark.parametrize("shape", ["openai", "vllm", "sglang", "litellm", "relay"])
async def test_a_file_at_the_content_address_ends_the_wait(shape: Shape, now: Clock) -> None:
    async with (
        FakeSora(shape=shape, api_key=KEY) as sora,
        SoraClient(api_key=KEY, base_url=sora.url) as client,
    ):
        task_id = sora.add(LIFE)

        took, task = await follow(client.wait_until_complete(task_id), now)

        assert took < 3.0
        assert (task.video_url, task.content_url is None) == (None, False)
        [asked] = [request for _, request in sora.requests if request.endpoint == "content"]
        assert asked.headers["Range"] == "bytes=0-0"
        assert asked.headers["Authorization"] == f"Bearer {KEY}"


async def test_a_large_file_is_not_received(sora: FakeSora, client: SoraClient) -> None:
    task_id = sora.add(LIFE)
    sora.script_file(task_id, video_file(10**12, ranges=False), at="content")

    assert (await client.wait_until_complete(task_id)).content_url is not None


@pytest.mark.parametrize(
    "answer",
    [
        http_error(400),
        http_error(404),
        http_error(401),
        http_error(503),
        reset(),
        raw({"url": "no file"}),
        html(),
        redirect("ftp://cdn.example/video.mp4"),
        redirect(""),
    ],
    ids=repr,
)
async def test_a_refusal_keeps_the_grace_period(
    answer: Answer, sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    sora.script("task_1", completed(url=None))
    sora.script_file("task_1", answer, at="content")

    took, task = await follow(client.wait_until_complete("task_1"), now)

    assert took == pytest.approx(45.0, abs=2.0)
    assert task.content_url == f"{sora.url}/v1/videos/task_1/content"
    assert count_content(sora) > 1


async def test_a_late_url_is_waited_for(sora: FakeSora, client: SoraClient, now: Clock) -> None:
    task_id = sora.add(Scenario(queued=5, running=25, url_delay=20))

    took, task = await follow(client.wait_until_complete(task_id), now)

    assert took == pytest.approx(20.0, abs=8.0)
    assert task.video_url is not None


async def test_a_file_that_comes_late_ends_the_wait(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    sora.script("task_1", completed(url=None))
    sora.script_file("task_1", http_error(404), http_error(404), video_file(), at="content")

    took, _ = await follow(client.wait_until_complete("task_1"), now)

    assert 2.0 < took < 10.0


async def test_a_url_that_comes_with_the_late_file_is_not_missed(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    sora.script("task_1", completed(url=None), completed(url=None), completed())
    sora.script_file("task_1", http_error(404), video_file(), at="content")

    _, task = await follow(client.wait_until_complete("task_1"), now)

    assert task.video_url is not None


async def test_a_redirect_elsewhere_counts_and_gets_no_request(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    sora.script("task_1", completed(url=None))
    sora.script_file("task_1", redirect(f"{sora.cdn_url}/videos/task_1.mp4"), at="content")

    took, _ = await follow(client.wait_until_complete("task_1"), now)

    assert took < 3.0
    assert sora.cdn_requests == []


async def test_a_redirect_on_the_origin_is_followed(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    sora.script("task_1", completed(url=None))
    sora.script("task_2", completed(url=None))
    sora.script_file("task_1", redirect("/v1/videos/task_2/content"), at="content")

    took, _ = await follow(client.wait_until_complete("task_1"), now)

    assert took < 3.0
    assert count_content(sora) == 2


async def test_redirects_in_a_circle_are_a_refusal(
    sora: FakeSora, client: SoraClient, now: Clock
) -> None:
    sora.script("task_1", completed(url=None))
    sora.script_file("task_1", redirect("/v1/videos/task_1/content"), at="content")

    took, _ = await follow(client.wait_until_complete("task_1"), now)

    assert took == pytest.approx(45.0, abs=2.0)


async def test_a_url_is_what_was_asked_for(sora: FakeSora, client: SoraClient, now: Clock) -> None:
    sora.script("task_1", completed(url=None))

    with pytest.raises(VideoMissingError):
        await client.wait_until_complete("task_1", until="video_url")
    await client.wait_until_complete("task_1", until="completed")

    assert count_content(sora) == 0


async def test_a_request_for_the_file_takes_a_permit(sora: FakeSora, now: Clock) -> None:
    async with SoraClient(
        api_key=KEY, base_url=sora.url, rate_limit=RateLimit(rate=1, burst=1, max_concurrent=1)
    ) as client:
        sora.script("task_1", completed(url=None))
        start = now()

        await client.wait_until_complete("task_1")

        assert now() - start == pytest.approx(1.0)


async def test_a_request_for_the_file_goes_before_every_planned_poll(
    sora: FakeSora, client: SoraClient
) -> None:
    events = aiter(client.wait_until_complete(sora.add(LIFE)))
    await anext(events)
    [polled] = client._find_poller()._all()

    as_poll = polled.is_urgent
    polled.checks_content = True

    assert polled.is_urgent and not as_poll
    await events.aclose()


async def test_leaving_while_the_file_is_asked_for_breaks_the_request_off(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.script("task_1", completed(url=None))
    sora.script_file("task_1", stall(), video_file(), at="content")
    watch = client.wait_until_complete("task_1")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watch.result(), 5)

    assert (await watch).content_url is not None
