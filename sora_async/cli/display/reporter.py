"""The reporter of a command: shows each task, from its first event to its end."""

from typing import Self

from .states import Stage, TaskResult, TaskUpdate


class Reporter:
    """
    Shows nothing; subclasses show tasks as a table, as lines or as JSON.

    Attributes:
        results: Of tasks that ended, by the names of their rows, in that order.
    """

    def __init__(self) -> None:
        self.results: dict[str, TaskResult] = {}

    async def __aenter__(self) -> Self:
        """Begin, before the first poll."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End, after the last result."""

    def start(self, name: str, stage: Stage) -> None:
        """Show that something is begun for a task."""

    def update(self, name: str, update: TaskUpdate) -> None:
        """Show an event of a wait or a download."""

    def finish(self, result: TaskResult) -> None:
        """Show the end of a task."""
        self.results[result.name] = result

    def say(self, text: str) -> None:
        """Show a sentence for people."""
