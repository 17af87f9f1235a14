"""A wall clock that is set by a day, in a process whose clock can be set: it changes no outcome."""

import pytest
from support import run_python

PROCESS = """
import asyncio, datetime, sys, tempfile, time
from email.utils import format_datetime

class Clock:
    offset, day, read = 0.0, float(sys.argv[1]), staticmethod(time.time)

    def time(self):
        return self.read() + self.offset

    def set(self):
        self.offset = self.day if self.offset == 0.0 else 0.0

class SetDatetime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(clock.time(), tz)

clock = Clock()
time.time, datetime.datetime = clock.time, SetDatetime

from sora_async import LearningSchedule, SoraClient
from sora_async.testing import FakeSora, Scenario, VirtualTimeLoop, completed, http_error

async def main():
    loop, life = asyncio.get_running_loop(), Scenario(queued=1, running=30)
    async with (
        FakeSora(default_scenario=life) as sora,
        SoraClient(base_url=sora.url, schedule=LearningSchedule()) as client,
    ):
        for _ in range(9):
            loop.call_later(10, clock.set)
            started = loop.time()
            assert (await client.create_and_wait(prompt="a boat", timeout=120)).is_complete
            assert loop.time() - started < 60
        # Places on a ruler of durations: 125 is about 30 s, and 454 is a day.
        assert 120 < max(client.duration_history.records[()].videos.weights) < 200

        with tempfile.TemporaryDirectory() as folder:
            for _ in range(2):
                loop.call_later(15, clock.set)
                outcomes = [one async for one in client.batch(["a", "b"], output_dir=folder)]
                assert [one.error for one in outcomes] == [None, None]
        assert len(sora.tasks) == 9 + 2

        clock.set()
        pause = format_datetime(sora.now + datetime.timedelta(seconds=20), usegmt=True)
        sora.script("limited", http_error(429, headers={"Retry-After": pause}), completed())
        await client.wait_until_complete("limited", timeout=60)

with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
    runner.run(main())
"""


@pytest.mark.parametrize("day", [86_400, -86_400])
def test_it_changes_no_outcome(day: int) -> None:
    ended = run_python(PROCESS, str(day))

    assert (ended.returncode, ended.stderr) == (0, "")
