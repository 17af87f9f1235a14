"""One client under many loops: in threads, and in processes that were forked."""

import asyncio
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from support import ROOT, command

from sora_async import Outcome, RateLimit, Schedule, SoraClient
from sora_async.testing import FakeSora, completed, running

OFTEN = Schedule(intervals=[0.01])


@pytest.fixture
def served() -> Iterator[FakeSora]:
    """A fake service under the loop of another thread."""
    with command.served() as sora:
        yield sora


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads take turns so often that they meet in the middle of anything."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_threads_may_use_one_client_at_the_same_time(served: FakeSora, hasty: None) -> None:
    client = SoraClient(base_url=served.url, schedule=OFTEN, rate_limit=RateLimit(rate=None))
    task_ids = [[f"{number}_{wait}" for wait in range(25)] for number in range(4)]
    for task_id in itertools.chain(*task_ids):
        served.script(task_id, running(0.1), running(0.5), completed())
    together = threading.Barrier(4)
    ended: list[Outcome] = []

    async def wait_for(mine: list[str]) -> None:
        ended.extend([outcome async for outcome in client.as_completed(mine)])

    def work(mine: list[str]) -> None:
        together.wait()
        asyncio.run(wait_for(mine))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in task_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [outcome.error for outcome in ended] == [None] * 100
    assert {outcome.task_id for outcome in ended} == set(itertools.chain(*task_ids))


def test_a_watch_of_another_running_loop_says_whose_it_is(served: FakeSora) -> None:
    client = SoraClient(base_url=served.url, schedule=OFTEN)
    served.script("video", running(0.5))
    watch = client.wait_until_complete("video")

    async def use_elsewhere() -> None:
        events = aiter(watch)
        await anext(events)
        with pytest.raises(RuntimeError, match=r"another event loop.*wait_until_complete\('video'"):
            await asyncio.to_thread(asyncio.run, watch.result())

    asyncio.run(use_elsewhere())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("moment", ["after", "during"])
def test_a_client_survives_a_fork(served: FakeSora, moment: str) -> None:
    served.script("video", running(0.5), completed())

    ended = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "support" / "forking.py"), moment],
        env={**os.environ, "SORA_BASE_URL": served.url},
        capture_output=True,
        check=False,
    )

    assert (ended.stderr.decode(), ended.returncode) == ("", 0)
    assert set(ended.stdout.split()) == {b"video"}
