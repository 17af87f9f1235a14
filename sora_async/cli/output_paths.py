"""The path of a video's file, from the options."""

import argparse
import hashlib
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from .. import Download, InvalidArgumentError, SoraClient, Watch

_UNSAFE: Final = re.compile(r"[^\w.=+@-]")
_MAX_LENGTH: Final = 100


def name_file(task_id: str) -> str:
    """Return a file name from a task's id that every file system accepts."""
    name = _UNSAFE.sub("_", task_id)
    if name.startswith("."):
        name = f"_{name}"
    if len(name.encode()) > _MAX_LENGTH:
        digest = hashlib.sha256(task_id.encode()).hexdigest()[:12]
        name = f"{name.encode()[:_MAX_LENGTH].decode(errors='ignore')}-{digest}"
    return f"{name}.mp4"


def find_path(out: str, task_id: str) -> Path:
    """Return the path of a task's file: *out*, or in it if it is a folder or ends in a slash."""
    path = Path(out)
    return path / name_file(task_id) if path.is_dir() or out.endswith(("/", "\\")) else path


def check_folder(path: Path, option: str) -> None:
    """
    Refuse a folder that does not exist: it is often a typing mistake.

    Raises:
        InvalidArgumentError: It does not exist, or is no folder.
    """
    if path.is_dir():
        return
    if path.exists():
        raise InvalidArgumentError(f"{option} {path}: it is not a directory")
    raise InvalidArgumentError(
        f"{option} {path}: there is no such directory. Create it first: "
        f"mkdir -p {shlex.quote(str(path))}"
    )


def make_save(
    options: argparse.Namespace, client: SoraClient
) -> Callable[[Watch], Download] | None:
    """
    Return a function that downloads the video of a wait; None without ``--download``.

    Raises:
        InvalidArgumentError: Its folder does not exist.
    """
    if options.download is None:
        return None
    folder = Path(options.download)
    check_folder(folder, "--download")
    given = download_options(options)

    def save(watch: Watch) -> Download:
        return client.download(watch, folder / name_file(watch.task_id or ""), **given)

    return save


def download_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a download as arguments of the client."""
    return {
        "if_exists": options.if_exists,
        "max_size": options.max_size,
        "allow_private": options.allow_private,
    }
