"""What the service's list proves about creates of unknown outcome."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sora_async import VideoTask
from sora_async._batch.matching import MatchResult, UncertainCreate, match_creates

START = datetime(2026, 1, 14, 8, tzinfo=UTC)
PROMPT = "a paper boat in the rain"


def task(number: int, prompt: str | None = PROMPT, **fields: Any) -> VideoTask:
    """Return a task that was made so many minutes after the start."""
    made = START + timedelta(minutes=number)
    return VideoTask(id=f"video_{number}", prompt=prompt, created_at=made, **fields)


def uncertain(
    key: str = "a",
    newest_before: str | None = "video_1",
    *,
    is_newest_known: bool = True,
    **arguments: Any,
) -> UncertainCreate:
    return UncertainCreate(
        key=key,
        arguments={"prompt": PROMPT, **arguments},
        newest_before=newest_before,
        is_newest_known=is_newest_known,
    )


def match_one(*listed: VideoTask, claimed: tuple[str, ...] = (), **about: Any) -> MatchResult:
    return match_creates([uncertain(**about)], listed, frozenset(claimed))


OLD = task(1, "an older one")


def test_a_task_that_is_newer_and_the_same_is_the_creates() -> None:
    matches = match_one(task(3, "another"), task(2), OLD)

    assert matches == MatchResult(created={"a": "video_2"}, not_created=frozenset())


def test_white_space_makes_no_other_prompt() -> None:
    matches = match_one(task(2), OLD, prompt=f" {PROMPT.replace(' ', '  ')}\n")

    assert matches.created == {"a": "video_2"}


def test_a_create_that_nothing_is_like_was_not_made() -> None:
    assert match_one(task(2, "another"), OLD).not_created == {"a"}
    assert match_one(OLD).not_created == {"a"}
    assert match_one(newest_before=None).not_created == {"a"}


def test_tasks_of_other_creates_and_older_ones_are_not_taken() -> None:
    older = task(0)

    assert match_one(task(2), OLD, older, claimed=("video_2",)).not_created == {"a"}


NOTHING = MatchResult(created={}, not_created=frozenset())


@pytest.mark.parametrize(
    "listed",
    [
        (task(3, "another"), task(2, "another")),
        (OLD, task(2, "another"), task(3, "another")),
        tuple(task(number, "another") for number in range(30, 9, -1)),
    ],
    ids=["cut off", "oldest first", "another page"],
)
def test_a_list_that_does_not_go_back_far_enough_proves_nothing(
    listed: tuple[VideoTask, ...],
) -> None:
    assert (
        match_creates([uncertain()], listed[:-1] if listed[0] is OLD else listed, frozenset())
        == NOTHING
    )
    assert (
        match_creates([uncertain(newest_before=None)], [*listed, *listed], frozenset()) == NOTHING
    )


def test_without_moments_a_list_proves_nothing() -> None:
    assert match_one(VideoTask(id="video_9", prompt="another"), OLD) == NOTHING


@pytest.mark.parametrize(
    ("found", "sent"),
    [
        ({"prompt": None}, {}),
        ({"prompt": PROMPT[:22]}, {}),
        ({"prompt": f"{PROMPT}, cinematic, 4k"}, {"prompt": f"{PROMPT}, cinematic, 4k, slow"}),
        ({"model": "sora-2-2025-10-06"}, {"model": "sora-2"}),
        ({"size": "720x1280"}, {"size": "1280x720"}),
        ({"seconds": 8.0}, {"seconds": 4}),
    ],
    ids=str,
)
def test_a_task_that_is_nearly_the_same_stays_uncertain(
    found: Mapping[str, Any], sent: Mapping[str, Any]
) -> None:
    made = task(2, **{"prompt": PROMPT, **found})

    assert match_one(made, OLD, **sent) == NOTHING


def test_what_may_be_of_two_creates_is_of_neither() -> None:
    uncertain_creates = [uncertain("a", seconds=4), uncertain("b", seconds=8)]

    assert match_creates(uncertain_creates, [task(2), OLD], frozenset()) == NOTHING
    assert match_creates(uncertain_creates, [task(2, seconds=8.0), OLD], frozenset()).created == {
        "b": "video_2"
    }


def test_like_creates_share_out_what_was_made_of_them() -> None:
    uncertain_creates = [uncertain("a"), uncertain("b"), uncertain("c")]

    matches = match_creates(uncertain_creates, [task(3), task(2), OLD], frozenset())

    assert matches == MatchResult(
        created={"a": "video_2", "b": "video_3"}, not_created=frozenset("c")
    )


def test_a_create_of_unknown_age_stays_uncertain() -> None:
    assert match_one(task(2), OLD, newest_before=None, is_newest_known=False) == NOTHING
    assert match_one(OLD, seconds="auto", newest_before=None, is_newest_known=False) == NOTHING
