"""What was learned, to a file and back: written whole or not at all."""

import json
import logging
import os
import tempfile
from pathlib import Path

from .memory import DurationHistory

logger = logging.getLogger("sora_async")


def save_memory(memory: DurationHistory, path: str | os.PathLike[str]) -> None:
    """
    Write a memory to a file, as JSON with a version.

    It is written beside the file first and then takes its place, so a reader finds
    the old one or the new one, whatever happens meanwhile. It blocks, for a millisecond or so.

    Args:
        memory: What a client has learned: ``client.memory``.
        path: The file; one that is there is replaced.

    Raises:
        OSError: The file cannot be written; the old one is as it was.
    """
    target = Path(path)
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(memory.to_json(), file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_memory(path: str | os.PathLike[str]) -> DurationHistory:
    """
    Return the memory in a file, and a new one where there is none.

    A file that is damaged, or of another version, is warned of in the log and begun
    afresh: what it would have saved is some polls.

    Args:
        path: The file, as :func:`save_memory` writes it.

    Raises:
        OSError: The file is there and cannot be read.
    """
    try:
        saved = Path(path).read_bytes()
    except FileNotFoundError:
        return DurationHistory()
    try:
        return DurationHistory.from_json(json.loads(saved))
    except (ValueError, RecursionError) as error:
        logger.warning("memory %s cannot be used, and is begun afresh: %s", path, error)
        return DurationHistory()
