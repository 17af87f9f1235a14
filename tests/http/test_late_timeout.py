"""A response that arrived while the event loop was held up."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_async import CreateOutcomeUnknownError, SoraClient, VideoTask
from sora_async._http.late_timeout import LATE_GRACE
from sora_async.testing import VirtualTimeLoop

TASK = b'{"id": "video_1", "object": "video", "status": "queued"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
HEAD += b"Content-Length: %d\r\n\r\n" % len(TASK)


class HeldUpLoop(VirtualTimeLoop):
    """A loop that can be held up: its time passes, and it runs nothing."""

    held_up = waited = 0.0

    def time(self) -> float:
        return super().time() + self.held_up


def run(test: Callable[[HeldUpLoop], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=HeldUpLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, HeldUpLoop)
        runner.run(test(loop))


async def create(
    loop: HeldUpLoop, *, held_up: float, answers: bool = True, pause: float = 0.0
) -> VideoTask:
    """Create a task at a service after whose response the loop is held up."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answers:
            writer.write(HEAD + TASK[:10])
        loop.held_up += held_up  # before the client's side is read
        # The loop ends while it sleeps; Python 3.11 complains of a connection that is cancelled.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(pause)
            if answers:
                writer.write(TASK[10:])
            else:
                await asyncio.sleep(10_000)
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, SoraClient(base_url=url, create_timeout=60.0) as client:
        started = loop.time()
        try:
            return await client.create_task(prompt="a boat")
        finally:
            loop.waited = loop.time() - started


@given(st.floats(0.0, 1e6) | st.floats(59.8, 60.2) | st.just(60.0))
def test_it_is_read_however_long_the_loop_was_held_up(held_up: float) -> None:
    async def test(loop: HeldUpLoop) -> None:
        assert (await create(loop, held_up=held_up)).id == "video_1"

    run(test)


@pytest.mark.parametrize(
    ("options", "after"),
    [
        ({"held_up": 0.0, "answers": False}, 60.0),
        ({"held_up": 500.0, "answers": False}, 500.0 + LATE_GRACE),
        ({"held_up": 500.0, "pause": LATE_GRACE + 1}, 500.0 + LATE_GRACE),
        ({"held_up": 0.0, "pause": 61.0}, 60.0),
    ],
    ids=str,
)
def test_what_does_not_come_is_not_waited_for_longer(options: Any, after: float) -> None:
    async def test(loop: HeldUpLoop) -> None:
        with pytest.raises(CreateOutcomeUnknownError, match="within 60 s"):
            await create(loop, **options)

        assert loop.waited == pytest.approx(after, abs=0.01)

    run(test)
