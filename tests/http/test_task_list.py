"""The pages of a list, in the spelling of each dialect."""

import attrs
import pytest
from support import KEY

from sora_async import InvalidArgumentError, SoraClient
from sora_async.dialects import ARK, LITELLM
from sora_async.testing import FakeSora, Scenario


async def test_the_list_of_litellm_gets_its_header() -> None:
    async with (
        FakeSora(shape="litellm", api_key=KEY) as sora,
        SoraClient(base_url=sora.url, api_key=KEY, dialect="litellm") as client,
    ):
        sora.add(Scenario())
        tasks = [task async for task in client.list_tasks()]
        await client.get_task(sora.tasks[0].id)
        listed, polled = [request.headers for _, request in sora.requests]

    assert len(tasks) == 1
    assert listed["custom-llm-provider"] == "openai"
    assert listed["Authorization"] == f"Bearer {KEY}"
    assert "custom-llm-provider" not in polled


async def test_a_header_of_the_list_can_be_another() -> None:
    dialect = attrs.evolve(LITELLM, list_headers={"custom-llm-provider": "azure"})
    async with (
        FakeSora(shape="litellm") as sora,
        SoraClient(base_url=sora.url, dialect=dialect) as client,
    ):
        assert [task async for task in client.list_tasks()] == []
        [(_, request)] = sora.requests

    assert request.headers["custom-llm-provider"] == "azure"


@pytest.mark.parametrize("limit", [None, 1, 100, 150, 230, 231])
async def test_all_numbered_pages_are_listed(limit: int | None) -> None:
    async with FakeSora(shape="ark") as sora, SoraClient(base_url=sora.url, dialect=ARK) as client:
        ids = [sora.add(Scenario()) for _ in range(230)]
        listed = [task.id async for task in client.list_tasks(limit=limit)]

    assert listed == ids[::-1][:limit]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"after": "task_1"}, "after: the list of"), ({"order": "asc"}, "order: the list of")],
)
async def test_what_a_numbered_list_cannot_do_is_refused(arguments: dict, message: str) -> None:
    async with FakeSora(shape="ark") as sora, SoraClient(base_url=sora.url, dialect=ARK) as client:
        with pytest.raises(InvalidArgumentError, match=message):
            [task async for task in client.list_tasks(**arguments)]

        assert sora.requests == []
