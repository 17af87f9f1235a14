"""What the command's exit code says."""

import enum


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
