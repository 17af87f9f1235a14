import asyncio

from orders import settle

from sora_async import SoraClient
from sora_async.testing import FakeSora, Scenario, VirtualTimeLoop


async def order_a_video() -> str:
    async with FakeSora(shape="relay") as sora, SoraClient(base_url=sora.url) as client:
        return await settle(client, sora.add(Scenario()))


def test_a_customer_gets_the_address() -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(order_a_video()).startswith("Your video is ready")
