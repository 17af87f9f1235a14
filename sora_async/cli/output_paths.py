"""Where a video goes: from options to the path of its file."""

import argparse
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from .. import Download, InvalidArgumentError, SoraClient, Watch

_STRANGE: Final = re.compile(r"[^\w.=+@-]")
_LONGEST: Final = 100


def name_file(task_id: str) -> str:
    """Return the name of the file of a task: its id, as far as every file system takes it."""
    name = _STRANGE.sub("_", task_id)
    if name.startswith("."):
        name = f"_{name}"
    if len(name.encode()) > _LONGEST:
        digest = hashlib.sha256(task_id.encode()).hexdigest()[:12]
        name = f"{name.encode()[:_LONGEST].decode(errors='ignore')}-{digest}"
    return f"{name}.mp4"


def find_path(out: str, task_id: str) -> Path:
    """
    Return the path of one file.

    Args:
        out: A path; one of a folder, by what is there or by a slash at its end, means in it.
        task_id: Whose video it is.
    """
    path = Path(out)
    return path / name_file(task_id) if path.is_dir() or out.endswith(("/", "\\")) else path


def make_folder(path: Path) -> None:
    """
    Make a folder if there is none.

    Raises:
        InvalidArgumentError: It cannot be made; nothing was sent.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(f"{path}: no folder for the videos: {error.strerror}") from error


def make_save(
    options: argparse.Namespace, client: SoraClient
) -> Callable[[Watch], Download] | None:
    """
    Return what downloads the video of a wait; None where that was not asked for.

    Raises:
        InvalidArgumentError: Its folder cannot be made.
    """
    if options.download is None:
        return None
    folder = Path(options.download)
    make_folder(folder)
    given = download_options(options)

    def save(watch: Watch) -> Download:
        return client.download(watch, folder / name_file(watch.task_id or ""), **given)

    return save


def download_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of a download that options are for."""
    return {
        "if_exists": options.if_exists,
        "max_size": options.max_size,
        "allow_private": options.allow_private,
    }
