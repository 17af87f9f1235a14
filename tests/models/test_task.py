"""The values that users see."""

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from support import RESPONSES

from sora_async import ConnectionFailedError, Phase, ProgressEvent, TaskFailure, VideoTask
from sora_async._wire.response import Response, decode_response

RUNNING = VideoTask(id="sora-2:task_1", status="in_progress", phase=Phase.RUNNING, progress=0.42)


def test_a_task_is_complete_when_it_has_a_url() -> None:
    assert VideoTask(id="x", video_url="https://cdn.example/v.mp4").is_complete
    assert not VideoTask(
        id="x", phase=Phase.SUCCEEDED, content_url="https://a.example/c"
    ).is_complete


def test_snapshots_that_differ_only_in_the_time_of_change_are_equal() -> None:
    touched = attrs.evolve(RUNNING, updated_at=datetime.now(UTC), raw={"a": 1})

    assert touched == RUNNING
    assert hash(touched) == hash(RUNNING)


def test_a_task_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        RUNNING.progress = 1.0  # type: ignore[misc]


def test_a_task_survives_pickle_with_its_detail() -> None:
    task = VideoTask(id="x", raw={"detail": {"status": "pending"}})
    assert task.detail.status == "pending"

    twin = pickle.loads(pickle.dumps(task))

    assert twin == task and twin.raw == task.raw and twin.detail == task.detail


def test_an_answer_is_read_from_its_bytes_once_and_as_json_reads_it() -> None:
    task = VideoTask(id="x", raw=b'{"id": 123456789012345678901, "n": [NaN, "\\ud800"]}')

    assert task.raw["id"] == 123456789012345678901
    assert str(task.raw["n"]) == r"[nan, '\ud800']"
    assert task.raw is task.raw


def test_an_answer_given_as_a_mapping_is_kept() -> None:
    answer = {"id": "x"}

    assert VideoTask(id="x", raw=answer).raw is answer
    assert VideoTask(id="x").raw == {}


TWINS: dict[str, Callable[[VideoTask], VideoTask]] = {
    "pickle": lambda task: pickle.loads(pickle.dumps(task)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "evolve": lambda task: attrs.evolve(task, progress=0.42),
}


@pytest.mark.parametrize("make", TWINS.values(), ids=TWINS)
@pytest.mark.parametrize("raw", [b'{"detail": {"status": "a"}}', {"detail": {"status": "a"}}])
@pytest.mark.parametrize("is_read", [False, True])
def test_a_twin_has_the_whole_answer_too(
    make: Callable[[VideoTask], VideoTask], raw: Any, is_read: bool
) -> None:
    task = attrs.evolve(RUNNING, raw=raw)
    if is_read:
        assert task.raw and task.detail.status == "a"

    twin = make(task)

    assert (twin, hash(twin), repr(twin)) == (task, hash(task), repr(task))
    assert twin.raw == task.raw == {"detail": {"status": "a"}}
    assert twin.detail == task.detail


@pytest.mark.parametrize("make", TWINS.values(), ids=TWINS)
def test_nothing_but_the_question_for_it_reads_an_answer(
    make: Callable[[VideoTask], VideoTask],
) -> None:
    task = attrs.evolve(RUNNING, raw=b"no JSON: to read it is an error")

    twin = make(task)

    assert (twin, hash(twin), repr(twin)) == (task, hash(task), repr(task))
    with pytest.raises(ValueError):
        _ = twin.raw


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            ProgressEvent(task=RUNNING, progress=0.42, elapsed=12.34, polls=5),
            "sora-2:task_1  running    42%  12.3 s  poll 5",
        ),
        (
            ProgressEvent(task=VideoTask(id="x"), progress=None, elapsed=0.0, polls=1),
            "x  queued      ?  0.0 s  poll 1",
        ),
        (
            ProgressEvent(
                task=attrs.evolve(RUNNING, raw={"id": "x"}),
                progress=1.0,
                elapsed=1.0,
                polls=2,
                last_error=ConnectionFailedError("u", "refused"),
            ),
            "sora-2:task_1  running   100%  1.0 s  poll 2  degraded: no response from u: refused. "
            "Check base_url (SORA_BASE_URL) and the network",
        ),
        (
            ProgressEvent(
                task=VideoTask(id="x"),
                progress=None,
                elapsed=1.0,
                polls=2,
                last_error=ConnectionFailedError("u", "refused"),
            ),
            "x  ?           ?  1.0 s  poll 2  degraded: no response from u: refused. "
            "Check base_url (SORA_BASE_URL) and the network",
        ),
        (
            ProgressEvent(task=RUNNING, progress=0.0, elapsed=1.0, polls=2, recovered_after=7.25),
            "sora-2:task_1  running     0%  1.0 s  poll 2  recovered after 7.2 s",
        ),
    ],
)
def test_an_event_prints_as_one_line(event: ProgressEvent, line: str) -> None:
    assert str(event) == line
    assert event.is_degraded == (event.last_error is not None)


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (TaskFailure("a", "b"), "a: b"),
        (TaskFailure("a"), "a"),
        (TaskFailure(None, "b"), "b"),
        (TaskFailure(), "no reason given"),
    ],
)
def test_a_failure_prints_what_is_known(failure: TaskFailure, text: str) -> None:
    assert str(failure) == text


def test_snapshots_of_the_same_body_are_equal() -> None:
    body = (RESPONSES / "001_page_pending_verbatim.json").read_bytes()
    response = Response(
        url="http://h/v1/videos/x", status=200, headers={}, body=body, received=datetime.now(UTC)
    )
    one, other, moved = (decode_response(response, task_id="x") for _ in range(3))

    again = pickle.loads(pickle.dumps(other))
    moved = attrs.evolve(moved, progress=0.5)

    assert again == one and hash(again) == hash(one) and repr(again) == repr(one)
    assert (moved.size, moved.created_at) == (one.size, one.created_at) != (None, None)
    with pytest.raises(AttributeError, match="no attribute 'modell'"):
        one.modell  # type: ignore[attr-defined]  # noqa: B018
