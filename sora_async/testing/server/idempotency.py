"""Creates with the same ``Idempotency-Key``, of which only the first makes a task."""

from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from ..profiles.task_state import CreateCall
from .create_reader import CreateError
from .recorded_request import RecordedRequest


@attrs.define(eq=False)
class IdempotencyKeys:
    """
    The keys of one fake, each with its create and the id of its task.

    Creates are compared decoded: the boundary of a form differs each time it is sent.
    """

    _known: dict[str, tuple[CreateCall, str]] = attrs.field(factory=dict)
    _in_use: set[str] = attrs.field(factory=set)

    def clear(self) -> None:
        """Forget all keys."""
        self._known.clear()

    def add(self, record: RecordedRequest, create: CreateCall, task_id: str) -> None:
        """Remember that *create*, which came as *record*, made a task."""
        key = self.read(record)
        if key is not None:
            self._known[key] = (create, task_id)

    def find(self, record: RecordedRequest, create: CreateCall) -> str | None:
        """
        Return the id of the task that an earlier create with the same key made; None: none did.

        Raises:
            CreateError: The earlier create is still being answered, or had another content.
        """
        key = self.read(record)
        if key is None or key not in self._known:
            return None
        known, task_id = self._known[key]
        if create != known:
            raise CreateError(422, "The Idempotency-Key was used for another request.")
        if key in self._in_use:
            raise CreateError(409, "A request with this Idempotency-Key is in progress.")
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
