"""Snapshots as plain data that JSON carries, and back."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import RESPONSES

from sora_async import Cost, Phase, SoraError, TaskFailure, VideoTask
from sora_async._wire.response import Response, decode_response

HERE = Path(__file__).parent
REPLIES = sorted(RESPONSES.glob("*.json"))
PINNED = HERE / "task.json"
NOW = datetime(2025, 10, 1, 12, 30, 15, 250_000, tzinfo=UTC)
LEAST = {"id": "video_1", "phase": "queued"}

FULL = VideoTask(
    id="sora-2:task_1",
    status="failed",
    phase=Phase.FAILED,
    progress=0.42,
    video_url="https://cdn.example/v.mp4?sig=1",
    content_url="https://api.example/v1/videos/sora-2:task_1/content",
    failure=TaskFailure("moderation_blocked", "Nein, 不行."),
    model="sora-2",
    prompt="a boat",
    enhanced_prompt="a boat at dawn",
    size="1280x720",
    seconds=10.0,
    created_at=NOW,
    completed_at=NOW + timedelta(minutes=4),
    expires_at=NOW + timedelta(days=1),
    updated_at=NOW + timedelta(minutes=5),
    queue_position=3,
    estimated_time=90.0,
    cost=Cost(0.5, "USD"),
    usage={"cost": 0.5, "tokens": [1]},
    poll_after=2.5,
    raw={"status": "failed", "detail": {"pending_info": {"progress_pct": 0.42, "new": [1]}}},
)
"""A snapshot in which no field is left out."""


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data, allow_nan=False))


def values(task: VideoTask) -> dict[str, Any]:
    """Return all there is in a snapshot: equality leaves some of it out."""
    known = {field.alias: getattr(task, field.name) for field in attrs.fields(VideoTask)}
    return {**known, "raw": task.raw, "detail": task.detail}


def test_the_format_is_the_pinned_one() -> None:
    """What lies in files and databases must go on being read: keys may be added, none changed."""
    pinned = json.loads(PINNED.read_text("utf-8"))

    assert FULL.to_dict() == pinned
    assert list(FULL.to_dict()) == list(pinned)
    assert values(VideoTask.from_dict(pinned)) == values(FULL)


def test_no_field_is_forgotten() -> None:
    assert set(FULL.to_dict()) == {field.alias for field in attrs.fields(VideoTask)}
    assert None not in values(FULL).values()


@pytest.mark.parametrize("path", REPLIES, ids=lambda path: path.stem)
def test_no_snapshot_loses_anything_on_its_way(path: Path) -> None:
    reply = Response(url="u", status=200, headers={}, body=path.read_bytes(), received=NOW)
    try:
        task = decode_response(reply, task_id="video")
    except SoraError:
        return  # no snapshot

    assert values(VideoTask.from_dict(through_json(task.to_dict()))) == values(task)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


numbers = st.floats(allow_nan=False, allow_infinity=False)
moments = st.datetimes(
    min_value=datetime(1900, 1, 1),
    max_value=datetime(2999, 1, 1),
    timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=30))),
)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
texts = some(st.text(max_size=5))
tasks = st.builds(
    VideoTask,
    id=st.text(),
    status=st.text(),
    phase=st.sampled_from(Phase),
    progress=some(numbers),
    failure=some(st.builds(TaskFailure, texts, texts)),
    queue_position=some(st.integers()),
    created_at=some(moments),
    updated_at=some(moments),
    raw=st.dictionaries(st.text(), documents, max_size=3),
    video_url=texts,
    prompt=texts,
    seconds=some(numbers),
)


@settings(max_examples=50)
@given(tasks)
def test_any_snapshot_comes_back_the_same_by_way_of_json_or_not(task: VideoTask) -> None:
    data = task.to_dict()

    assert values(VideoTask.from_dict(data)) == values(task)
    assert values(VideoTask.from_dict(through_json(data))) == values(task)


@settings(max_examples=50)
@given(documents, st.dictionaries(st.sampled_from(sorted(FULL.to_dict())), documents))
def test_damaged_data_is_a_value_error_or_a_task(whole: Any, part: dict[str, Any]) -> None:
    for data in (whole, part, {**LEAST, **part}, {**LEAST, "failure": part}):
        try:
            task = VideoTask.from_dict(data)
        except ValueError as error:
            assert "VideoTask.to_dict()" in str(error)
        else:
            assert values(VideoTask.from_dict(through_json(task.to_dict()))) == values(task)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([], "expected a mapping, not a value of type list"),
        (None, "expected a mapping, not nothing"),
        ({"id": "x", "status": "completed"}, "phase missing"),
        ({"status": "completed"}, "id and phase missing"),
        ({**LEAST, "id": None}, "id: expected a text, not nothing"),
        (
            {**LEAST, "phase": "paused"},
            "phase: expected one of queued, running, succeeded, failed, not 'paused'",
        ),
        ({**LEAST, "progress": "0.5"}, "progress: expected a finite number, not '0.5'"),
        ({**LEAST, "progress": float("nan")}, "not a value of type float"),
        ({**LEAST, "seconds": 10**400}, "not a value of type int"),
        ({**LEAST, "seconds": True}, "not a value of type bool"),
        ({**LEAST, "queue_position": 1.5}, "queue_position: expected a whole number"),
        ({**LEAST, "failure": "no"}, "failure: expected a mapping, not 'no'"),
        ({**LEAST, "failure": {"code": 3}}, "failure.code: expected a text, not a value of type"),
        ({**LEAST, "created_at": "soon"}, "created_at: expected an ISO 8601 moment, not 'soon'"),
        ({**LEAST, "created_at": 1759321815}, "expected an ISO 8601 moment"),
        ({**LEAST, "created_at": "2025-10-01T12:30:15"}, "with its offset from UTC"),
        ({**LEAST, "video_urls": "https://h/v.mp4"}, "video_urls: expected a list of texts"),
        ({**LEAST, "video_urls": [3]}, "expected a text, not a value of type int"),
        ({**LEAST, "cost": 5}, "cost: expected a mapping"),
        ({**LEAST, "cost": {"amount": "5"}}, "cost.amount: expected a finite number"),
        ({**LEAST, "usage": 3}, "usage: expected a mapping"),
        ({**LEAST, "raw": [1]}, "raw: expected a mapping, not a value of type list"),
        ({**LEAST, "size": 3, "model": 4}, "model: expected a text, not a value of type int; size"),
    ],
)
def test_what_is_damaged_is_said(data: Any, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        VideoTask.from_dict(data)

    assert reason in str(caught.value)


def test_a_damaged_value_that_may_be_a_secret_is_not_shown() -> None:
    with pytest.raises(ValueError) as caught:
        VideoTask.from_dict({**LEAST, "created_at": "https://cdn.example/v.mp4?sig=SECRET"})

    assert str(caught.value).endswith("not another text")


def test_what_a_later_version_added_is_left_out() -> None:
    data = {**FULL.to_dict(), "smell": "roses"}
    data["failure"] = {**data["failure"], "until": "tomorrow"}

    assert values(VideoTask.from_dict(data)) == values(FULL)


def test_what_an_older_version_did_not_write_has_no_value() -> None:
    assert values(VideoTask.from_dict(LEAST)) == values(VideoTask(id="video_1"))
    assert VideoTask.from_dict({**LEAST, "failure": {}}).failure == TaskFailure()
    assert VideoTask.from_dict({**LEAST, "video_url": "https://h/v.mp4"}).video_urls == (
        "https://h/v.mp4",
    )


def test_numbers_that_lost_their_point_and_moments_as_values_are_read() -> None:
    """A database may give 10 for 10.0, and a datetime for its text."""
    task = VideoTask.from_dict({**LEAST, "seconds": 10, "created_at": NOW})

    assert (type(task.seconds), task.created_at) == (float, NOW)


def test_plain_data_holds_nothing_but_plain_types() -> None:
    data = FULL.to_dict()

    assert {type(value) for value in data.values()} == {str, float, int, dict, list}


def test_a_moment_is_written_in_utc() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=8)))

    data = VideoTask(id="x", created_at=there).to_dict()

    assert data["created_at"] == "2025-10-01T12:30:15.250000+00:00"


def test_a_moment_without_a_zone_is_not_taken_for_a_local_one() -> None:
    data = VideoTask(id="x", created_at=NOW.replace(tzinfo=None)).to_dict()

    assert data["created_at"] == "2025-10-01T12:30:15.250000"


@pytest.mark.parametrize(
    "raw",
    [b'{"n": [NaN, -Infinity, 1e999, 1.5]}', {"n": [*map(float, ("nan", "-inf", "inf", "1.5"))]}],
)
def test_a_number_that_json_has_no_word_for_is_none(raw: Any) -> None:
    data = through_json(VideoTask(id="x", raw=raw).to_dict())

    assert data["raw"] == {"n": [None, None, None, 1.5]}


def test_an_answer_that_json_cannot_carry_becomes_text() -> None:
    assert VideoTask(id="x", raw={"path": Path("v.mp4")}).to_dict()["raw"] == {"path": "v.mp4"}


def test_to_change_plain_data_changes_no_task() -> None:
    data = FULL.to_dict()
    data["raw"]["detail"].clear()

    assert FULL.raw["detail"] and FULL.detail.pending_info is not None
