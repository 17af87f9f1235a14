"""What is known of all that is tracked, and how it looks; moments come in as arguments."""

from collections import Counter, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ... import (
    BatchEvent,
    BatchOutcome,
    DownloadEvent,
    Failed,
    ProgressEvent,
    SoraError,
    Succeeded,
    TaskFailedError,
    VideoTask,
)

ROWS = 20
"""Rows at most: what there is more of is in the line that sums up."""

STYLES = {
    "creating": "magenta",
    "queued": "dim",
    "running": "cyan",
    "download": "blue",
    "succeeded": "green",
    "saved": "green",
    "failed": "red",
    "error": "red",
}
"""The words of rows with their colours, in the order in which they are summed up."""

STAGES = {"creating": "creating", "waiting": "queued", "downloading": "download"}

RowKey = tuple[Hashable, str]
"""Who tracks it, and what it is called there."""


@dataclass(slots=True, kw_only=True)
class PictureRow:
    """What is known of one task."""

    name: str
    number: int
    began: float
    word: str = "queued"
    part: float | None = None
    note: str = ""
    ended: float | None = None

    def take(self, event: ProgressEvent | DownloadEvent) -> None:
        """Take note of an event."""
        if isinstance(event, ProgressEvent):
            self.word, self.part = event.task.phase.value, event.progress
            self.note = _note(event)
        else:
            self.word = "download"
            self.part = event.received / event.total if event.total else None
            self.note = f"{event.received / 1e6:.1f} MB" if event.last_error is None else "held up"

    def settle(self, word: str, error: BaseException | None) -> None:
        """Take note of the end."""
        self.word, self.note = word, ""
        if isinstance(error, TaskFailedError):
            self.word, self.note = "failed", _clean(str(error.failure))
        elif error is not None:
            self.word, self.note = "error", type(error).__name__
        else:
            self.part = 1.0

    def tell_time(self, now: float) -> str:
        """Return how long it has taken."""
        return _tell_seconds((now if self.ended is None else self.ended) - self.began)


def _find_id(error: SoraError | None) -> str | None:
    """Return whose error it is."""
    task = getattr(error, "task", None)
    return task.id if isinstance(task, VideoTask) else getattr(error, "task_id", None)


def _clean(text: str) -> str:
    """Return what a terminal shows and does not obey: an id may be anybody's, and refused."""
    return "".join(one if one.isprintable() else "?" for one in text[:500])


def _note(event: ProgressEvent) -> str:
    if event.is_degraded:
        return "no answer at the moment"
    if event.stalled:
        return "slower than others"
    if event.task.queue_position is not None and event.task.phase == "queued":
        return f"{event.task.queue_position} before it"
    if event.eta is not None and event.task.phase in ("queued", "running"):
        return f"about {_tell_seconds(event.eta.p50)} left"
    return ""


