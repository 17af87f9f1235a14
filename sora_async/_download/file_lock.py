"""An exclusive lock on an open file, which ends with the process."""

import sys

if sys.platform != "win32":  # pragma: no branch
    import fcntl


def lock_file(file: int) -> None:
    """
    Lock an open file for this process alone.

    On Windows, and on a file system without locks, nothing is locked.

    Raises:
        BlockingIOError: Another process, or another opening of the file, has it locked.
    """
    if sys.platform == "win32":  # pragma: no cover
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # pragma: no cover - a network's file system without locks
        pass
