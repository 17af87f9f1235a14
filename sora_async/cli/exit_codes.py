"""The exit codes of the command."""

import enum
from collections.abc import Iterable

from .display.states import TaskResult


class Exit(enum.IntEnum):
    """The exit codes; those from 124 on are what ``timeout`` and shells use for the same."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNCERTAIN = 3
    TIMEOUT = 124
    INTERRUPTED = 130
    CLOSED_PIPE = 141
    TERMINATED = 143


def choose_exit(results: Iterable[TaskResult]) -> Exit:
    """Return the exit code for tasks that ended: an uncertain create first, then the worst."""
    outcomes = {result.outcome for result in results}
    if "uncertain" in outcomes:
        return Exit.UNCERTAIN
    if outcomes & {"failed", "error"}:
        return Exit.FAILED
    return Exit.TIMEOUT if "timeout" in outcomes else Exit.OK
