"""The orders of a batch: each checked, with a key that stays the same and a file of its own."""

import hashlib
import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from ..errors import InvalidArgumentError

_KEY_LENGTH: Final = 12
_NAME_LENGTH: Final = 40
_LONGEST_NAME: Final = 200
"""Bytes of a file's name; file systems take 255, and a part file's is a little longer."""

_NO_NAME: Final = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]')
_WORD: Final = re.compile(r"[^\W_]+")


@attrs.frozen(kw_only=True)
class BatchItem:
    """
    One order that can be sent.

    Attributes:
        order: The arguments of ``create_task``.
        key: What the journal knows it by: a digest of the order, and which of its like it is.
        path: The file for its video.
    """

    order: Mapping[str, Any]
    key: str
    path: Path

    def check_path(self) -> None:
        """
        Refuse to order what could not be saved.

        Raises:
            InvalidArgumentError: There is a file already.
        """
        if self.path.exists() or self.path.is_symlink():
            raise InvalidArgumentError(
                f"{self.path}: is there already, and is not of this batch; nothing was ordered"
            )


class BatchItems:
    """Makes jobs of orders; the same orders in the same folder are the same jobs in every run."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._times: dict[str, int] = {}
        self._names: set[str] = set()

    def take(self, given: object) -> BatchItem:
        """
        Return the job of an order: a prompt, or the arguments of ``create_task`` and a *name*.

        Raises:
            InvalidArgumentError: It cannot be ordered; nothing was sent.
        """
        order = _check_order(given)
        name = order.pop("name", None)
        known = order if name is None else {**order, "name": name}
        digest = hashlib.sha256(_dump(known)).hexdigest()[:_KEY_LENGTH]
        number = self._times[digest] = self._times.get(digest, 0) + 1
        key = digest if number == 1 else f"{digest}-{number}"
        name = _name_of(order["prompt"], key) if name is None else _check_name(name)
        if name.lower() in self._names:
            raise InvalidArgumentError(f"name {name!r}: an earlier order of the batch has it")
        self._names.add(name.lower())
        return BatchItem(order=order, key=key, path=self._out / name)


def _check_order(given: object) -> dict[str, Any]:
    order = {"prompt": given} if isinstance(given, str) else given
    if not isinstance(order, Mapping) or not all(isinstance(key, str) for key in order):
        raise InvalidArgumentError(f"order: expected a prompt or a mapping, got {given!r:.200}")
    prompt = order.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidArgumentError(f"order: its prompt is missing or no text: {given!r:.200}")
    return dict(order)


def _dump(order: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(order, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"order: the journal can only keep what JSON can hold: {error}"
        ) from error


def _name_of(prompt: str, key: str) -> str:
    """Return a file's name that tells a person what is in it."""
    words = "-".join(_WORD.findall(prompt.lower())).encode()[:_NAME_LENGTH].decode(errors="ignore")
    return f"{words.strip('-')}-{key}.mp4".lstrip("-")


def _check_name(name: object) -> str:
    is_plain = isinstance(name, str) and name.strip() and not _NO_NAME.search(name)
    is_short = isinstance(name, str) and len(name.encode(errors="replace")) <= _LONGEST_NAME
    if not isinstance(name, str) or not is_plain or not is_short or name.startswith("."):
        raise InvalidArgumentError(f"name {name!r}: expected a file's name, without a folder")
    return name if Path(name).suffix else f"{name}.mp4"


async def read_items(
    orders: Iterable[object] | AsyncIterable[object],
) -> AsyncIterator[object]:
    """Yield orders from either kind of source."""
    if isinstance(orders, AsyncIterable):
        async for order in orders:
            yield order
        return
    for order in orders:
        yield order
