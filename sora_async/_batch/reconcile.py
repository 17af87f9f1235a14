"""What a killed run has left open, found out on the service before anything new is ordered."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Final, Protocol

import attrs

from ..errors import CreateOutcomeUnknownError, SoraError, UnsupportedOperationError
from ..models import VideoTask
from .journal import Journal, JournalEntry
from .matching import MatchResult, UncertainCreate, is_newest_first, match_creates

NO_FATES: Final = MatchResult(made={}, unmade=frozenset())


class TaskLister(Protocol):
    """What is needed of a client to find out."""

    @property
    def base_url(self) -> str:
        """The service's address."""

    def list_tasks(self, *, limit: int | None = None) -> AsyncGenerator[VideoTask]:
        """List the tasks of the account, the newest first."""


@attrs.frozen(kw_only=True)
class ReconcileResult:
    """
    What was found out.

    Attributes:
        made: The keys of orders that have made a task; the journal knows its id now.
        left: The errors of those that nobody can tell about, by their keys.
        newest: What is to be noted with a new order of the account's newest task; empty if that
            is not known.
    """

    made: frozenset[str]
    left: Mapping[str, SoraError]
    newest: Mapping[str, str | None]


async def reconcile_creates(
    lister: TaskLister, journal: Journal, reconcile_delay: float
) -> ReconcileResult:
    """
    Find out what became of orders that a killed run may have sent, and note it.

    Args:
        lister: The client.
        journal: What earlier runs have done.
        reconcile_delay: Seconds after which the service lists a task for an order that was sent before.
    """
    uncertain_creates = [_doubt(one) for one in journal.entries.values() if one.stage == "creating"]
    if uncertain_creates:
        await asyncio.sleep(reconcile_delay)
    cause: SoraError | None = None
    listed: list[VideoTask] = []
    newest: dict[str, str | None] = {}
    try:
        listed = [task async for task in _list_since(lister, uncertain_creates)]
    except SoraError as error:
        cause = error
    else:
        if is_newest_first(listed[:2]):
            newest = {"newest": listed[0].id if listed else None}
    claimed = frozenset(one.task_id for one in journal.entries.values() if one.task_id)
    matches = match_creates(uncertain_creates, listed, claimed) if cause is None else NO_FATES
    left: dict[str, SoraError] = {}
    for uncertain in uncertain_creates:
        if uncertain.key in matches.made:
            await journal.note(uncertain.key, "created", task_id=matches.made[uncertain.key])
        elif uncertain.key in matches.unmade:
            await journal.note(uncertain.key, "refused")
        else:
            left[uncertain.key] = _uncertain(lister.base_url, cause)
    return ReconcileResult(made=frozenset(matches.made), left=left, newest=newest)


async def _list_since(
    lister: TaskLister, uncertain_creates: list[UncertainCreate]
) -> AsyncIterator[VideoTask]:
    """
    Yield the newest two tasks, or all that are newer than the oldest of some orders.

    And one more: a list that goes from the oldest on shows by it that it proves nothing.
    """
    unseen = {uncertain.newest for uncertain in uncertain_creates}
    async for task in lister.list_tasks(limit=None if uncertain_creates else 2):
        is_enough = bool(uncertain_creates) and not unseen
        yield task
        if is_enough:
            return
        unseen.discard(task.id)


def _doubt(entry: JournalEntry) -> UncertainCreate:
    facts = entry.facts
    return UncertainCreate(
        key=entry.key,
        order=facts.get("order", {}),
        newest=facts.get("newest"),
        is_dated="newest" in facts,
    )


def _uncertain(base_url: str, cause: SoraError | None) -> CreateOutcomeUnknownError:
    reason = "the run that sent it has ended before the answer came"
    error = CreateOutcomeUnknownError(
        base_url, reason, is_listed=not isinstance(cause, UnsupportedOperationError)
    )
    error.__cause__ = cause
    return error
