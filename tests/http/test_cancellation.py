"""Work that a cancellation must not leave half done."""

import asyncio

import pytest

from sora_async._http.cancellation import finish_when_cancelled


async def work(released: asyncio.Event, *, error: Exception | None = None) -> str:
    await released.wait()
    if error is not None:
        raise error
    return "done"


async def test_the_result_is_returned() -> None:
    released = asyncio.Event()
    released.set()

    assert await finish_when_cancelled(work(released)) == "done"


@pytest.mark.parametrize("error", [None, ValueError("bad")])
async def test_a_cancelled_caller_waits_for_the_end_however_often_it_is_cancelled(
    error: Exception | None,
) -> None:
    released = asyncio.Event()
    task = asyncio.ensure_future(work(released, error=error))
    caller = asyncio.create_task(finish_when_cancelled(task))

    for _ in range(3):
        await asyncio.sleep(0)
        caller.cancel()
    await asyncio.sleep(1)
    assert not caller.done()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert task.done()
    assert not task.cancelled()


async def test_on_cancel_may_end_the_work_sooner() -> None:
    released = asyncio.Event()
    caller = asyncio.create_task(finish_when_cancelled(work(released), released.set))

    await asyncio.sleep(0)
    caller.cancel()

    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_work_that_is_cancelled_itself_cancels_its_caller() -> None:
    task = asyncio.ensure_future(work(asyncio.Event()))
    caller = asyncio.create_task(finish_when_cancelled(task))

    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await caller
