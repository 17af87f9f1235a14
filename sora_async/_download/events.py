"""What a download reports."""

import attrs

from ..errors import SoraError
from ..models.repr import brief


@attrs.frozen(kw_only=True)
class DownloadEvent:
    """
    One news of a download.

    Attributes:
        task_id: Whose video it is.
        received: Bytes of the file that are here. It goes back when the file has to be fetched
            from its beginning again.
        total: Bytes of the whole file; None while nobody has told.
        elapsed: Seconds since the download began.
        fault: Why the download is held up; None while bytes come.
    """

    __repr__ = brief

    task_id: str
    received: int
    total: int | None
    elapsed: float
    fault: SoraError | None = None

    def __str__(self) -> str:
        """Return the event as one line for a log or a terminal."""
        done = f"{self.received / self.total:4.0%}" if self.total else "  ?"
        line = f"{self.task_id}  {done}  {self.received} bytes  {self.elapsed:.1f} s"
        if self.fault is None:
            return line
        # What some errors advise is for those who get the error itself.
        return f"{line}  held up: {getattr(self.fault, 'reason', self.fault)}"
