"""Which creates of a killed run have made a task, by the service's list: pure decisions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from ..models import VideoTask
from ..models.json_fields import read_number

MIN_PAGE: Final = 20
"""Tasks from which on a list may have been cut off silently: the default of several servers."""

MIN_EXCERPT: Final = 20
"""Characters from which on a part of a prompt in a list identifies the prompt."""


@attrs.frozen(kw_only=True)
class UncertainCreate:
    """
    A create of which it is not known whether it made a task.

    Attributes:
        key: Identifies it in the journal.
        arguments: The arguments of the create.
        newest_before: The id of the account's newest task before the create; None for an account
            without any.
        is_newest_known: Whether *newest_before* is known at all.
    """

    key: str
    arguments: Mapping[str, Any]
    newest_before: str | None
    is_newest_known: bool


@attrs.frozen(kw_only=True)
class MatchResult:
    """
    What the list proves about some creates; those in neither stay uncertain.

    Attributes:
        created: The ids of the tasks that were made, by the keys of their creates.
        not_created: The keys of the creates that made no task.
    """

    created: Mapping[str, str]
    not_created: frozenset[str]


def is_newest_first(listed: Sequence[VideoTask]) -> bool:
    """Return whether a list goes from the newest task on, as far as its tasks tell."""
    times = [task.created_at for task in listed if task.created_at is not None]
    return len(times) == len(listed) and times == sorted(times, reverse=True)


def match_creates(
    uncertain_creates: Sequence[UncertainCreate],
    listed: Sequence[VideoTask],
    claimed: frozenset[str],
) -> MatchResult:
    """
    Return what a list of the account's tasks proves about creates of unknown outcome.

    A create that made no task is sent again, and paid for twice if that is wrong. So it takes
    proof: the list must go back, from the newest task on, to what was there before the create,
    and no task in between may resemble the create.

    Args:
        uncertain_creates: The creates.
        listed: The tasks of the account, the newest first.
        claimed: The ids of tasks that other creates are known to have made.
    """
    created: dict[str, str] = {}
    not_created: set[str] = set()
    is_sorted = is_newest_first(listed)
    for create in uncertain_creates:
        if not create.is_newest_known:
            continue
        newer, reaches_back = _list_newer(create, listed)
        taken = claimed.union(created.values())
        free = [task for task in newer if task.id not in taken]
        similar = [task for task in free if _is_similar(task, create.arguments)]
        rivals = [
            other.arguments
            for other in uncertain_creates
            if other.key not in created and other.arguments != create.arguments
        ]
        own = [task for task in similar if _is_of_one(task, create.arguments, rivals)]
        if own and (reaches_back or create.newest_before is None):
            created[create.key] = own[-1].id
        elif not similar and is_sorted and reaches_back:
            not_created.add(create.key)
    return MatchResult(created=created, not_created=frozenset(not_created))


def _list_newer(
    create: UncertainCreate, listed: Sequence[VideoTask]
) -> tuple[Sequence[VideoTask], bool]:
    """Return the tasks made after a create was sent, and whether the list has all of them."""
    ids = [task.id for task in listed]
    if create.newest_before in ids:
        return listed[: ids.index(create.newest_before)], True
    return listed, create.newest_before is None and len(listed) < MIN_PAGE


def _is_of_one(
    task: VideoTask, arguments: Mapping[str, Any], rivals: Iterable[Mapping[str, Any]]
) -> bool:
    """Return whether a task is of these arguments, and cannot be of any others."""
    return _is_of(task, arguments) and not any(_is_of(task, rival) for rival in rivals)


def _is_similar(task: VideoTask, arguments: Mapping[str, Any]) -> bool:
    """Return whether a task may be of these arguments: servers cut, trim and revise prompts."""
    if task.prompt is None:
        return True
    shown, sent = _normalize(task.prompt), _normalize(arguments.get("prompt"))
    return shown == sent or (
        len(shown) >= MIN_EXCERPT and (sent.startswith(shown) or shown in sent)
    )


def _is_of(task: VideoTask, arguments: Mapping[str, Any]) -> bool:
    """Return whether a task is of these arguments, by all that both of them tell."""
    if task.prompt is None or _normalize(task.prompt) != _normalize(arguments.get("prompt")):
        return False
    pairs = (
        (task.model, arguments.get("model")),
        (task.size, arguments.get("size")),
        (task.seconds, read_number(arguments.get("seconds"))),
    )
    return all(shown == sent for shown, sent in pairs if shown is not None and sent is not None)


def _normalize(text: object) -> str:
    return " ".join(str(text).split())
