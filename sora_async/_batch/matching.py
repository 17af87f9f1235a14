"""What became of orders whose run was killed, going by the service's list: pure decisions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from ..models import VideoTask

SMALLEST_PAGE: Final = 20
"""Tasks after which a list may be cut off without a word: the default of several servers."""

TELLING: Final = 20
"""Characters of a prompt from which on a list that shows a part of it tells which prompt it is."""


@attrs.frozen(kw_only=True)
class UncertainCreate:
    """
    An order that was sent, or was about to be.

    Attributes:
        key: What the journal knows it by.
        order: What was ordered.
        newest: The id of the account's newest task before that; None for an account
            without any.
        is_dated: Whether *newest* is known at all.
    """

    key: str
    order: Mapping[str, Any]
    newest: str | None
    is_dated: bool


@attrs.frozen(kw_only=True)
class MatchResult:
    """
    What became of some orders; those in neither remain in doubt.

    Attributes:
        made: The ids of their tasks, by their keys.
        unmade: The keys of those that have surely made none.
    """

    made: Mapping[str, str]
    unmade: frozenset[str]


def is_newest_first(listed: Sequence[VideoTask]) -> bool:
    """Return whether a list goes from the newest task on, as far as its tasks tell."""
    times = [task.created_at for task in listed]
    known = [one for one in times if one is not None]
    return len(known) == len(times) and known == sorted(known, reverse=True)


def match_creates(
    uncertain_creates: Sequence[UncertainCreate],
    listed: Sequence[VideoTask],
    claimed: frozenset[str],
) -> MatchResult:
    """
    Return what became of orders, by all that a list of the account's tasks proves.

    An order that has made no task would be sent again, and paid for twice if that is
    wrong: so it takes proof. The list must go back, from the newest on, to what was
    there before the order, and no task in it may be like what was ordered.

    Args:
        uncertain_creates: The orders.
        listed: The tasks of the account, the newest first.
        claimed: The ids of tasks that other orders are known to have made.
    """
    made: dict[str, str] = {}
    unmade = set()
    ids = [task.id for task in listed]
    is_sorted = is_newest_first(listed)
    for uncertain in uncertain_creates:
        at = ids.index(uncertain.newest) if uncertain.newest in ids else None
        newer = listed if at is None else listed[:at]
        left = [task for task in newer if task.id not in {*claimed, *made.values()}]
        alike = [task for task in left if _is_like(task, uncertain.order)]
        mine = [task for task in alike if _is_of(task, uncertain.order)]
        others = [
            one.order
            for one in uncertain_creates
            if one.key not in made and one.order != uncertain.order
        ]
        own = [task for task in mine if not any(_is_of(task, order) for order in others)]
        is_whole = at is not None or (uncertain.newest is None and len(listed) < SMALLEST_PAGE)
        if own and uncertain.is_dated and (at is not None or uncertain.newest is None):
            made[uncertain.key] = own[-1].id
        elif not alike and uncertain.is_dated and is_sorted and is_whole:
            unmade.add(uncertain.key)
    return MatchResult(made=made, unmade=frozenset(unmade))


def _words(text: object) -> str:
    return " ".join(str(text).split())


def _is_like(task: VideoTask, order: Mapping[str, Any]) -> bool:
    """Return whether a task cannot be ruled out, by its prompt: servers cut, trim and revise it."""
    if task.prompt is None:
        return True
    one, other = _words(task.prompt), _words(order.get("prompt"))
    return one == other or (len(one) >= TELLING and (other.startswith(one) or one in other))


def _is_of(task: VideoTask, order: Mapping[str, Any]) -> bool:
    """Return whether a task is what was ordered, by all that both of them tell."""
    if task.prompt is None or _words(task.prompt) != _words(order.get("prompt")):
        return False
    pairs = (
        (task.model, order.get("model")),
        (task.size, order.get("size")),
        (task.seconds, _number(order.get("seconds"))),
    )
    return all(one == other for one, other in pairs if one is not None and other is not None)


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