def _tell_seconds(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Picture:
    """
    All tasks that are tracked on one screen; of those that have ended it keeps only the last.

    Args:
        began: When the first of them was begun.
    """

    def __init__(self, *, began: float = 0.0) -> None:
        self.lines: list[str] = []
        """Of those that have ended since somebody has last taken them from here."""
        self._going: dict[RowKey, PictureRow] = {}
        self._ended: deque[PictureRow] = deque(maxlen=ROWS)
        self._failed: deque[PictureRow] = deque(maxlen=ROWS)
        self._counts: Counter[str] = Counter()
        self._begun = 0
        self._done = 0
        self._total = 0
        self._began = began

    def expect(self, total: int | None) -> None:
        """Take note that something more is tracked."""
        self._total += total or 0

    def take(self, owner: Hashable, news: object, *, now: float) -> None:
        """Take note of what a source has yielded."""
        match news:
            case ProgressEvent():
                self._row(owner, news.task.id, news.task.id, now).take(news)
            case DownloadEvent():
                self._row(owner, news.task_id, news.task_id, now).take(news)
            case Succeeded() | Failed():
                self._settle(owner, news.task_id, news.task_id, "succeeded", news.error, now)
            case BatchEvent():
                row = self._row(owner, news.key, news.path.name, now)
                row.word, row.part, row.note = STAGES[news.stage], None, ""
                if news.event is not None:
                    row.take(news.event)
            case BatchOutcome():
                name = news.path.name if news.path else "order"
                self._settle(owner, news.key or name, name, "saved", news.error, now)

    def leave(self, owner: Hashable, *, now: float, end: BaseException | bool) -> None:
        """
        Take note that a source is tracked no longer.

        Args:
            owner: Who tracked it.
            now: The moment.
            end: The error it ended with, True for a good end, and False for none.
        """
        error = end if isinstance(end, SoraError) else None
        name = _find_id(error)
        if name:  # a wait may end before its first event
            self._row(owner, name, name, now)
        for key in [key for key in self._going if key[0] == owner]:
            row = self._going[key]
            if end is True or error is not None:
                word = "saved" if row.word == "download" else row.word
                self._settle(*key, row.name, word, error, now)
            else:
                del self._going[key]
                row.ended = now
                self._ended.append(row)
                self._counts[row.word] += 1

    def _row(self, owner: Hashable, key: str, name: str, now: float) -> PictureRow:
        row = self._going.get((owner, key))
        if row is None:
            self._begun += 1
            row = PictureRow(name=_clean(name), number=self._begun, began=now)
            self._going[owner, key] = row
        return row

    def _settle(
        self,
        owner: Hashable,
        key: str,
        name: str,
        word: str,
        error: BaseException | None,
        now: float,
    ) -> None:
        row = self._row(owner, key, name, now)
        del self._going[owner, key]
        row.settle(word, error)
        row.ended = now
        self._done += 1
        self._counts[row.word] += 1
        (self._ended if error is None else self._failed).append(row)
        self.lines.append(
            "  ".join(filter(None, (row.name, row.word, row.tell_time(now), row.note)))
        )

    def draw(self, *, now: float, width: int, height: int) -> RenderableType:
        """
        Return the picture.

        Args:
            now: The moment.
            width: The columns there are.
            height: The lines there are.
        """
        rows = self._choose(max(1, min(ROWS, height - 2)))
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, overflow="ellipsis", max_width=max(12, width - 58))
        grid.add_column(no_wrap=True, min_width=9)
        grid.add_column(width=20)
        for room in (4, 5):
            grid.add_column(no_wrap=True, justify="right", min_width=room)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        for row in rows:
            grid.add_row(*_draw_row(row, now))
        if self._begun <= 1 and not self._total:
            return grid
        return Group(grid, Text(self._sum_up(now, len(rows)), style="dim", overflow="ellipsis"))

    def _choose(self, room: int) -> list[PictureRow]:
        """Return the rows to draw: those that go on, the last failures, the last that ended."""
        rows = [*self._going.values(), *reversed(self._failed), *reversed(self._ended)][:room]
        return sorted(rows, key=lambda row: row.number)

    def _sum_up(self, now: float, shown: int) -> str:
        words = self._counts + Counter(row.word for row in self._going.values())
        of = f" of {max(self._total, self._begun)}" if self._total else ""
        parts = [f"{self._done}{of} done"]
        parts += [f"{words[word]} {word}" for word in STYLES if words[word]]
        if self._begun > shown:
            parts.append(f"{self._begun - shown} not shown")
        return f"{', '.join(parts)}, {_tell_seconds(now - self._began)}"


def _draw_row(row: PictureRow, now: float) -> Iterator[RenderableType]:
    style = STYLES[row.word]
    yield Text(row.name)
    yield Text(row.word, style=style)
    yield ProgressBar(
        total=1.0, completed=row.part or 0.0, complete_style=style, finished_style=style
    )
    yield Text("" if row.part is None else f"{row.part:.0%}")
    yield Text(row.tell_time(now), style="dim")
    yield Text(row.note, style="dim" if row.word not in ("failed", "error") else style)
