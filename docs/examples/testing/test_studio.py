import pytest
from studio import order

from sora_async.testing import FakeSora, accepted, http_error, reset


async def test_the_picture_is_sent(sora: FakeSora) -> None:
    task_id = await order(sora.url, "a paper boat", b"a picture")

    (task,) = sora.tasks
    assert task.id == task_id
    assert task.order.prompt == "a paper boat"
    assert task.order.files["input_reference"].content_type == "image/png"


async def test_nothing_is_bought_twice(sora: FakeSora) -> None:
    sora.on_create(accepted(reset()))

    assert await order(sora.url, "a paper boat", b"a picture") is None
    assert len(sora.tasks) == 1


async def test_a_refusal_makes_no_task(sora: FakeSora) -> None:
    sora.on_create(http_error(429))

    with pytest.raises(BlockingIOError):
        await order(sora.url, "a paper boat", b"a picture")
    assert sora.tasks == []
