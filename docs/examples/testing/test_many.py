from sora_async import SoraClient
from sora_async.testing import FakeSora, Scenario


async def test_200_videos(sora_service: FakeSora, sora_client: SoraClient) -> None:
    task_ids = [sora_service.add(Scenario(running=60 + number)) for number in range(200)]

    outcomes = [outcome async for outcome in sora_client.as_completed(task_ids)]

    assert all(outcome.error is None for outcome in outcomes)
