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
from sora_async.cli.commands.batch import Reader
from sora_async.cli.commands.demo import TASK_IDS, play, tell_story
from sora_async.cli.display.board import Board
from sora_async.cli.display.renderer import Renderer, RowEvent, RowOutcome, RowStage, follow
from sora_async.testing import FakeSora, Scenario, VirtualTimeLoop, http_error

PICTURES = Path(__file__).parent / "_static"
WIDTH, HEIGHT = 82, 24
MOMENT = 1000.0
"""Seconds after which the batch is drawn."""
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SUBJECTS = ("a boat", "a lighthouse", "two gulls", "an old pier", "a whale", "the harbour")
SCENES = ("at dawn", "in the rain", "seen from above", "in slow motion", "at night")
ORDERS = {
    number: {"prompt": f"{SUBJECTS[number % 6]} {SCENES[number % 5]}"} for number in range(1, 301)
}


class Picture(Renderer):
    """A show that draws its board once, at the moment of the picture."""

    def __init__(self, console: Console, board: Board, moment: float) -> None:
        super().__init__()
        self._console, self._board, self._moment = console, board, moment
        self._started = 0.0
        self.drawn = asyncio.Event()

    async def __aenter__(self) -> "Picture":
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        loop.call_later(self._moment, self._draw)
        return self

    def begin(self, name: str, stage: RowStage) -> None:
        self._board.begin(name, stage, elapsed=self._elapsed())

    def event(self, name: str, event: RowEvent) -> None:
        self._board.event(name, event, elapsed=self._elapsed())

    def settle(self, outcome: RowOutcome) -> None:
        super().settle(outcome)
        if not self.drawn.is_set():
            self._board.settle(outcome)

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._started

    def _draw(self) -> None:
        self._console.print(self._board.draw(elapsed=self._moment, width=WIDTH, height=HEIGHT))
        self.drawn.set()


def main() -> None:
    draw_demo()
    draw_three()
    draw_many()


def draw_demo() -> None:
    console = open_terminal("sora-async demo")
    show = Picture(console, Board(TASK_IDS), 4.6)
    run(play(show, speed=1.0))
    console.print("\n[dim]… and when all are settled:[/]\n", highlight=False)
    # The line below keeps the last underscores from being cut off.
    console.print(tell_story(show.outcomes), "", sep="\n")
    write(console, "demo")


def draw_three() -> None:
    lives = {
        "video_boat": Scenario(queued=10, running=90),
        "video_pier": Scenario(
            queued=20, running=60, faults={9: http_error(503), 10: http_error(503)}
        ),
        "video_gulls": Scenario(queued=3, running=25),
    }
    console = open_terminal(f"sora-async wait {' '.join(lives)}")
    run(_wait(Picture(console, Board(lives), 42.0), lives))
    write(console, "command-3")


async def _wait(show: Picture, lives: dict[str, Scenario]) -> None:
    schedule = Schedule(intervals=(5.0,), jitter=float, first_jitter=float)
    async with FakeSora() as sora, SoraClient(base_url=sora.url, schedule=schedule) as client:
        for task_id, life in lives.items():
            sora.add(life, task_id=task_id)
        waiting = asyncio.ensure_future(
            follow([client.wait_until_complete(task_id) for task_id in lives], show)
        )
        await _until_drawn(show, waiting)


def draw_many() -> None:
    """
    Draw a batch by arithmetic: 300 real downloads race on the disk, and differ in each run.

    Only the news is made up; who has a place, how rows are called and the picture are not.
    """
    names = Reader(ORDERS, Renderer(), is_json=False)._names.values()
    board = Board(total=len(ORDERS))
    chance = random.Random(7)
    places = [float(number) for number in range(20)]
    for number, name in enumerate(names, start=1):
        began = heapq.heappop(places)
        if began > MOMENT:
            break
        whole = chance.uniform(90, 240)
        heapq.heappush(places, began + whole)
        tell(board, name, began=began, whole=whole, is_refused=number % 45 == 0)
    console = open_terminal("sora-async batch prompts.jsonl --out videos/")
    console.print(board.draw(elapsed=MOMENT, width=WIDTH, height=HEIGHT))
    write(console, "command-300")


def tell(board: Board, name: str, *, began: float, whole: float, is_refused: bool) -> None:
    """Tell a board of an order up to now: a video is made for *whole* seconds, then fetched."""
    age = MOMENT - began
    phase = Phase.QUEUED if age < 10 else Phase.RUNNING
    progress = min((age - 10) / (whole - 25), 1.0) if age >= 10 else None
    task = VideoTask(id=name, phase=phase, progress=progress, raw={"status": phase})
    news = ProgressEvent(task=task, progress=progress, elapsed=age, polls=int(age / 10) + 1)
    board.begin(name, "creating", elapsed=began)
    if age < 1:
        return
    board.begin(name, "waiting", elapsed=began)
    board.event(name, news, elapsed=MOMENT)
    file = VideoFile(path=Path(name), size=8_400_000, content_type="video/mp4", task=task)
    if age >= whole:
        error = TaskFailedError(task)
        end = {"error": error} if is_refused else {"error": None, "file": file}
        board.settle(RowOutcome(task_id=name, last=news, elapsed=whole, label=name, **end))
    elif age >= whole - 15:
        for second in range(int(age - whole + 15) + 1):
            news = DownloadEvent(
                task_id=name, received=560_000 * second, total=file.size, elapsed=second
            )
            board.event(name, news, elapsed=MOMENT)


async def _until_drawn(show: Picture, work: "asyncio.Future[None]") -> None:
    """Let work go on until the picture is there; nobody needs its rest."""
    drawing = asyncio.ensure_future(show.drawn.wait())
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
