import pytest
from studio import create_video

from sora_async.testing import FakeSora, accepted, http_error, reset

PNG = b"\x89PNG\r\n\x1a\n"


async def test_the_image_is_uploaded(sora_service: FakeSora) -> None:
    task_id = await create_video(sora_service.url, "a paper boat", PNG)

    (task,) = sora_service.tasks
    assert task.id == task_id
    assert task.create.prompt == "a paper boat"
    assert task.create.files["input_reference"].content_type == "image/png"


async def test_no_task_is_created_twice(sora_service: FakeSora) -> None:
    sora_service.on_create(accepted(reset()))

    assert await create_video(sora_service.url, "a paper boat", PNG) is None
    assert len(sora_service.tasks) == 1


async def test_a_rejected_create_makes_no_task(sora_service: FakeSora) -> None:
    sora_service.on_create(http_error(429))

    with pytest.raises(BlockingIOError):
        await create_video(sora_service.url, "a paper boat", PNG)
    assert sora_service.tasks == []
