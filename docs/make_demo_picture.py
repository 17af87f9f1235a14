"""
Draw the terminals of docs/_static: the demo, and the command with 3 and with 300 tasks.

Run it when the look of the command has changed, and look at the pictures::

    python docs/make_demo_picture.py

Time is virtual and chance is seeded, so the same code makes the same pictures.
"""

import asyncio
import heapq
import io
import random
import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console

from sora_async import (
    DownloadEvent,
    Phase,
    ProgressEvent,
    Schedule,
    SoraClient,
    TaskFailedError,
    VideoFile,
    VideoTask,
)
from sora_async.cli.commands.batch import BatchReader
from sora_async.cli.commands.demo import TASK_IDS, make_summary, play
from sora_async.cli.commands.wait import report_waits
from sora_async.cli.display.reporter import Reporter
from sora_async.cli.display.rows import TaskRows
from sora_async.cli.display.states import Stage, TaskResult, TaskUpdate
from sora_async.cli.display.table import draw_table
from sora_async.testing import FakeSora, Scenario, VirtualTimeLoop, http_error

PICTURES = Path(__file__).parent / "_static"
WIDTH, HEIGHT = 82, 24
MOMENT = 1000.0
"""Seconds after which the batch is drawn."""
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SUBJECTS = ("a boat", "a lighthouse", "two gulls", "an old pier", "a whale", "the harbour")
SCENES = ("at dawn", "in the rain", "seen from above", "in slow motion", "at night")
ENTRIES = {
    number: {"prompt": f"{SUBJECTS[number % 6]} {SCENES[number % 5]}"} for number in range(1, 301)
}


class Picture(Reporter):
    """A reporter that draws its table once, at the moment of the picture."""

    def __init__(self, console: Console, rows: TaskRows, moment: float) -> None:
        super().__init__()
        self._console, self._rows, self._moment = console, rows, moment
        self.drawn = asyncio.Event()

    async def __aenter__(self) -> "Picture":
        loop = asyncio.get_running_loop()
        self._rows.start_clock(loop.time())
        loop.call_later(self._moment, self._draw)
        return self

    def start(self, name: str, stage: Stage) -> None:
        self._rows.start(name, stage, now=_now())

    def update(self, name: str, update: TaskUpdate) -> None:
        self._rows.update(name, update, now=_now())

    def finish(self, result: TaskResult) -> None:
        super().finish(result)
        if not self.drawn.is_set():
            self._rows.finish(result.name, result, now=_now())

    def _draw(self) -> None:
        self._console.print(draw_table(self._rows, now=_now(), width=WIDTH, height=HEIGHT))
        self.drawn.set()


def _now() -> float:
    return asyncio.get_running_loop().time()


def main() -> None:
    draw_demo()
    draw_three()
    draw_many()


def draw_demo() -> None:
    console = open_terminal("sora-async demo")
    picture = Picture(console, TaskRows(TASK_IDS), 4.6)
    run(play(picture, speed=1.0))
    console.print("\n[dim]… and when all are done:[/]\n", highlight=False)
    # The line below keeps the last underscores from being cut off.
    console.print(make_summary(picture.results), "", sep="\n")
    write(console, "demo")


def draw_three() -> None:
    scenarios = {
        "video_boat": Scenario(queued=10, running=90),
        "video_pier": Scenario(
            queued=20, running=60, faults={9: http_error(503), 10: http_error(503)}
        ),
        "video_gulls": Scenario(queued=3, running=25),
    }
    console = open_terminal(f"sora-async wait {' '.join(scenarios)}")
    run(_wait(Picture(console, TaskRows(scenarios), 42.0), scenarios))
    write(console, "command-3")


async def _wait(picture: Picture, scenarios: dict[str, Scenario]) -> None:
    schedule = Schedule(intervals=(5.0,), jitter=float, first_jitter=float)
    async with FakeSora() as sora, SoraClient(base_url=sora.url, schedule=schedule) as client:
        for task_id, scenario in scenarios.items():
            sora.add(scenario, task_id=task_id)
        watches = [client.wait_until_complete(task_id) for task_id in scenarios]
        waiting = asyncio.ensure_future(report_waits(watches, picture))
        await _until_drawn(picture, waiting)


def draw_many() -> None:
    """
    Draw a batch by arithmetic: 300 real downloads race on the disk, and differ in each run.

    Only the events are made up; the rows' names and the table are the command's.
    """
    names = BatchReader(ENTRIES, Reporter(), is_json=False)._names.values()
    rows = TaskRows(total=len(ENTRIES))
    chance = random.Random(7)
    places = [float(number) for number in range(20)]
    for number, name in enumerate(names, start=1):
        began = heapq.heappop(places)
        if began > MOMENT:
            break
        whole = chance.uniform(90, 240)
        heapq.heappush(places, began + whole)
        report(rows, name, began=began, whole=whole, is_refused=number % 45 == 0)
    console = open_terminal("sora-async batch prompts.jsonl --out videos/")
    console.print(draw_table(rows, now=MOMENT, width=WIDTH, height=HEIGHT))
    write(console, "command-300")


def report(rows: TaskRows, name: str, *, began: float, whole: float, is_refused: bool) -> None:
    """Record a task up to now: its video takes *whole* seconds, and then is downloaded."""
    age = MOMENT - began
    phase = Phase.QUEUED if age < 10 else Phase.RUNNING
    progress = min((age - 10) / (whole - 25), 1.0) if age >= 10 else None
    task = VideoTask(id=name, phase=phase, progress=progress, raw={"status": phase})
    event = ProgressEvent(task=task, progress=progress, elapsed=age, polls=int(age / 10) + 1)
    rows.start(name, "creating", now=began)
    if age < 1:
        return
    rows.start(name, "waiting", now=began)
    rows.update(name, event, now=MOMENT)
    file = VideoFile(path=Path(name), size=8_400_000, content_type="video/mp4", task=task)
    if age >= whole:
        error = TaskFailedError(task)
        end = {"error": error} if is_refused else {"error": None, "file": file}
        result = TaskResult(task_id=name, last=event, elapsed=whole, label=name, **end)
        rows.finish(name, result, now=began + whole)
    elif age >= whole - 15:
        for second in range(int(age - whole + 15) + 1):
            download = DownloadEvent(
                task_id=name, received=560_000 * second, total=file.size, elapsed=second
            )
            rows.update(name, download, now=MOMENT)


async def _until_drawn(picture: Picture, work: "asyncio.Future[None]") -> None:
    """Let work go on until the picture is there; nobody needs its rest."""
    drawing = asyncio.ensure_future(picture.drawn.wait())
    await asyncio.wait([work, drawing], return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        work.result()
    await drawing
    work.cancel()
    await asyncio.wait([work])


def open_terminal(command: str) -> Console:
    """Return a terminal in which a command was typed."""
    console = Console(
        record=True, file=io.StringIO(), force_terminal=True, width=WIDTH, color_system="truecolor"
    )
    console.print(f"[bold green]$[/] {command}", highlight=False)
    return console


def run(work: Coroutine[Any, Any, None]) -> None:
    random.seed(7)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(work)


def write(console: Console, name: str) -> None:
    svg = tidy(console.export_svg(title="sora-async", unique_id=name))
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")


def tidy(svg: str) -> str:
    """Return the picture without what it would load from elsewhere or what differs each time."""
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: {FONTS};", svg)
    svg = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:40123", svg)
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


if __name__ == "__main__":
    main()
