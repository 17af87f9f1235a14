"""Finds out, before a batch creates anything, what became of the creates of a killed run."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import attrs

from ..errors import (
    CreateOutcomeUnknownError,
    SoraError,
    UnsupportedOperationError,
)
from ..errors.base import wrap_unexpected
from ..models import VideoTask
from .client_protocol import BatchClient
from .journal import Journal, JournalEntry
from .matching import MatchResult, UncertainCreate, is_newest_first, match_creates

MAX_REPEAT_AGE: Final = 12 * 3600.0
"""Seconds after a create for which it is repeated with its idempotency key. Services forget keys,
many after a day; a create with a forgotten key makes a second task."""


@attrs.frozen(kw_only=True)
class ReconcileResult:
    """
    What was found out.

    Attributes:
        created: The keys of the creates that made a task; the journal has its id now.
        repeatable: The idempotency keys of creates that are sent again with the same one, by
            their keys: the service makes no second task.
        uncertain: The errors of those whose outcome stays unknown, by their keys.
        newest_task: What to record with each new create, of the account's newest task; empty if
            that is not known.
    """

    created: frozenset[str]
    repeatable: Mapping[str, str]
    uncertain: Mapping[str, SoraError]
    newest_task: Mapping[str, str | None]


async def reconcile_creates(
    client: BatchClient, journal: Journal, reconcile_delay: float
) -> ReconcileResult:
    """
    Find out which creates of earlier runs have made a task, and record it.

    *reconcile_delay* is the seconds after a create, after which the service lists its task.
    """
    repeatable = _find_repeatable(client, journal)
    entries = [
        entry
        for entry in journal.entries.values()
        if entry.stage in ("creating", "unidentified") and entry.key not in repeatable
    ]
    uncertain_creates = [_read_create(entry) for entry in entries]
    await asyncio.sleep(_remaining_delay(entries, reconcile_delay))
    cause: SoraError | None = None
    newest_task: dict[str, str | None] = {}
    matches = MatchResult(created={}, not_created=frozenset())
    try:
        listed = [task async for task in _list_since(client, uncertain_creates)]
    except SoraError as error:
        cause = error
    except Exception as bug:  # in reading one task of the list: the batch goes on without it
        cause = wrap_unexpected(bug)
    else:
        claimed = {entry.task_id for entry in journal.entries.values() if entry.task_id}
        matches = match_creates(uncertain_creates, listed, frozenset(claimed))
        if is_newest_first(listed[:2]):
            newest_task = {"newest_task": listed[0].id if listed else None}
    uncertain: dict[str, SoraError] = {}
    for entry in entries:
        if entry.key in matches.created:
            await journal.record(entry.key, "created", task_id=matches.created[entry.key])
        elif entry.key in matches.not_created and entry.stage == "creating":
            await journal.record(entry.key, "refused")
        else:
            uncertain[entry.key] = _make_error(client.base_url, entry, cause)
    return ReconcileResult(
        created=frozenset(matches.created),
        repeatable=repeatable,
        uncertain=uncertain,
        newest_task=newest_task,
    )


def _find_repeatable(client: BatchClient, journal: Journal) -> dict[str, str]:
    """Return the idempotency keys of creates that can be repeated, by the keys of their items."""
    if not client.dialect.deduplicates_creates:
        return {}
    return {
        entry.key: entry.details["idempotency_key"]
        for entry in journal.entries.values()
        if entry.stage == "creating"
        and abs(entry.age) < MAX_REPEAT_AGE  # the clock may have been set back
        and "idempotency_key" in entry.details
    }


def _remaining_delay(entries: Sequence[JournalEntry], reconcile_delay: float) -> float:
    """Return how long the service may still need to list the task of the last of these creates."""
    ages = [entry.age for entry in entries if entry.stage == "creating"]
    if not ages:
        return 0.0
    remaining = reconcile_delay - min(ages)
    return min(max(remaining, 0.0), reconcile_delay)  # the clock may have been set back


async def _list_since(
    client: BatchClient, uncertain_creates: Sequence[UncertainCreate]
) -> AsyncIterator[VideoTask]:
    """
    Yield the newest two tasks, or all that are newer than the oldest of some creates.

    And one more: by it a list that goes from the oldest task on shows that it proves nothing.
    """
    missing = {create.newest_before for create in uncertain_creates}
    async for task in client.list_tasks(limit=None if uncertain_creates else 2):
        is_enough = bool(uncertain_creates) and not missing
        yield task
        if is_enough:
            return
        missing.discard(task.id)


def _read_create(entry: JournalEntry) -> UncertainCreate:
    return UncertainCreate(
        key=entry.key,
        arguments=entry.details.get("arguments", {}),
        newest_before=entry.details.get("newest_task"),
        is_newest_known="newest_task" in entry.details,
    )


def _make_error(
    base_url: str, entry: JournalEntry, cause: SoraError | None
) -> CreateOutcomeUnknownError:
    reason = entry.details.get("reason") or "the run that sent it ended before the response came"
    is_listed = not isinstance(cause, UnsupportedOperationError)
    idempotency_key = entry.details.get("idempotency_key")
    error = CreateOutcomeUnknownError(
        base_url, reason, is_listed=is_listed, idempotency_key=idempotency_key
    )
    error.__cause__ = cause
    return error
