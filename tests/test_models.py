"""The values that users see."""

import pickle
from datetime import UTC, datetime

import attrs
import pytest

from sora_async import ConnectionFailedError, Phase, ProgressEvent, TaskFailure, VideoTask

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


def test_a_task_shows_no_signature_of_a_link() -> None:
    task = VideoTask(id="x", video_url="https://cdn.example/v.mp4?sig=SECRET", raw={"k": "RAW"})

    assert "https://cdn.example/v.mp4?…" in repr(task)
    assert "SECRET" not in repr(task) and "RAW" not in repr(task)
    assert "video_url=None" in repr(RUNNING)


def test_a_task_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        RUNNING.progress = 1.0  # type: ignore[misc]


def test_a_task_survives_pickle_with_its_detail() -> None:
    task = VideoTask(id="x", raw={"detail": {"status": "pending"}})
    assert task.detail.status == "pending"

    twin = pickle.loads(pickle.dumps(task))

    assert twin == task and twin.raw == task.raw and twin.detail == task.detail


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
                task=RUNNING,
                progress=1.0,
                elapsed=1.0,
                polls=2,
                fault=ConnectionFailedError("u", "refused"),
            ),
            "sora-2:task_1  running   100%  1.0 s  poll 2  degraded: no reply from u: refused. "
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
    assert event.is_degraded == (event.fault is not None)


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
