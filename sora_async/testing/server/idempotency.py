"""Creates with the same ``Idempotency-Key``, of which only the first makes a task."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from ..profiles.task_state import UploadedFile
from .recorded_request import RecordedRequest

Content = tuple[Mapping[str, Any], Mapping[str, UploadedFile]]


@attrs.define(eq=False)
class IdempotencyKeys:
    """
    The keys of one fake, each with the content of its create and the id of its task.

    Contents are compared decoded: the boundary of a form differs each time it is sent.
    """

    _known: dict[str, tuple[Content, str]] = attrs.field(factory=dict)
    _in_use: set[str] = attrs.field(factory=set)

    def clear(self) -> None:
        """Forget all keys."""
        self._known.clear()

    def add(self, record: RecordedRequest, task_id: str) -> None:
        """Remember that the create *record* made a task."""
        key = self.read(record)
        if key is not None:
            self._known[key] = ((record.fields, record.files), task_id)

    def find(self, record: RecordedRequest) -> str | None:
        """
        Return the id of the task that an earlier create with the same key made.

        Raises:
            KeyInUseError: The earlier create is still being answered.
            OtherContentError: The earlier create had another content.
        """
        key = self.read(record)
        if key is None or key not in self._known:
            return None
        content, task_id = self._known[key]
        if content != (record.fields, record.files):
            raise OtherContentError
        if key in self._in_use:
            raise KeyInUseError
        return task_id

    @contextmanager
    def using(self, record: RecordedRequest) -> Iterator[None]:
        """Mark the key of *record* as in use while its response is sent."""
        key = self.read(record)
        if key is None or key in self._in_use:
            yield
            return
        self._in_use.add(key)
        try:
            yield
        finally:
            self._in_use.discard(key)

    @staticmethod
    def read(record: RecordedRequest) -> str | None:
        """Return the key of a request, None without one."""
        return record.headers.get("Idempotency-Key") or None


class KeyInUseError(Exception):
    """The create with this key is still being answered: 409."""


class OtherContentError(Exception):
    """The key was used for a create with another content: 422."""
