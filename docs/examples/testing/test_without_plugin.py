import asyncio

from customer import describe_result

from sora_async import SoraClient
from sora_async.testing import FakeSora, Scenario, VirtualTimeLoop


async def wait_for_a_video() -> str:
    async with FakeSora(shape="relay") as sora, SoraClient(base_url=sora.url) as client:
        return await describe_result(client, sora.add(Scenario()))


def test_the_customer_gets_the_url() -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(wait_for_a_video()).startswith("Your video is ready")
