"""Errors of what is paid for: an order of unknown fate, and the journal that remembers orders."""

import attrs

from .base import SoraError


@attrs.define(slots=False, repr=False)
class CreateOutcomeUnknownError(SoraError):
    """
    An order was sent, and no clear answer came: there may be a task, and it may be charged.

    Nothing has been sent a second time, and nothing should be before you have looked.

    Attributes:
        url: Where the order was sent.
        reason: What came instead of an answer, in words; the error's cause says it as a value.
        status: The HTTP status of the reply; None when there was none.
        request_id: What the service's support will ask for, when it was sent.
        is_whole: Whether the whole order had left. A service can hardly have made
            a task of a part of it.
        is_listed: Whether this server has a list of tasks to look in.
    """

    url: str
    reason: str
    status: int | None = None
    request_id: str | None = None
    is_whole: bool = True
    is_listed: bool = False

    def __str__(self) -> str:
        """Return what happened, how likely there is a task, and how to look for it."""
        made = "may have made a task and charge for it"
        if not self.is_whole:
            made = "has hardly made a task, as a part of the order was still to be sent"
        look = "list_tasks() shows the newest tasks: look" if self.is_listed else "look there"
        known = "" if self.request_id is None else f" (request id: {self.request_id})"
        return (
            f"what came of the order to {self.url} is not known{known}: "
            f"{self.reason.rstrip('.。')}. The service {made}; {look} before you create it again"
        )


@attrs.define(slots=False, repr=False)
class JournalError(SoraError):
    """
    The journal of a batch cannot be used; nothing that was ordered is lost, and nothing was new.

    Attributes:
        path: Where it is.
        reason: What is wrong with it, and what to do about that.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        """Return which journal it is and what is wrong with it."""
        return f"the journal {self.path} {self.reason}"
