"""The items of a batch: each checked, with a key that stays the same and a file of its own."""

import hashlib
import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from .._download.part_file import NOTE, PART
from ..errors import InvalidArgumentError
from ..models.repr import shorten

_KEY_LENGTH: Final = 12
_PROMPT_LENGTH: Final = 40
"""Bytes of a prompt in the name of its file."""

_MAX_NAME: Final = 200
"""Bytes of a file's name; file systems take 255, and a part file's name is a little longer."""

_NOT_IN_NAMES: Final = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]')
_WORD: Final = re.compile(r"[^\W_]+")


@attrs.frozen(kw_only=True)
class BatchItem:
    """
    One item that can be created.

    Attributes:
        arguments: The arguments of ``create_task``.
        key: Identifies it in the journal: a digest of the arguments, and a number among equals.
        path: The file for its video.
        has_free_name: Whether no earlier item uses its name, for a video, part file or note.
    """

    arguments: Mapping[str, Any]
    key: str
    path: Path
    has_free_name: bool = True

    def check_name(self) -> None:
        """
        Refuse an item whose files would be those of another item.

        Raises:
            InvalidArgumentError: An earlier item uses its name.
        """
        if not self.has_free_name:
            raise InvalidArgumentError(
                f"name {self.path.name!r}: an earlier item of the batch uses this name, "
                "for its video or its part file"
            )

    def check_path(self) -> None:
        """
        Refuse to create what could not be saved.

        Raises:
            InvalidArgumentError: There is a file already.
        """
        if self.path.exists() or self.path.is_symlink():
            raise InvalidArgumentError(
                f"{self.path} exists and is not of this batch; nothing was created"
            )


class BatchItems:
    """Checks items; equal items in the same folder have the same keys and files in every run."""

    def __init__(self, output_dir: Path) -> None:
        self._output_dir = output_dir
        self._equals: dict[str, int] = {}
        self._taken_names: set[str] = set()

    def add(self, given: object) -> BatchItem:
        """
        Return the item for a prompt, or for the arguments of ``create_task`` and a *name*.

        Raises:
            InvalidArgumentError: It cannot be created; nothing was sent.
        """
        arguments = _check_arguments(given)
        name = arguments.pop("name", None)
        identity = arguments if name is None else {**arguments, "name": name}
        digest = hashlib.sha256(_encode(identity)).hexdigest()[:_KEY_LENGTH]
        number = self._equals[digest] = self._equals.get(digest, 0) + 1
        key = digest if number == 1 else f"{digest}-{number}"
        file_name = _make_name(arguments["prompt"], key) if name is None else _check_name(name)
        return BatchItem(
            arguments=arguments,
            key=key,
            path=self._output_dir / file_name,
            has_free_name=self._take_names(file_name),
        )

    def _take_names(self, file_name: str) -> bool:
        """Take the names of a file, its part file and its note, unless one of them is taken."""
        names = {f"{file_name}{end}".casefold() for end in ("", PART, NOTE)}
        if names & self._taken_names:
            return False
        self._taken_names |= names
        return True


def _check_arguments(given: object) -> dict[str, Any]:
    arguments = {"prompt": given} if isinstance(given, str) else given
    if not isinstance(arguments, Mapping):
        raise InvalidArgumentError(f"item: expected a prompt or a mapping, got {shorten(given)}")
    # The mapping itself is not shown: it may have headers, with a key.
    for name in arguments:
        if not isinstance(name, str):
            raise InvalidArgumentError(f"item: expected names of arguments, got {shorten(name)}")
    prompt = arguments.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidArgumentError(f"item: prompt: expected a text, got {shorten(prompt)}")
    return dict(arguments)


def _encode(arguments: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(arguments, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(
            f"item: the journal can only keep values of JSON: {error}"
        ) from error


def _make_name(prompt: str, key: str) -> str:
    """Return a file name that tells a person what is in the file."""
    words = "-".join(_WORD.findall(prompt.lower()))
    words = words.encode()[:_PROMPT_LENGTH].decode(errors="ignore").strip("-")
    return f"{words}-{key}.mp4".lstrip("-")


def _check_name(name: object) -> str:
    is_plain = isinstance(name, str) and name.strip() and not _NOT_IN_NAMES.search(name)
    is_short = isinstance(name, str) and len(name.encode(errors="replace")) <= _MAX_NAME
    if not isinstance(name, str) or not is_plain or not is_short or name.startswith("."):
        raise InvalidArgumentError(f"name {shorten(name)}: expected a file name, without a folder")
    return name if Path(name).suffix else f"{name}.mp4"


async def read_items(items: Iterable[object] | AsyncIterable[object]) -> AsyncIterator[object]:
    """Yield items from either kind of iterable."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
