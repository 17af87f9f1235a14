import pytest
from customer import describe_result

from sora_async import SoraClient
from sora_async.testing import (
    FakeSora,
    Scenario,
    VirtualClock,
    completed,
    http_error,
    reset,
    running,
)


async def test_the_customer_gets_the_url(sora_service: FakeSora, sora_client: SoraClient) -> None:
    sora_service.add(Scenario(queued=30, running=240), task_id="video_1")

    text = await describe_result(sora_client, "video_1")

    assert text == f"Your video is ready: {sora_service.cdn_url}/videos/video_1.mp4"


async def test_a_failure_is_explained(sora_service: FakeSora, sora_client: SoraClient) -> None:
    task_id = sora_service.add(Scenario(failure=("moderation_blocked", "the prompt was refused")))

    text = await describe_result(sora_client, task_id)

    assert text == "We could not make your video: the prompt was refused"


async def test_an_outage_does_not_end_the_wait(
    sora_service: FakeSora, sora_client: SoraClient
) -> None:
    sora_service.script("video_1", running(0.1), http_error(503), reset(), completed())

    assert (await describe_result(sora_client, "video_1")).startswith("Your video is ready")


async def test_a_wait_times_out(
    sora_service: FakeSora, sora_client: SoraClient, sora_virtual_time: VirtualClock
) -> None:
    sora_service.script("video_1", running(0.1))

    assert "longer than usual" in await describe_result(sora_client, "video_1")
    assert sora_virtual_time.now == pytest.approx(1200)
