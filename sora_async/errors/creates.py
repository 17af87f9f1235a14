"""Errors of creates: one whose outcome is unknown, and the journal of a batch."""

import attrs

from .base import SoraError


@attrs.define(slots=False, repr=False)
class CreateOutcomeUnknownError(SoraError):
    """
    A create was sent, and no clear response came: there may be a task, and it may be charged.

    The request was not sent a second time. Check for the task before you create it again.

    Attributes:
        url: Where the create was sent.
        reason: What happened instead, in words; the error's cause is the error itself.
        status: The HTTP status of the response; None without a response.
        request_id: The service's id of the request, for its support; None when it sent none.
        is_whole: Whether the whole request was sent. A service probably does not
            create a task from a part of it.
        is_listed: Whether this server has a list of tasks to check.
        body: The beginning of the response, without secrets: look for an id in it. None when there
            was no response, or one that was read.
        idempotency_key: What the create was sent with as ``Idempotency-Key``. Where the service
            deduplicates, the same create with the same key makes no second task.
    """

    url: str
    reason: str
    status: int | None = None
    request_id: str | None = None
    is_whole: bool = True
    is_listed: bool = False
    body: str | None = None
    idempotency_key: str | None = None

    def __str__(self) -> str:
        made = "may have created a task and charge for it"
        if not self.is_whole:
            made = "probably did not create a task: the request was not sent completely"
        check = "list_tasks() shows the newest tasks: check" if self.is_listed else "check there"
        shown = "" if self.body is None else f". Look for its id in the response: {self.body}"
        is_known = self.request_id is not None and self.request_id not in self.reason
        known = f" (request id: {self.request_id})" if is_known else ""
        return (
            f"the outcome of the create at {self.url} is unknown{known}: "
            f"{self.reason.rstrip('.。')}. The service {made}; {check} before you create it again"
            f"{shown}"
        )


@attrs.define(slots=False, repr=False)
class JournalError(SoraError):
    """
    The journal of a batch cannot be used; no created task is lost, and no new one was created.

    Attributes:
        path: The journal's file.
        reason: What is wrong with it, and how to fix it.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return f"the journal {self.path} {self.reason}"
