"""What a download reports."""

import attrs

from ..errors import SoraError
from ..models.repr import brief


@attrs.frozen(kw_only=True)
class DownloadEvent:
    """
    An update of a download.

    Attributes:
        task_id: The task whose video it is.
        received: Bytes of the file received so far. It goes back when the file has to be
            fetched from its beginning again.
        total: Bytes of the whole file; None while unknown.
        elapsed: Seconds since the download began.
        last_error: Why no bytes arrive at present; None while they do.
    """

    __repr__ = brief

    task_id: str
    received: int
    total: int | None
    elapsed: float
    last_error: SoraError | None = None

    def __str__(self) -> str:
        """Return the event as one line for a log or a terminal."""
        done = f"{self.received / self.total:4.0%}" if self.total else "  ?"
        line = f"{self.task_id}  {done}  {self.received} bytes  {self.elapsed:.1f} s"
        if self.last_error is None:
            return line
        # The advice of some errors is for those who get the error itself.
        return f"{line}  retrying: {getattr(self.last_error, 'reason', self.last_error)}"
